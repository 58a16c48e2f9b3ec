"""The layers that stand for all convolutions in `fastconv.cli.warmup_cases`."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = [
    "ACTIVATED_LAST_LAYERS",
    "ACTIVATED_LAYERS",
    "CHANNEL_WINDOWS",
    "CONV_BETWEEN",
    "CONV_LAYERS",
    "GRADIENT_LAYERS",
    "LAST_LAYERS",
    "PIECED_CHANNELS",
    "PIECED_GRADIENT_LAYERS",
    "PIECED_KERNELS",
    "TRANSPOSED_BETWEEN",
    "TRANSPOSED_LAYERS",
    "TRANSPOSED_TURNED_WINDOWS",
    "TURNED_WINDOWS",
    "WHOLE_ENDS",
    "Layer",
    "many_channels",
]


class Layer(NamedTuple):
    """A convolution: channels in and out, taps along an axis, groups, and further arguments."""

    channels: int
    out_channels: int
    kernel: int
    groups: int
    options: dict[str, Any]


CONV_LAYERS = (
    Layer(8, 12, 3, 1, {"padding": 1}),
    Layer(1, 1, 3, 1, {}),
    Layer(32, 16, 1, 1, {}),
    Layer(32, 64, 1, 1, {"stride": 2}),
    Layer(3, 16, 3, 1, {"stride": 2, "padding": 1}),
    Layer(1, 1, 5, 1, {"padding": "same", "padding_mode": "reflect"}),
    Layer(8, 8, 3, 1, {"dilation": 2}),
    *(Layer(8, 8, kernel, 8, {"padding": kernel // 2, "stride": step}) for kernel in (3, 5, 7) for step in (1, 2)),
    *(Layer(8, 8, 3, 8, {"padding": 1, "padding_mode": "reflect", "stride": step}) for step in (1, 2)),
    Layer(8, 8, 4, 8, {"dilation": 2, "padding": 3}),
)
#: For each number of axes, kernels and strides that Winograd's algorithm cuts into pieces of another kind; and output
#: channels of which tiles are its lanes, and of which channels are.
PIECED_KERNELS: dict[int, list[tuple[tuple[int, ...], int]]] = {
    1: [((9,), 1)],
    2: [((3, 3), 1), ((5, 5), 1), ((4, 4), 2), ((7, 1), 1)],
    3: [],
}
PIECED_CHANNELS = (8, 64)
#: The greatest whole number of an input, and of weights: such that products are of 8 bits, of 16, whose sums fit 32 or
#: do not, of floats, and of integers.
WHOLE_ENDS = ((2, 2), (2**9, 2), (2**15 - 1, 2**15 - 1), (2**31 - 1, 2), (2**62, 2**15 - 1))
TRANSPOSED_LAYERS = (
    Layer(8, 4, 4, 1, {"stride": 2, "padding": 1}),
    Layer(1, 1, 3, 1, {}),
    Layer(16, 8, 2, 1, {"stride": 2}),
    Layer(8, 16, 3, 1, {"padding": 1}),
    *(
        Layer(8, 8, kernel, 8, {"padding": kernel // 2 - less, "stride": 2})
        for kernel in (2, 3, 4, 5, 7)
        for less in (0, 1)
    ),
    Layer(8, 8, 3, 8, {"padding": 1}),
    Layer(8, 8, 7, 8, {"padding": 3}),
)
GRADIENT_LAYERS = (
    Layer(8, 12, 3, 1, {"padding": 1}),
    Layer(1, 1, 3, 1, {}),
    Layer(1, 1, 1, 1, {}),
    Layer(32, 16, 1, 1, {}),
    Layer(3, 16, 3, 1, {"stride": 2, "padding": 1}),
    Layer(128, 128, 2, 1, {"stride": 2}),
    Layer(128, 128, 1, 1, {"stride": 2}),
    *(
        Layer(8, 8, kernel, 8, {"padding": (kernel - 1) // 2, "stride": step})
        for kernel in (3, 4, 5, 7)
        for step in (1, 2)
    ),
)
#: For images, those whose gradient is a strided convolution with enough channels for Winograd's algorithm.
PIECED_GRADIENT_LAYERS = (
    Layer(64, 3, 7, 1, {"stride": 2, "padding": 3}),
    Layer(64, 32, 5, 1, {"stride": 2, "padding": 2}),
    Layer(64, 64, 4, 1, {"stride": 2, "padding": 1}),
)
ACTIVATED_LAYERS = (
    Layer(16, 24, 3, 1, {"activation": "relu", "padding": 1}),
    Layer(64, 64, 1, 1, {"activation": "relu"}),
)
#: Those of channels-last inputs that take other code than channels-first ones.
LAST_LAYERS = (
    Layer(8, 8, 3, 8, {"padding": 1}),
    Layer(3, 2, 3, 1, {"padding": 1}),
    Layer(64, 64, 1, 1, {}),
)
ACTIVATED_LAST_LAYERS = (
    Layer(8, 8, 3, 8, {"activation": "relu"}),
    Layer(3, 2, 3, 1, {"activation": "relu", "padding": 1}),
    Layer(64, 64, 1, 1, {"activation": "relu"}),
)


#: Sides of square windows and strides of depthwise convolutions that have kernels of their own where there are many
#: channels: of channels-first images that are turned, and of channels-last ones.
TURNED_WINDOWS = ((3, 1), (3, 2), (5, 1), (5, 2), (7, 1))
TRANSPOSED_TURNED_WINDOWS = ((3, 1), (5, 1), (7, 1))
CHANNEL_WINDOWS = ((3, 1), (3, 2), (4, 1), (5, 1), (5, 2), (7, 1))

#: Taps along an axis, strides and algorithms that are chosen for many channels at sizes between those of the cases.
CONV_BETWEEN = ((3, 1, "panel"), (3, 2, "panel"), (1, 1, "tile"))
TRANSPOSED_BETWEEN = ((3, 2, "spread"), (2, 2, "spread"), (3, 1, "panel"))


def many_channels(rank: int) -> Layer:
    """Enough of them to fill vectors, and for their weights to be packed by several threads."""
    channels = 256 >> rank
    return Layer(channels, channels, 3, 1, {"padding": 1})
