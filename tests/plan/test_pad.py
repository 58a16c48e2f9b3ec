"""Paddings that go round their axis several times, which filters of images that are smaller than their windows have."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastconv.plan.pad import PaddedAxis, plan_pad
from properties.strategies import examples

NUMPY_MODES = {
    "zeros": "constant",
    "reflect": "reflect",
    "symmetric": "symmetric",
    "circular": "wrap",
    "replicate": "edge",
}

axes = st.tuples(st.integers(1, 12), st.integers(0, 60), st.integers(0, 60))


@given(st.lists(axes, min_size=1, max_size=3), st.sampled_from(sorted(NUMPY_MODES)), st.booleans())
@examples(120)
def test_padding_is_numpys(sizes: list[tuple[int, int, int]], mode: str, turned: bool) -> None:
    x = np.arange(1.0, 1 + np.prod([size for size, *_ in sizes]), dtype=np.float32)
    x = x.reshape([size for size, *_ in sizes])
    x = np.asfortranarray(x) if turned else x
    wanted = np.pad(x, [pads for _, *pads in sizes], NUMPY_MODES[mode])
    y = np.full(wanted.shape, np.nan, np.float32)
    steps = zip(sizes, x.strides, y.strides, strict=True)
    plan = plan_pad([PaddedAxis(*size, to // 4, at // 4) for size, to, at in steps], 0, 0, mode, x.dtype)
    plan.run(x.T if turned else x, y, np.zeros(1, np.float32))
    np.testing.assert_array_equal(y, wanted)


@pytest.mark.parametrize("mode", NUMPY_MODES)
def test_runs_are_few(mode: str) -> None:
    """Three, however long they are, where padding goes round once at most."""
    assert len(list(PaddedAxis(1000, 999, 999, 1, 1).runs(mode, 10**6))) == 3
    assert len(list(PaddedAxis(1000, -3, -3, 1, 1).runs(mode, 10**6))) == 1
