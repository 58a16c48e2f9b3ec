"""Layers of real networks, as data: the parameters of all benchmarks.

A name stands for its shape in stored results, so a shape that changes takes a new name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = [
    "AVG_POOLS", "BATCHES", "DENSE", "DEPTHWISE", "DTYPES", "GROUPED", "IMAGES", "LAYERS", "MATRICES", "MAX_POOLS",
    "ODD", "SIGNALS", "TINY", "TRANSPOSED", "VOLUMES", "Layer", "Matrix",
]  # fmt: skip


@dataclass(frozen=True)
class Layer:
    """One call of an operation.

    Attributes
    ----------
    op : str
        "conv", "conv_transpose", "max_pool" or "avg_pool".
    input : tuple of int
        Shape (N, C, *spatial).
    kernel : tuple of int
        Shape of the weight; of a pool, the window.
    options : dict
        Further arguments, by name.
    dtype : str
        Of input and weight.
    """

    op: str
    input: tuple[int, ...]
    kernel: tuple[int, ...]
    options: dict[str, Any]
    dtype: str = "float32"

    @property
    def function(self) -> str:
        """Name of the public function that the layer calls."""
        return f"{self.op}{len(self.input) - 2}d"


@dataclass(frozen=True)
class Matrix:
    """One matrix K': arguments of ``conv_matrix``."""

    kernel: tuple[int, ...]
    input_size: tuple[int, ...]
    options: dict[str, Any]


def conv(input: tuple[int, ...], weight: tuple[int, ...], dtype: str = "float32", **options: Any) -> Layer:
    """A convolution."""
    return Layer("conv", input, weight, options, dtype)


def transposed(input: tuple[int, ...], weight: tuple[int, ...], **options: Any) -> Layer:
    """A transposed convolution."""
    return Layer("conv_transpose", input, weight, options)


def max_pool(input: tuple[int, ...], *window: int, **options: Any) -> Layer:
    """A maximum over windows."""
    return Layer("max_pool", input, window, options)


def avg_pool(input: tuple[int, ...], *window: int, **options: Any) -> Layer:
    """An average over windows."""
    return Layer("avg_pool", input, window, options)


DENSE = {
    "resnet50.conv1 7x7s2": conv((1, 3, 224, 224), (64, 3, 7, 7), stride=2, padding=3),
    "resnet50.2 1x1": conv((1, 64, 56, 56), (256, 64, 1, 1)),
    "resnet50.2 3x3": conv((1, 64, 56, 56), (64, 64, 3, 3), padding=1),
    "resnet50.3 3x3": conv((1, 128, 28, 28), (128, 128, 3, 3), padding=1),
    "resnet50.3 3x3s2": conv((1, 128, 56, 56), (128, 128, 3, 3), stride=2, padding=1),
    "resnet50.4 3x3": conv((1, 256, 14, 14), (256, 256, 3, 3), padding=1),
    "resnet50.4 1x1": conv((1, 1024, 14, 14), (256, 1024, 1, 1)),
    "resnet50.5 3x3": conv((1, 512, 7, 7), (512, 512, 3, 3), padding=1),
    "vgg16.1.1 3x3": conv((1, 3, 224, 224), (64, 3, 3, 3), padding=1),
    "vgg16.1.2 3x3": conv((1, 64, 224, 224), (64, 64, 3, 3), padding=1),
    "batch8 3x3": conv((8, 128, 28, 28), (128, 128, 3, 3), padding=1),
    "aspp 3x3d12": conv((1, 256, 33, 33), (64, 256, 3, 3), padding=12, dilation=12),
    "small 3x3": conv((1, 256, 4, 4), (256, 256, 3, 3), padding=1),
    "deeplab 3x3d2": conv((1, 256, 32, 32), (256, 256, 3, 3), padding=2, dilation=2),
}

