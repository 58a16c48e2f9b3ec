"""Choosing, remembering and cutting."""

import numba
import numpy as np
import pytest

import fastconv as fc
from fastconv.geometry import Axis, Geometry
from fastconv.jit.machine import machine, machine_with
from fastconv.ops.calls import recording
from fastconv.plan.blocks import choose_blocks
from fastconv.plan.plan import choose
from fastconv.plan.problem import Problem
from fastconv.plan.registry import ALGORITHMS, planned
from fastconv.plan.windows import Windows
from properties.strategies import small_blocks


def problem(dtype: str = "float32", op: str = "conv", **kwargs) -> Problem:
    g = Geometry(1, 2, 2 if "pool" in op else 4, 2 if "pool" in op else 1, (Axis(90, 3), Axis(8, 3)))
    x = np.zeros(g.input_shape, dtype)
    weight = np.zeros((4, 2, 3, 3), dtype)
    return Problem(op, g, x.dtype, x.strides, x.dtype, weight.strides, **kwargs)


def test_the_same_problem_is_planned_once() -> None:
    assert choose(problem()) is choose(problem())
    assert choose(problem()) is not choose(problem("float64"))


def test_each_candidate_is_planned_once_for_all_that_it_is_compared_with() -> None:
    geometry = Geometry(1, 256, 256, 1, (Axis(14, 3), Axis(14, 3)))
    x, w = np.zeros(geometry.input_shape, np.float32), np.zeros((256, 256, 3, 3), np.float32)
    planned.cache_clear()
    choose.__wrapped__(Problem("conv", geometry, x.dtype, x.strides, x.dtype, w.strides))
    compared = planned.cache_info()
    assert compared.misses == 4  # winograd, panel, spread and tile
    assert compared.hits > 0


def test_first_that_does_not_decline_serves_and_the_walk_says_why() -> None:
    choice = choose(problem("complex64"))
    assert choice.algorithm == "tile"
    names = [candidate.name for candidate in ALGORITHMS["conv"]]
    assert [name for name, _ in choice.walk] == names[: names.index("tile") + 1]
    assert dict(choice.walk)["winograd"] == "declined: it halves weights: not for complex64"
    assert choice.walk[-1][1].startswith("chosen: ")


@pytest.mark.parametrize("op", ALGORITHMS)
def test_reference_comes_last_and_never_declines(op: str) -> None:
    last = ALGORITHMS[op][-1]
    assert last.name == "reference"
    assert last.refuse(problem(op=op)) is None
    assert len({algorithm.name for algorithm in ALGORITHMS[op]}) == len(ALGORITHMS[op])


def test_unknown_and_unfit_names() -> None:
    with pytest.raises(ValueError, match=r"'fft' is not known for conv; choose 'auto' or one of 'channels', 'direct'"):
        choose(problem(), "fft")
    with pytest.raises(ValueError, match=r"'winograd' cannot serve this call: it halves weights"):
        choose(problem("complex64"), "winograd")


@pytest.mark.parametrize("channels", [1, 16, 256, 4096])
@pytest.mark.parametrize(
    "size", [(1, 1, 100_000), (1, 1, 9_000_000), (1, 500_000, 3), (1, 224, 224), (1, 7, 7), (16, 64, 64), (1, 1, 1)]
)
def test_blocks_cover_the_output_and_fit_the_cache(size: tuple[int, int, int], channels: int) -> None:
    windows = [Windows(Axis(n, min(n, 3), before=1, after=1)) for n in size]
    blocks = choose_blocks(windows, channels, 4, 1, 1.0, 0.5)
    for n, w, count in zip(blocks.sizes, windows, blocks.counts, strict=True):
        assert (count - 1) * n < w.numbers <= count * n
    smallest = 3 * 3 * 66
    assert blocks.slab * channels * 4 <= max(machine().slab_bytes, smallest * channels * 4)


def test_every_output_tap_has_one_place() -> None:
    for axis in (Axis(9, 4, 2, 3, 2, 5), Axis(9, 4, 3, 1, 1, 1).transpose(), Axis(5, 2, 5).transpose()):
        w = Windows(axis)
        for residue, places in enumerate(w.places):
            for p in places:
                start = residue * axis.stride + p.tap * axis.dilation - axis.before
                shift = axis.stride * p.place + w.phases[p.phase] - w.low
                assert start == shift * axis.stretch
                assert p.place >= 0


def test_plans_are_made_for_the_machine_in_force() -> None:
    x, w = np.zeros((1, 64, 200, 200), np.float32), np.zeros((8, 64, 3, 3), np.float32)
    geometry = Geometry(1, 64, 8, 1, (Axis(200, 3), Axis(200, 3)))

    def plan():
        return choose(Problem("conv", geometry, x.dtype, x.strides, x.dtype, w.strides), "tile").plan

    usual = plan()
    with machine_with(l2_bytes=machine().l2_bytes // 4):
        small = plan()
    assert small.tasks > usual.tasks
    assert plan() is usual


def test_plans_are_made_for_the_threads_in_force_and_choices_for_any() -> None:
    geometry = Geometry(1, 256, 256, 1, (Axis(14, 3), Axis(14, 3)))
    x, w = np.zeros(geometry.input_shape, np.float32), np.zeros((256, 256, 3, 3), np.float32)
    one, many = (
        choose(Problem("conv", geometry, x.dtype, x.strides, x.dtype, w.strides, threads=n)) for n in (1, 8)
    )  # fmt: skip
    assert one.plan.tasks < many.plan.tasks
    assert one.walk == many.walk  # with what was promised, so with the same bits
    assert one.plan.nanoseconds == many.plan.nanoseconds


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="there is a single thread")
def test_calls_are_planned_for_the_threads_in_force() -> None:
    x, w = np.zeros((1, 256, 14, 14), np.float32), np.zeros((256, 256, 3, 3), np.float32)

    def tasks(threads: int) -> int:
        with fc.threads(threads), recording() as calls:
            fc.conv2d(x, w)
        [(_, choice)] = calls
        return choice.plan.tasks

    found = tasks(1), tasks(2)
    assert found[0] != found[1]
    assert (tasks(1), tasks(2)) == found  # both are remembered now


def test_small_blocks_are_for_calls_that_were_made_before_too() -> None:
    x = np.zeros((1, 1, 40, 40), np.float32)

    def tasks() -> int:
        with recording() as calls:
            fc.avg_pool2d(x, 3, 1, algorithm="slab")
        [(_, choice)] = calls
        return choice.plan.tasks

    usual = tasks()
    with small_blocks():
        assert tasks() > usual
    assert tasks() == usual
