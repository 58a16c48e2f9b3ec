"""SciPy's own tests of the functions that `fastconv.ndimage` and `fastconv.signal` have, run on ours.

``python tests/scipy_suite.py`` takes the tests that are installed with SciPy, from 1.17 on, and puts our functions in
place of its own before they are collected. Tests of the same files that ask for other functions run on SciPy's. What is
given goes to pytest, as in ``python tests/scipy_suite.py -k sobel``.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

import fastconv.ndimage
import fastconv.signal

#: SciPy's test modules, and the classes and functions of them that ask for functions of ours; none where all do.
MODULES = {
    "scipy.ndimage.tests.test_filters": (),
    "scipy.signal.tests.test_signaltools": (
        "TestConvolve", "TestConvolve2d", "TestFFTConvolve", "TestOAConvolve", "TestAllFreqConvolves",
        "TestCorrelateReal", "TestCorrelate", "TestCorrelateComplex", "TestCorrelate2d",
        "test_convolve_longdtype_input", "test_correlation_lags", "test_correlation_lags_invalid_mode",
        "test_choose_conv_method", "test_choose_conv_method_2",
    ),
}  # fmt: skip

#: Tests that cannot pass, by a part of their names, and why.
REASONS = {
    "test_gaussian_filter_float16": "SciPy refuses float16, which is filtered here",
    "test_convolve_longdtype_input": "long doubles are refused, with a sentence that says so",
}


def replaced() -> Iterator[str]:
    """Put our functions where SciPy has its own: the names of them."""
    from scipy._lib._array_api import xp_capabilities_table  # what its tests may ask of a function

    for ours in (fastconv.ndimage, fastconv.signal):
        theirs: ModuleType = importlib.import_module(ours.__name__.replace("fastconv", "scipy"))
        for name in ours.__all__:
            function = getattr(ours, name)
            xp_capabilities_table[function] = xp_capabilities_table.get(getattr(theirs, name))
            setattr(theirs, name, function)
            yield f"{theirs.__name__}.{name}"


class Selection:
    """A plugin of pytest: the tests that are run, on our functions, and those that are known to fail."""

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        wanted = []
        for item in items:
            names = MODULES[item.module.__name__]  # type: ignore[attr-defined]
            if not names or item.nodeid.split("::")[1].split("[")[0] in names:
                wanted.append(item)
            for part, reason in REASONS.items():
                if part in item.nodeid:
                    item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
        items[:] = wanted
        for item in wanted:
            names = vars(item.module)  # type: ignore[attr-defined]
            for name in set(fastconv.signal.__all__) & set(names):
                if getattr(names[name], "__module__", "").startswith("scipy."):
                    raise pytest.UsageError(f"{item.module.__name__} had SciPy's {name} before ours took its place")


def main() -> int:
    """Run them."""
    print(len(list(replaced())), "functions of SciPy replaced")
    paths = [importlib.util.find_spec(module).origin for module in MODULES]  # type: ignore[union-attr]
    alone = ["-c", "/dev/null", "-p", "no:cacheprovider", "-p", "no:xdist"]  # other processes would have SciPy's
    return pytest.main([*alone, "-q", *paths, *sys.argv[1:]], plugins=[Selection()])


if __name__ == "__main__":
    sys.exit(main())
