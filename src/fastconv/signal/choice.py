"""Convolution by what is fastest, sums of products or Fourier transforms: `convolve`, `correlate`,
`choose_conv_method`."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import lru_cache, partial
from math import log2, prod
from time import perf_counter
from typing import Any

import numpy as np

from fastconv.ops import dtypes
from fastconv.ops.arguments import Form
from fastconv.ops.calls import remembered
from fastconv.ops.fourier import fourier_dtype, fourier_nanoseconds
from fastconv.plan.transforms import LEAST_TAPS
from fastconv.signal import arguments as arg
from fastconv.signal.direct import Sums, plan_sums
from fastconv.signal.fourier import transformed

__all__ = ["choose_conv_method", "convolve", "correlate"]

#: Nanoseconds for each byte of a product in a sum, along one axis and along several, where the 60 kernels that these
#: were measured with lay within half and twice as much; for an element of the result, and for a call.
_PRODUCT_COST = {1: 0.019, 2: 0.012}
_RESULT_COST, _CALL_COST = 1.0, 10_000.0


def convolve(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> np.ndarray:
    """Convolve two arrays along all of their axes.

    Along each axis the whole convolution has the elements ::

        F[n] = sum over k of in1[n - k] * in2[k]    for 0 <= n < size + taps - 1

    Parameters
    ----------
    in1, in2 : array_like
        Of as many axes.
    mode : {"full", "same", "valid"}
        All of F; its middle, of the shape of `in1`; or where one lies inside the other, whichever is the larger.
    method : {"auto", "direct", "fft"}
        Sums of products; Fourier transforms; or what `choose_conv_method` says.

    Returns
    -------
    ndarray
        In the dtype of NumPy's promotion. Integers wrap around in it, with either method; float16 is summed in
        float32; of booleans, products are "and" and sums "or".

    Warns
    -----
    RuntimeWarning
        Where Fourier transforms give NaNs or infinities: one such number makes all of two blocks NaN.

    Raises
    ------
    TypeError, ValueError
        Before anything is computed, with what was given and what is allowed.

    Notes
    -----
    As ``scipy.signal.convolve``. What differs: "auto" takes transforms for integers only where rounding their results
    is known to be exact, and computes only what the mode wants. Inputs without elements are refused, but for an empty
    result in mode "same". Long doubles, objects and masked arrays are not taken.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.signal.convolve([1, 2, 3], [0, 1, 0.5])
    array([0. , 1. , 2.5, 4. , 1.5])
    >>> fc.signal.convolve(np.array([200, 100], np.uint8), np.array([2], np.uint8))
    array([144, 200], dtype=uint8)
    """
    x, w = arg.any_arrays(in1, in2)
    return _convolve(x, w, mode, method)


def correlate(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> np.ndarray:
    """Correlate two arrays along all of their axes.

    Along each axis the whole correlation has the elements ::

        F[n] = sum over k of in1[n + k - (taps - 1)] * conj(in2[k])    for 0 <= n < size + taps - 1

    It is the convolution with `in2` turned around and conjugated; parameters, dtypes, warnings and errors are those of
    `convolve`. As ``scipy.signal.correlate``, with the differences that `convolve` has.

    See Also
    --------
    correlation_lags : how far `in2` is moved for each element.

    Examples
    --------
    >>> import fastconv as fc
    >>> fc.signal.correlate([1, 2, 3], [1, 10])
    array([10, 21, 32,  3])
    """
    x, w = arg.arrays(in1, in2)
    return _convolve(x, arg.mirrored(w), mode, method)


def choose_conv_method(in1: Any, in2: Any, mode: str = "full", measure: bool = False) -> Any:
    """Say which method of `convolve` and `correlate` is the faster for such inputs.

    Parameters
    ----------
    in1, in2 : array_like
        What is convolved.
    mode : {"full", "same", "valid"}
        As in `convolve`.
    measure : bool
        Time both methods, in place of estimating what they take.

    Returns
    -------
    method : {"direct", "fft"}
        Booleans are "direct", and integers where transforms might not be exact.
    times : dict of str to float
        Seconds that each method took; with ``measure=True`` only.

    Raises
    ------
    TypeError, ValueError
        Where `convolve` does; but long doubles and objects, which are SciPy's, are "direct" as there.

    Notes
    -----
    As ``scipy.signal.choose_conv_method``, with costs that were measured for the engines of this package, and therefore
    other answers: sums of products pay for larger kernels here.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> fc.signal.choose_conv_method(np.zeros((500, 500)), np.zeros((3, 3)))
    'direct'
    >>> fc.signal.choose_conv_method(np.zeros((500, 500)), np.zeros((300, 300)))
    'fft'
    """
    x, w = arg.any_arrays(in1, in2)
    arg.same_ndim(x, w)
    x, w, _ = arg.sorted_for_valid(x, w, arg.check_mode(mode))
    if measure:
        arg.arrays(x, w)
        times = {method: _seconds(x, w, mode, method) for method in ("fft", "direct")}
        return ("fft" if times["fft"] < times["direct"] else "direct"), times
    return _faster(x, w, mode)


def _seconds(x: np.ndarray, w: np.ndarray, mode: str, method: str) -> float:
    """Time of a call: the shortest of up to twenty, in a tenth of a second after the first."""
    best, until = float("inf"), float("inf")
    for _ in range(20):
        start = perf_counter()
        _convolve(x, w, mode, method)
        end = perf_counter()
        best = min(best, end - start)
        until = min(until, end + 0.1)
        if end > until:
            break
    return best


def _convolve(x: np.ndarray, w: np.ndarray, mode: Any, method: Any) -> np.ndarray:
    return _planned((x, w), mode, method)(x, w)


@remembered
def _planned(forms: tuple[Form, ...], mode: Any, method: Any) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """What is done with arrays of such forms; whether whole numbers are transformed depends on which they are."""
    x, w = forms
    arg.check_numbers(x, w)
    if x.shape == w.shape == ():
        return np.multiply
    arg.same_ndim(x, w)
    mode, method = arg.check_mode(mode), arg.check_method(method)
    if mode == "same" and 0 in x.shape and 0 not in w.shape:
        return lambda x, w: np.zeros(x.shape, np.result_type(x, w))
    for form, name in ((x, "in1"), (w, "in2")):
        if 0 in form.shape:
            raise ValueError(f"{name} has shape {form.shape}, and so no elements; give at least one.")
    x, w, _ = arg.sorted_for_valid(x, w, mode)
    transform, is_whole = partial(_by_transforms, mode=mode), np.result_type(x.dtype, w.dtype).kind in "biu"
    promises = method == "auto" and _transforms_promise_less(x.shape, w.shape, mode, x.dtype, w.dtype)
    if method == "fft" or (promises and not is_whole):
        return transform
    direct = _direct(forms, x, w, mode, method)
    return (lambda x, w: transform(x, w) if _rounds_exactly(x, w) else direct(x, w)) if promises else direct


def _direct(forms: tuple[Form, ...], x: Form, w: Form, mode: str, method: str) -> Sums:
    """Sums of products of arrays of such forms, which x and w are too, in the order that the mode wants."""
    first, second = arg.largest_first(x, w)
    # A convolution might transform too, as it does where the faster method is asked for.
    sums = method == "direct" and prod(second.shape) >= LEAST_TAPS and np.result_type(x.dtype, w.dtype).kind != "c"
    part, algorithm = arg.part_of(mode, x.shape, w.shape), "depthwise" if sums else "auto"
    return plan_sums(first, second, part, algorithm=algorithm, turned=first is not forms[0])


def _by_transforms(x: np.ndarray, w: np.ndarray, mode: str) -> np.ndarray:
    """The convolution by Fourier transforms in NumPy's dtype for both: whole numbers are rounded, and wrap around."""
    dtype = np.result_type(x, w).newbyteorder("=")
    axes = tuple(axis for axis in range(x.ndim) if 1 not in (x.shape[axis], w.shape[axis]))
    found = transformed(x, w, mode)
    if not axes:
        return found
    if not np.isfinite(found).all():
        warnings.warn(
            "Use of fft convolution gave NANs or infinities, to which what stands near one in the input turns as well; "
            "consider method='direct'.",
            RuntimeWarning,
            stacklevel=4,
        )
    if dtype.kind in "biu":
        np.rint(found, out=found)
        with np.errstate(invalid="ignore"):
            return found != 0 if dtype.kind == "b" else found.astype(np.int64).astype(dtype)
    return found.astype(dtype, copy=False)


