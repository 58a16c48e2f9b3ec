"""How the work of a convolution is shared out: which blocks, and where they are cut."""

import numba
import numpy as np
import pytest

import fastconv as fc
from fastconv.geometry import Axis, Geometry
from fastconv.kernels.conv_table import RowBlock
from fastconv.plan.blocks import Blocks
from fastconv.plan.cut import Cut, soonest_cut
from fastconv.plan.problem import Problem

OUTPUTS, CHANNELS = 112, 16


def problem(threads: int, last: bool = False, rows: int = OUTPUTS) -> Problem:
    """Single taps, whose result is contiguous or channels-last."""
    g = Geometry(1, 3, CHANNELS, 1, (Axis(rows, 1), Axis(OUTPUTS, 1)))
    x_strides = (12 * rows * OUTPUTS, 4 * rows * OUTPUTS, 4 * OUTPUTS, 4)
    y_strides = (4 * rows * OUTPUTS * CHANNELS, 4, 4 * OUTPUTS * CHANNELS, 4 * CHANNELS) if last else ()
    single = np.dtype(np.float32)
    given = Problem("conv", g, single, x_strides, single, (12, 4, 4, 4), y_strides=y_strides)
    assert given.threads == threads
    return given


def chosen(given: Problem, *counts: tuple[int, int]) -> tuple[int, int]:
    """Of blocks that take as long in all, those that are chosen: how many there are below and beside each other."""
    found = []
    for down, across in counts:
        sizes = 1, given.geometry.axes[0].output // down, OUTPUTS // across
        found.append(Blocks(sizes, (1, down, across), sizes[1] * sizes[2], 0, 1e5 / (down * across)))
    return soonest_cut(given, found, 4, [RowBlock(0, CHANNELS, CHANNELS)]).blocks.counts[1:]


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one thread shares nothing")
def test_rows_are_not_cut_between_threads() -> None:
    with fc.threads(2):
        assert chosen(problem(2), (2, 2), (4, 1)) == (4, 1)
        assert chosen(problem(2, last=True), (2, 2), (4, 1)) == (2, 2)  # lines of other pixels: the first is as good
        assert chosen(problem(2, rows=1), (1, 4), (1, 4)) == (1, 4)
        many = Blocks((1, 28, 28), (1, 4, 4), 784, 0, 1e4)
        plain = Cut(many, [RowBlock(0, CHANNELS, CHANNELS)])
        assert plain.end(problem(2))[0] == plain.end(problem(2, last=True))[0]  # threads have neighbours of their own
    with fc.threads(1):
        assert chosen(problem(1), (2, 2), (4, 1)) == (2, 2)
