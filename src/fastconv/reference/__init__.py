"""The specification: every op as NumPy loops that can be read aloud.

Nothing here is fast, and nothing here is shared with the code that is: these functions import NumPy and the
standard library alone, so that a mistake in the geometry or in a kernel cannot hide in both sides of a comparison.

Arrays are batched, ``(N, C, *spatial)``, of spatial rank 1, 2 or 3. Arguments are explicit tuples with one entry per
spatial axis, a pair ``(before, after)`` in the case of padding, and are taken at their word. Results have the dtype
that NumPy gives to the arrays handed in; whoever wants a wider sum converts the arrays beforehand.

Source: V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning" (2016), arXiv:1603.07285,
called "the guide" in this folder; its 15 relationships are cited by number.
"""

from fastconv.reference.activation import activation
from fastconv.reference.adaptive_pool import adaptive_avg_pool, adaptive_max_pool
from fastconv.reference.columns import fold, unfold
from fastconv.reference.conv import conv, conv_transpose
from fastconv.reference.fractional_pool import fractional_begins, fractional_max_pool
from fastconv.reference.grad import conv_weight
from fastconv.reference.lp_pool import lp_pool, lp_pool_grad
from fastconv.reference.matrix import conv_matrix
from fastconv.reference.padding import pad
from fastconv.reference.pool import avg_pool, max_pool
from fastconv.reference.pool_grad import adaptive_avg_pool_grad, avg_pool_grad, max_pool_grad, max_unpool

__all__ = [
    "activation",
    "adaptive_avg_pool",
    "adaptive_avg_pool_grad",
    "adaptive_max_pool",
    "avg_pool",
    "avg_pool_grad",
    "conv",
    "conv_matrix",
    "conv_transpose",
    "conv_weight",
    "fold",
    "fractional_begins",
    "fractional_max_pool",
    "lp_pool",
    "lp_pool_grad",
    "max_pool",
    "max_pool_grad",
    "max_unpool",
    "pad",
    "unfold",
]
