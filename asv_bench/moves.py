"""Time of what only moves elements: padding, and windows laid out as columns and put back."""

from __future__ import annotations

from typing import Any

from asv_bench.fixtures import Sampling, operation, random

#: Shape of the input, then pad.
PADS: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "resnet50 56": ((1, 64, 56, 56), (1, 1, 1, 1)),
    "resnet50 first": ((1, 3, 224, 224), (3, 3, 3, 3)),
    "mobilenet 7": ((1, 512, 7, 7), (1, 1, 1, 1)),
    "audio": ((4, 64, 16000), (4, 4)),
    "video": ((1, 16, 16, 64, 64), (1,) * 6),
}

#: Shape of the input, window and further arguments.
WINDOWS: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "resnet50 3x3": ((1, 64, 56, 56), (3, 3), {"padding": 1}),
    "resnet50 3x3s2": ((1, 64, 56, 56), (3, 3), {"padding": 1, "stride": 2}),
    "vit 16x16s16": ((1, 3, 224, 224), (16, 16), {"stride": 16}),
    "audio k9": ((1, 16, 16000), (9,), {}),
}


class Pad(Sampling):
    """Padding of images, signals and volumes."""

    params = (tuple(PADS), ("constant", "reflect"))
    param_names = ("input", "mode")

    def setup(self, input: str, mode: str) -> None:
        shape, self.pad = PADS[input]
        self.function, self.x = operation("pad"), random(shape)
        self.time_call(input, mode)

    def time_call(self, input: str, mode: str) -> None:
        self.function(self.x, self.pad, mode)


class Unfold(Sampling):
    """Windows as columns."""

    params = tuple(WINDOWS)
    param_names = ("windows",)

    def setup(self, windows: str) -> None:
        shape, self.window, self.options = WINDOWS[windows]
        self.function, self.x = operation("unfold"), random(shape)
        self.time_call(windows)

    def time_call(self, windows: str) -> None:
        self.function(self.x, self.window, **self.options)


class Fold(Sampling):
    """Columns added up where their windows lay."""

    params = tuple(WINDOWS)
    param_names = ("windows",)

    def setup(self, windows: str) -> None:
        shape, self.window, self.options = WINDOWS[windows]
        self.size, self.function = shape[2:], operation("fold")
        self.columns = operation("unfold")(random(shape), self.window, **self.options)
        self.time_call(windows)

    def time_call(self, windows: str) -> None:
        self.function(self.columns, self.size, self.window, **self.options)
