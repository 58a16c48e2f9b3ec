"""Gradients, under the names of ``torch.nn.grad``."""

from fastconv.ops.columns import grad_fold as fold
from fastconv.ops.columns import grad_unfold as unfold
from fastconv.ops.grad import (
    conv1d_input,
    conv1d_weight,
    conv2d_input,
    conv2d_weight,
    conv3d_input,
    conv3d_weight,
    conv_transpose1d_input,
    conv_transpose1d_weight,
    conv_transpose2d_input,
    conv_transpose2d_weight,
    conv_transpose3d_input,
    conv_transpose3d_weight,
)

__all__ = [
    "conv1d_input", "conv1d_weight", "conv2d_input", "conv2d_weight", "conv3d_input", "conv3d_weight",
    "conv_transpose1d_input", "conv_transpose1d_weight", "conv_transpose2d_input", "conv_transpose2d_weight",
    "conv_transpose3d_input", "conv_transpose3d_weight", "fold", "unfold",
]  # fmt: skip
