"""What of a test's parameters is left to nightly runs, for the time that it takes to compile."""

from typing import Any

import pytest

__all__ = ["nightly"]


def nightly(*values: Any) -> list[Any]:
    """Parameters with which a test runs nightly only; a tuple is one for each of several names."""
    several = (value if type(value) is tuple else (value,) for value in values)
    return [pytest.param(*value, marks=pytest.mark.nightly) for value in several]
