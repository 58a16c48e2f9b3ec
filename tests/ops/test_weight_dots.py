"""Weight gradients by dot products of some channels with some: against the reference, and where they are chosen."""

from collections.abc import Iterator
from typing import Any

import numba
import numpy as np
import pytest

import fastconv as fc
from fastconv import reference
from fastconv.jit.machine import machine
from fastconv.ops import weight_gradient as module
from fastconv.plan import weight_dots
from nightly import nightly
from properties.strategies import LAYOUTS, forget_decisions, integers

pytestmark = pytest.mark.skipif(not machine().masked_loads, reason="the tiles are for CPUs with masked loads")

GRADIENTS = (fc.grad.conv1d_weight, fc.grad.conv2d_weight)
CONVS = (fc.conv1d, fc.conv2d)

#: Images, input and output channels of a group, groups, input size, kernel, options: rows and taps that fill tiles and
#: do not, one strip and several, read in place and from a slab, phases, rows and columns that lie in padding alone.
CASES: list[tuple[int, int, int, int, tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    (1, 3, 7, 1, (20, 37), (3, 3), {"padding": 1, "stride": 2}),
    (2, 2, 3, 2, (9, 40), (3, 4), {"padding": 2, "stride": 3}),
    (1, 5, 2, 1, (16, 16), (1, 1), {}),
    (2, 1, 9, 1, (23, 18), (5, 3), {"padding": ((2, 1), (0, 3)), "dilation": 2}),
    (1, 2, 4, 1, (70, 70), (3, 3), {}),
    (1, 7, 6, 1, (70, 64), (1, 1), {"stride": 2}),
    (1, 1, 1, 1, (8, 9), (7, 7), {"padding": 3}),
    (1, 2, 3, 1, (5, 5), (3, 3), {"padding": 6, "stride": (2, 1), "dilation": (3, 1)}),
    (3, 4, 5, 1, (700,), (5,), {"padding": 2}),
    (1, 4, 5, 2, (300,), (4,), {"stride": 2}),
]


@pytest.fixture(autouse=True)
def always(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have them chosen where they can serve, in pieces and strips that are small, unless a test is about the choice."""
    if "chosen" not in request.node.name:
        monkeypatch.setattr(module, "PARTS_COST", -np.inf)
        monkeypatch.setattr(weight_dots, "PIECE", 1024)
        monkeypatch.setattr(weight_dots, "STRIP", 256)
    forget_decisions()
    yield
    forget_decisions()


def given(case: Any, dtype: str = "float32") -> tuple[np.ndarray, tuple[int, ...], np.ndarray]:
    """Input, weight shape and gradient of the output."""
    batch, channels, outputs, groups, size, kernel, options = case
    x, shape = integers((batch, groups * channels, *size), dtype), (groups * outputs, channels, *kernel)
    y = CONVS[len(kernel) - 1](x, np.ones(shape, dtype), groups=groups, algorithm="reference", **options)
    return x, shape, integers(y.shape, dtype, seed=1)


def expected(case: Any, x: np.ndarray, shape: tuple[int, ...], dy: np.ndarray) -> np.ndarray:
    rank, options = len(shape) - 2, {"stride": 1, "padding": 0, "dilation": 1, **case[-1]}
    each = {name: value if isinstance(value, tuple) else (value,) * rank for name, value in options.items()}
    each["padding"] = tuple(pad if isinstance(pad, tuple) else (pad, pad) for pad in each["padding"])
    return reference.conv_weight(x, shape, dy, **each, groups=case[3])


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many parts each result is the sum of."""
    found: list[int] = []

    def plan(problem: Any) -> Any:
        made = weight_dots.plan_weight_dots(problem)
        found.append(made.tasks)
        return made

    monkeypatch.setattr(module, "plan_weight_dots", plan)
    return found


@pytest.mark.parametrize("dtype", ["float32", *nightly("float64")])
@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case[4:]))
def test_is_the_reference(case: Any, dtype: str, parts: list[int]) -> None:
    x, shape, dy = given(case, dtype)
    found = GRADIENTS[len(shape) - 3](x, shape, dy, groups=case[3], **case[-1])
    np.testing.assert_array_equal(found, expected(case, x, shape, dy))
    assert found.dtype == dtype
    assert parts