def _faster(x: np.ndarray, w: np.ndarray, mode: str) -> str:
    """The method that promises to be the faster of those that give the right numbers; w fits in x in mode "valid"."""
    if not dtypes.are_numbers(np.result_type(x, w)) or x.size == 0 or w.size == 0:
        return "direct"
    if not _transforms_promise_less(x.shape, w.shape, mode, x.dtype, w.dtype):
        return "direct"
    return "fft" if np.result_type(x, w).kind in "fc" or _rounds_exactly(x, w) else "direct"


@lru_cache(maxsize=1024)
def _transforms_promise_less(
    x: tuple[int, ...], w: tuple[int, ...], mode: str, x_dtype: np.dtype, w_dtype: np.dtype
) -> bool:
    """Whether Fourier transforms are the faster method for arrays of such shapes; of booleans they never are."""
    result = np.result_type(x_dtype, w_dtype)
    if result.kind == "b":
        return False
    part, taps = arg.part_of(mode, x, w), min(prod(x), prod(w))
    sums, _ = dtypes.product_sums([dtypes.held_by(x_dtype), dtypes.held_by(w_dtype)], taps, result)
    size = sums.itemsize * (2 if sums.kind == "c" else 1)
    product = size * _PRODUCT_COST[min(2, max(1, sum(n > 1 for n in part.counts)))]
    direct = _CALL_COST + prod(part.counts) * (_RESULT_COST + taps * product)
    larger, smaller = (x, w) if prod(x) >= prod(w) else (w, x)
    return fourier_nanoseconds(larger, smaller, *part, fourier_dtype(x_dtype, w_dtype)) < direct


def _rounds_exactly(x: np.ndarray, w: np.ndarray) -> bool:
    """Whether transforms in float64 are known to be right to a quarter; they hold every sum then.

    The error of a transform of n elements is below ``4 log2(n)`` roundings of the norm of what is transformed.
    """
    norms = _largest(x) * _largest(w) * (x.size * w.size) ** 0.5
    return 12 * log2(x.size + w.size) * 2.0**-53 * norms < 0.25


def _largest(array: np.ndarray) -> int:
    return max(int(array.max()), -int(array.min()))
