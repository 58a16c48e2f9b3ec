"""All kernels of the package, found by looking."""

from __future__ import annotations

import pkgutil
from importlib import import_module

import fastconv
from fastconv.jit.kernel import Kernel

#: Rooms without kernels, whose imports need extras.
WITHOUT = ("fastconv.cli", "fastconv.plots", "fastconv.__main__")


def kernel_names() -> set[str]:
    """Names of the kernels that any module of the package holds."""
    found = set()
    for info in pkgutil.walk_packages(fastconv.__path__, "fastconv."):
        if not info.name.startswith(WITHOUT):
            found |= {value.name for value in vars(import_module(info.name)).values() if isinstance(value, Kernel)}
    return found