# Many small images, as networks are trained on and as their last layers see.
BATCHES = {
    "batch64 cifar 3x3": conv((64, 64, 8, 8), (64, 64, 3, 3), padding=1),
    "batch64 resnet50.4 1x1": conv((64, 1024, 14, 14), (256, 1024, 1, 1)),
    "batch64 resnet50.5 1x1": conv((64, 512, 7, 7), (512, 512, 1, 1)),
}

GROUPED = {
    "resnext50.2 3x3g32": conv((1, 128, 56, 56), (128, 4, 3, 3), padding=1, groups=32),
    "resnext50.3 3x3g32": conv((1, 256, 28, 28), (256, 8, 3, 3), padding=1, groups=32),
    "shufflenet 1x1g3": conv((1, 240, 28, 28), (60, 80, 1, 1), groups=3),
}

DEPTHWISE = {
    "mobilenet dw 3x3": conv((1, 32, 112, 112), (32, 1, 3, 3), padding=1, groups=32),
    "mobilenet dw 3x3 reflect": conv((1, 32, 112, 112), (32, 1, 3, 3), padding=1, groups=32, padding_mode="reflect"),
    "mobilenet dw 3x3s2": conv((1, 96, 112, 112), (96, 1, 3, 3), stride=2, padding=1, groups=96),
    "efficientnet dw 5x5s2": conv((1, 144, 56, 56), (144, 1, 5, 5), stride=2, padding=2, groups=144),
    "convnext dw 7x7": conv((1, 96, 56, 56), (96, 1, 7, 7), padding=3, groups=96),
    "convnext.4 dw 7x7": conv((1, 768, 7, 7), (768, 1, 7, 7), padding=3, groups=768),
    "mobilenetv3 dw 5x5s2": conv((1, 672, 14, 14), (672, 1, 5, 5), stride=2, padding=2, groups=672),
}

VOLUMES = {
    "r2plus1d 3x1x1": conv((1, 64, 8, 56, 56), (64, 64, 3, 1, 1), padding=(1, 0, 0)),
    "video 3x3x3": conv((1, 16, 16, 64, 64), (32, 16, 3, 3, 3), padding=1),
}

SIGNALS = {
    "whisper k3": conv((1, 80, 3000), (384, 80, 3), padding=1),
    "wavenet k2d512": conv((1, 32, 16000), (32, 32, 2), dilation=512),
    "tcn k3d64": conv((1, 128, 4000), (128, 128, 3), padding=64, dilation=64),
    "audio k9": conv((4, 64, 16000), (64, 64, 9), padding=4),
    "signal 1M k64": conv((1, 1, 1_000_000), (1, 1, 64), padding="same"),
}

IMAGES = {
    "image 1024 3x3": conv((1, 1, 1024, 1024), (1, 1, 3, 3), padding=1),
    "image 1024 7x7": conv((1, 1, 1024, 1024), (1, 1, 7, 7), padding=3),
    "image 1024 15x15": conv((1, 1, 1024, 1024), (1, 1, 15, 15), padding=7),
    "image 512 31x31": conv((1, 1, 512, 512), (1, 1, 31, 31), padding=15),
}

# Shapes that no kernel was tuned for: prime widths, few channels, kernels that are not square.
ODD = {
    "superresolution 3x3": conv((1, 64, 128, 128), (3, 64, 3, 3), padding=1),
    "alexnet.conv1 11x11s4": conv((1, 3, 224, 224), (64, 3, 11, 11), stride=4, padding=2),
    "inception.stem 3x3s2": conv((1, 3, 299, 299), (32, 3, 3, 3), stride=2),
    "inception 1x7": conv((1, 128, 17, 17), (128, 128, 1, 7), padding=(0, 3)),
    "inception 7x1": conv((1, 128, 17, 17), (128, 128, 7, 1), padding=(3, 0)),
    "convnext.stem 4x4s4": conv((1, 3, 224, 224), (96, 3, 4, 4), stride=4),
    "vit 16x16s16": conv((1, 3, 224, 224), (768, 3, 16, 16), stride=16),
    "odd 3x3": conv((1, 30, 25, 25), (100, 30, 3, 3), padding=1),
    "densenet 3x3": conv((1, 128, 7, 7), (32, 128, 3, 3), padding=1),
    "squeezenet 1x1": conv((1, 16, 54, 54), (64, 16, 1, 1)),
    "yolo 3x3": conv((1, 128, 13, 13), (255, 128, 3, 3), padding=1),
}

