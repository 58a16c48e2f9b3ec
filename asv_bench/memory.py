"""Peak of resident memory during one call, in bytes.

What an operation needs, its result included, is `peakmem_call` less `peakmem_nothing`: both stand on the same
interpreter, libraries, compiled code and data.
"""

from __future__ import annotations

import contextlib
import ctypes
import subprocess
import sys
from pathlib import Path

from asv_bench.fixtures import matrix_arguments, only_with_threads, operation, warm_call
from asv_bench.shapes import LAYERS


def compile_elsewhere(fixture: str, name: str) -> None:
    """Let another process compile and keep the code: what the compiler leaves would hide a call's memory."""
    code = f"from asv_bench import fixtures; fixtures.{fixture}({name!r})"
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[1], check=True)


def forget_peak() -> None:
    """Start a new peak, where the system can. Freed memory goes back first, or a call would grow into it unseen."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")


class Layers:
    """Layers whose input and output are large against the interpreter."""

    params = ("resnet50.2 3x3", "vgg16.1.2 3x3", "mobilenet dw 3x3s2", "unet 2x2s2", "vgg16 max 2x2s2")
    param_names = ("layer",)

    def setup(self, layer: str) -> None:
        only_with_threads(2)
        operation(LAYERS[layer].function)
        compile_elsewhere("warm_call", layer)
        self.call = warm_call(layer)
        forget_peak()

    def peakmem_nothing(self, layer: str) -> None:
        pass

    def peakmem_call(self, layer: str) -> None:
        self.call()


class Matrices:
    """The build of K', whose arrays are the result."""

    params = ("image 256 3x3", "cifar 3x3")
    param_names = ("matrix",)

    def setup(self, name: str) -> None:
        only_with_threads(2)
        self.function, (self.weight, self.size, self.options) = operation("conv_matrix"), matrix_arguments(name)
        compile_elsewhere("built_matrix", name)
        self.function(self.weight, self.size, **self.options)
        forget_peak()

    def peakmem_nothing(self, name: str) -> None:
        pass

    def peakmem_build(self, name: str) -> None:
        self.matrix = self.function(self.weight, self.size, **self.options)
