"""Fast convolution, pooling and transposed convolution for NumPy arrays on a CPU.

Importing this package imports neither Numba nor a kernel: that happens at the first use of an operation.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastconv import grad as grad
    from fastconv import ndimage as ndimage
    from fastconv import signal as signal
    from fastconv.jit.threads import threads
    from fastconv.ops.adaptive_pool import (
        adaptive_avg_pool1d,
        adaptive_avg_pool2d,
        adaptive_avg_pool3d,
        adaptive_max_pool1d,
        adaptive_max_pool2d,
        adaptive_max_pool3d,
    )
    from fastconv.ops.avg_pool import avg_pool1d, avg_pool2d, avg_pool3d
    from fastconv.ops.columns import fold, unfold
    from fastconv.ops.conv import conv1d, conv2d, conv3d
    from fastconv.ops.conv_transpose import conv_transpose1d, conv_transpose2d, conv_transpose3d
    from fastconv.ops.explain import explain
    from fastconv.ops.fractional_pool import fractional_max_pool2d, fractional_max_pool3d
    from fastconv.ops.lp_pool import lp_pool1d, lp_pool2d, lp_pool3d
    from fastconv.ops.matrix import ConvMatrix, conv_matrix
    from fastconv.ops.max_pool import max_pool1d, max_pool2d, max_pool3d
    from fastconv.ops.packed import Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
    from fastconv.ops.pad import pad
    from fastconv.ops.sizes import conv_output_size, conv_transpose_output_size, pool_output_size
    from fastconv.ops.unpool import max_unpool1d, max_unpool2d, max_unpool3d

__all__ = [
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvMatrix",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_matrix",
    "conv_output_size",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "conv_transpose_output_size",
    "explain",
    "fold",
    "fractional_max_pool2d",
    "fractional_max_pool3d",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "max_unpool1d",
    "max_unpool2d",
    "max_unpool3d",
    "pad",
    "pool_output_size",
    "threads",
    "unfold",
]

_MODULES = {
    "ops.adaptive_pool": (
        "adaptive_avg_pool1d",
        "adaptive_avg_pool2d",
        "adaptive_avg_pool3d",
        "adaptive_max_pool1d",
        "adaptive_max_pool2d",
        "adaptive_max_pool3d",
    ),
    "ops.avg_pool": ("avg_pool1d", "avg_pool2d", "avg_pool3d"),
    "ops.columns": ("fold", "unfold"),
    "ops.conv": ("conv1d", "conv2d", "conv3d"),
    "ops.conv_transpose": ("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"),
    "ops.explain": ("explain",),
    "ops.fractional_pool": ("fractional_max_pool2d", "fractional_max_pool3d"),
    "ops.lp_pool": ("lp_pool1d", "lp_pool2d", "lp_pool3d"),
    "ops.matrix": ("ConvMatrix", "conv_matrix"),
    "ops.max_pool": ("max_pool1d", "max_pool2d", "max_pool3d"),
    "ops.packed": ("Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"),
    "ops.pad": ("pad",),
    "ops.sizes": ("conv_output_size", "conv_transpose_output_size", "pool_output_size"),
    "ops.unpool": ("max_unpool1d", "max_unpool2d", "max_unpool3d"),
    "jit.threads": ("threads",),
}
#: Modules of the user's, imported when they are first asked for.
_SUBMODULES = ("grad", "ndimage", "signal")
_HOMES = {name: f"fastconv.{module}" for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name == "__version__":  # importlib.metadata takes longer to import than all the rest
        return import_module("importlib.metadata").version("fastconv")
    if name not in _HOMES and name not in _SUBMODULES:
        raise AttributeError(f"module 'fastconv' has no attribute {name!r}")
    from fastconv.forks import import_whole

    if name in _SUBMODULES:
        return import_whole(f"fastconv.{name}")
    value = getattr(import_whole(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, *_SUBMODULES, "__version__"]