@pytest.mark.parametrize("layout", LAYOUTS)
def test_operands_lie_anyhow(layout: str) -> None:
    for case in (CASES[0], CASES[4]):
        x, shape, dy = given(case)
        wanted = expected(case, x, shape, dy)
        for operands in ((LAYOUTS[layout](x), dy), (x, LAYOUTS[layout](dy))):
            found = fc.grad.conv2d_weight(operands[0], shape, operands[1], **case[-1])
            np.testing.assert_array_equal(found, wanted)
        found = fc.grad.conv2d_weight(LAYOUTS[layout](x[0]), shape, LAYOUTS[layout](dy[0]), **case[-1])
        np.testing.assert_array_equal(found, wanted)


def test_transposed_convolutions_and_no_images() -> None:
    case = (1, 3, 7, 1, (19, 37), (3, 3), {"padding": 1, "stride": 2})
    x, shape, dy = given(case)
    turned = fc.grad.conv_transpose2d_weight(dy, shape, x, **case[-1])
    np.testing.assert_array_equal(turned, expected(case, x, shape, dy))
    np.testing.assert_array_equal(fc.grad.conv2d_weight(x[:0], shape, dy[:0], **case[-1]), np.zeros(shape))


def test_infinities_reach_their_taps_alone() -> None:
    x, shape, dy = given((1, 3, 5, 1, (12, 20), (1, 1), {}))
    x[0, 1, 3, 4], dy[0, 2, 5, 6] = np.inf, np.nan
    found = fc.grad.conv2d_weight(x, shape, dy)
    wanted = np.ones(shape[:2], bool)
    wanted[:, 1] = wanted[2] = False
    np.testing.assert_array_equal(np.isfinite(found[..., 0, 0]), wanted)


def test_the_same_bits_for_any_number_of_threads(parts: list[int]) -> None:
    rng, case = np.random.default_rng(0), (2, 3, 32, 1, (64, 64), (3, 3), {"padding": 1})
    x, dy = (rng.standard_normal((2, channels, 64, 64), np.float32) for channels in (3, 32))
    results = []
    for count in range(1, min(3, numba.config.NUMBA_NUM_THREADS + 1)):
        with fc.threads(count):
            results.append(fc.grad.conv2d_weight(x, (32, 3, 3, 3), dy, padding=1))
    for found in results[1:]:
        np.testing.assert_array_equal(results[0], found)
    assert parts[0] > 4
    exact = expected(case, x.astype(float), (32, 3, 3, 3), dy.astype(float))
    assert np.abs(results[0] - exact).max() < 1e-6 * np.abs(exact).max()


@pytest.mark.skipif(machine().vector_bytes < 64, reason="the costs are those of vectors of 64 bytes")
@pytest.mark.parametrize(
    ("channels", "outputs", "kernel", "stride", "wanted"),
    [(3, 32, 3, 2, True), (64, 2, 1, 1, True), (16, 8, 1, 1, True), (64, 64, 3, 1, False), (64, 1, 3, 1, False)],
)
def test_chosen_for_few_results(channels: int, outputs: int, kernel: int, stride: int, wanted: bool) -> None:
    x, shape = np.ones((1, channels, 112, 112), np.float32), (outputs, channels, kernel, kernel)
    y = fc.conv2d(x, np.ones(shape, np.float32), stride=stride, padding=kernel // 2)
    with pytest.MonkeyPatch.context() as patch:
        decided = []
        original = module.WeightGradient.of.__func__  # type: ignore[attr-defined]

        def of(cls: Any, *given: Any) -> Any:
            decided.append(original(cls, *given))
            return decided[-1]

        patch.setattr(module.WeightGradient, "of", classmethod(of))
        fc.grad.conv2d_weight(x, shape, y, stride, kernel // 2)
    assert [it.in_parts for it in decided] == [wanted]
