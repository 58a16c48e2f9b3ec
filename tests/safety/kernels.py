"""All kernels of the package, found by looking."""

from __future__ import annotations

import gc
import pkgutil
from importlib import import_module

import fastconv
from fastconv.jit.kernel import Kernel

#: Rooms without kernels, whose imports need extras.
WITHOUT = ("fastconv.cli", "fastconv.plots", "fastconv.__main__")


def kernel_names() -> set[str]:
    """Names of the kernels that the package's modules made, wherever they keep them."""
    for info in pkgutil.walk_packages(fastconv.__path__, "fastconv."):
        if not info.name.startswith(WITHOUT):
            import_module(info.name)
    made = [found for found in gc.get_objects() if type(found) is Kernel]
    return {kernel.name for kernel in made if kernel.body.__module__.startswith("fastconv.")}
