"""Time of convolutions and correlations with SciPy's names."""

from __future__ import annotations

from asv_bench.fixtures import Sampling, operation, random

#: Function, shapes of both inputs, dtype, and mode or further arguments.
CALLS: dict[str, tuple[str, tuple[int, ...], tuple[int, ...], str, tuple[str, ...]]] = {
    "tiny signal": ("signal.convolve", (1000,), (16,), "float32", ("same",)),
    "signal 64": ("signal.correlate", (1_000_000,), (64,), "float32", ("same",)),
    "signal 1024": ("signal.oaconvolve", (1_000_000,), (1024,), "float32", ("same",)),
    "signals": ("signal.fftconvolve", (100_000,), (100_000,), "float64", ("full",)),
    "image 3x3 mirrored": ("signal.convolve2d", (1024, 1024), (3, 3), "float32", ("same", "symm")),
    "image 15x15": ("signal.convolve", (1024, 1024), (15, 15), "float32", ("same",)),
    "image 31x31": ("signal.fftconvolve", (1024, 1024), (31, 31), "float32", ("same",)),
    "images 300x300": ("signal.fftconvolve", (300, 300), (300, 300), "float32", ("full",)),
    "image 63x63 float64": ("signal.fftconvolve", (1024, 1024), (63, 63), "float64", ("same",)),
    "volume 9x9x9": ("signal.fftconvolve", (48, 48, 48), (9, 9, 9), "float32", ("same",)),
    "image int64": ("signal.convolve", (512, 512), (15, 15), "int64", ("same",)),
}


class Signals(Sampling):
    """Signals, images and volumes, by what each function chooses."""

    params = (tuple(CALLS),)
    param_names = ("call",)

    def setup(self, call: str) -> None:
        name, first, second, dtype, self.options = CALLS[call]
        self.function = operation(name)
        self.operands = random(first, dtype), random(second, dtype)
        self.time_call(call)

    def time_call(self, call: str) -> None:
        self.function(*self.operands, *self.options)