DTYPES = {
    f"resnet50.3 3x3 {dtype}": conv((1, 128, 28, 28), (128, 128, 3, 3), dtype, padding=1)
    for dtype in ("float16", "float64", "complex64", "int8", "int16", "int32", "int64")
}

TINY = {
    "tiny 8x8 3x3": conv((1, 1, 8, 8), (1, 1, 3, 3)),
    "lenet 28x28 5x5": conv((1, 1, 28, 28), (6, 1, 5, 5)),
}

TRANSPOSED = {
    "wavegan k25s4": transposed((1, 64, 1024), (64, 32, 25), stride=4, padding=11, output_padding=1),
    "dcgan 4x4s1": transposed((1, 100, 1, 1), (100, 256, 4, 4)),
    "dcgan 4x4s2": transposed((1, 256, 16, 16), (256, 128, 4, 4), stride=2, padding=1),
    "unet 2x2s2": transposed((1, 128, 56, 56), (128, 64, 2, 2), stride=2),
    "fcn 16x16s8": transposed((1, 21, 28, 28), (21, 21, 16, 16), stride=8, padding=4),
    "unet3d 2x2x2s2": transposed((1, 32, 16, 16, 16), (32, 16, 2, 2, 2), stride=2),
}

MAX_POOLS = {
    "resnet50 max 3x3s2": max_pool((1, 64, 112, 112), 3, 3, stride=2, padding=1),
    "vgg16 max 2x2s2": max_pool((1, 64, 224, 224), 2, 2),
    "inception max 3x3s1": max_pool((1, 256, 28, 28), 3, 3, stride=1, padding=1),
    "spp max 13x13s1": max_pool((1, 128, 13, 13), 13, 13, stride=1, padding=6),
    "squeezenet max 3x3s2 ceil": max_pool((1, 96, 109, 109), 3, 3, stride=2, ceil_mode=True),
    "c3d max 2x2x2": max_pool((1, 64, 8, 56, 56), 2, 2, 2),
    "audio max k4": max_pool((4, 64, 16000), 4),
}

AVG_POOLS = {
    "inception avg 3x3s1": avg_pool((1, 256, 28, 28), 3, 3, stride=1, padding=1, count_include_pad=False),
    "densenet avg 2x2s2": avg_pool((32, 64, 56, 56), 2, 2),
    "resnet50 avg global": avg_pool((1, 2048, 7, 7), 7, 7),
    "c3d avg 2x2x2": avg_pool((1, 64, 8, 56, 56), 2, 2, 2),
}

LAYERS = (
    DENSE
    | BATCHES
    | GROUPED
    | DEPTHWISE
    | VOLUMES
    | SIGNALS
    | IMAGES
    | ODD
    | DTYPES
    | TINY
    | TRANSPOSED
    | MAX_POOLS
    | AVG_POOLS
)

MATRICES = {
    "lenet 5x5": Matrix((6, 1, 5, 5), (1, 28, 28), {}),
    "signal 2000 k64": Matrix((64,), (2000,), {}),
    "image 256 3x3": Matrix((3, 3), (256, 256), {"padding": 1}),
    "cifar 3x3s2": Matrix((16, 16, 3, 3), (16, 32, 32), {"stride": 2, "padding": 1}),
    "cifar 3x3": Matrix((16, 16, 3, 3), (16, 32, 32), {"padding": 1}),
}
