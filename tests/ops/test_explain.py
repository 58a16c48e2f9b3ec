"""`explain` runs a call and says what was chosen, what declined and why."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastconv as fc
from fastconv.jit.machine import machine_with

X, W = np.ones((1, 3, 16, 16)), np.ones((8, 3, 3, 3))
# To a single channel, so that the choice is the same for vectors of any width.
WIDE, FEW = np.ones((1, 3, 64, 64)), np.ones((1, 3, 3, 3))


@pytest.mark.parametrize(
    ("call", "arguments", "lines"),
    [
        (
            fc.conv2d,
            (WIDE, FEW),
            [
                r"conv on 1 x 3 x 64 x 64 to 1 x 1 x 62 x 62 in float64, 103788 products",
                r"- channels declined: .*",
                r"- direct declined: .*",
                r"- unpacked declined: .*",
                r"- single declined: .*",
                r"- fourier declined: it sums over one channel, not over 3",
                r"- turned declined: it takes one channel to one, not 3 to 1",
                r"- depthwise declined: it sums over one channel, not over 3",
                r"- winograd declined: \w+ promises .* microseconds on one thread, against .*",
                r"- winograd_rows declined: .*",
                r"- panel declined: (spread|tile) promises .* microseconds on one thread, against .*",
                r"- inside declined: no tap is ever outside the input: it would leave out nothing",
                r"- spread declined: tile promises .* microseconds on one thread, against .*",
                r"- tile chosen: .*",
            ],
        ),
        (
            fc.conv2d,
            (X, W.astype(complex)),
            [
                r"conv on .* in complex128, 42336 products",
                r"- channels declined: .*",
                r"- direct declined: summing in place is only faster for very little work, and serial",
                r"- unpacked declined: .*",
                r"- single declined: .*",
                r"- fourier declined: .*",
                r"- turned declined: .*",
                r"- depthwise declined: .*",
                r"- winograd declined: it halves weights: not for complex128",
                r"- winograd_rows declined: it halves weights: not for complex128",
                r"- panel (chosen|declined): .*",
            ],
        ),
        (
            fc.conv_transpose2d,
            (X[:, :1], W[:1]),
            [
                r"conv_transpose on 1 x 1 x 16 x 16 to 1 x 3 x 18 x 18 in float64, \d+ products",
                r"- channels declined: .*",
                r"- direct chosen: .*",
            ],
        ),
        (
            fc.conv2d,
            (X[:, :1], W[:1, :1]),
            [
                r"conv on 1 x 1 x 16 x 16 to 1 x 1 x 14 x 14 in float64, 1764 products",
                r"- channels declined: .*",
                r"- direct declined: depthwise promises .* microseconds on one thread, against .*",
                r"- unpacked declined: .*",
                r"- single declined: .*",
                r"- fourier declined: .*",
                r"- turned declined: .*",
                r"- depthwise chosen: .*",
            ],
        ),
        (
            fc.conv2d,
            (X[:, :1, :4, :4], W[:1, :1]),
            [
                r"conv on 1 x 1 x 4 x 4 to 1 x 1 x 2 x 2 in float64, 36 products",
                r"- channels declined: .*",
                r"- direct chosen: .*",
            ],
        ),
        (
            fc.conv2d,
            (WIDE, FEW.reshape(3, 1, 3, 3), None, 1, 1, 1, 3),
            [
                r"conv on 1 x 3 x 64 x 64 to 1 x 3 x 64 x 64 in float64, 110592 products",
                r"- channels declined: .*",
                r"- direct declined: .*",
                r"- unpacked declined: .*",
                r"- single declined: .*",
                r"- fourier declined: it pays for large kernels, not for 9 taps",
                r"- turned declined: it turns \d+ channels and pixels at once",
                r"- depthwise chosen: .*",
                r"- \d blocks of 1 x \d+ x 64 outputs a channel, all rows at once, 3 of 3 kernel rows together, .*",
                r"- \d+ tasks, about .* microseconds on one thread, in \d+ of \d+ threads",
            ],
        ),
        (
            fc.Conv2d(np.ones((64, 1, 9, 9))),  # whose packing others need not count
            (X[:, :1],),
            [
                r"conv on 1 x 1 x 16 x 16 to 1 x 64 x 8 x 8 in float64, 331776 products",
                r"- channels declined: .*",
                r"- direct declined: .*",
                r"- unpacked declined: .*",
                r"- single declined: .*",
                r"- fourier declined: depthwise promises .* microseconds on one thread, against .*",
                r"- turned declined: it takes one channel to one, not 1 to 64",
                r"- depthwise declined: (tile|spread) promises .* microseconds on one thread, against .*",
            ],
        ),
        (
            fc.max_pool2d,
            (X, 2, None, 0, 1, False, True),
            [
                r"max_pool on 1 x 3 x 16 x 16 to 1 x 3 x 8 x 8 in float64.*",
                r"- channels declined: its lanes are channels that stand beside each other, in input and result",
                r"- whole declined: no window sees all of a channel",
                r"- flat declined: windows do not stand around their outputs",
                r"- tile declined: it keeps no indices",
                r"- spans declined: it keeps no indices",
                r"- rows declined: it keeps no indices",
            ],
        ),
        (fc.avg_pool1d, (X[0], 2), [r"avg_pool on 3 x 16 x 16 to 3 x 16 x 8 in float64.*"]),
    ],
)
def test_it_tells_the_walk(call: Callable[..., Any], arguments: tuple[Any, ...], lines: list[str]) -> None:
    with machine_with(products_per_cycle=2):  # which of two is faster differs between CPUs
        told = fc.explain(call, *arguments).splitlines()
    for line, pattern in zip(told, lines, strict=False):
        assert re.fullmatch(pattern, line)


def test_it_tells_blocks_threads_and_the_machine() -> None:
    told = fc.explain(fc.conv2d, X, W)
    assert re.search(r"^- \d+ tasks, about .* microseconds on one thread, in \d+ of \d+ threads$", told, re.MULTILINE)
    assert re.search(r"^- .*, \d+-byte vectors$", told, re.MULTILINE)


def test_it_tells_the_tasks_of_sums_of_powers() -> None:
    told = fc.explain(fc.lp_pool2d, X, 2, 2, algorithm="powers")
    assert re.search(r"^- sums of powers: .*\n- \d+ tasks, about .* microseconds on one thread", told, re.MULTILINE)


def test_a_named_algorithm_is_the_only_one_looked_at() -> None:
    told = fc.explain(fc.conv2d, X, W, algorithm="reference")
    assert "- reference chosen: " in told
    assert "tile" not in told


def test_it_passes_everything_on_and_gives_errors_back() -> None:
    out = np.zeros((1, 8, 14, 14))
    fc.explain(fc.conv2d, X, W, out=out)
    np.testing.assert_array_equal(out, fc.conv2d(X, W))
    with pytest.raises(ValueError, match="stride=0 is too small"):
        fc.explain(fc.conv2d, X, W, stride=0)


def test_a_call_of_several_operations_is_told_in_full() -> None:
    def layer(x: np.ndarray) -> np.ndarray:
        return fc.max_pool2d(fc.conv2d(x, W), 2)

    told = fc.explain(layer, X)
    assert re.search(r"^conv on ", told)
    assert re.search(r"^max_pool on ", told, re.MULTILINE)


def test_steps_of_one_kind_are_told_once() -> None:
    def layers(x: np.ndarray) -> np.ndarray:
        return fc.conv2d(x, W) + fc.conv2d(x, W)

    assert fc.explain(layers, X) == fc.explain(fc.conv2d, X, W)


def test_a_call_without_choices_says_so() -> None:
    assert fc.explain(fc.conv_output_size, 5, 3).startswith("conv_output_size made no choice")


def test_calls_outside_are_not_recorded() -> None:
    told = fc.explain(fc.conv2d, X, W)
    fc.max_pool2d(X, 2)
    assert fc.explain(fc.conv2d, X, W) == told
