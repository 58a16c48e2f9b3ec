"""Calls that are shared out to helpers however small they are, in chunks as small as can be."""

import pytest

from fastconv.jit.pool import start_helpers

__all__ = ["share_out"]


def share_out(patch: pytest.MonkeyPatch, helpers: int) -> None:
    """From now on every call is shared with that many helpers, whatever the number of cores; 0 means serial."""
    patch.setattr("fastconv.jit.kernel.PARALLEL_NANOSECONDS", 1.0)
    patch.setattr("fastconv.jit.kernel.GRAIN_NANOSECONDS", 0.0)
    patch.setattr("fastconv.jit.kernel.helpers_for", lambda tasks, _: start_helpers(helpers) if helpers else 0)
