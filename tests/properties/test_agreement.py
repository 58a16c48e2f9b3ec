"""Every registered algorithm against the reference, which shares no code with them."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import fastconv as fc
from fastconv import reference
from fastconv.ops.calls import recording
from fastconv.plan.registry import ALGORITHMS
from nightly import nightly
from properties.strategies import (
    LAYOUTS,
    Case,
    PoolCase,
    conv_cases,
    conv_transpose_cases,
    examples,
    integers,
    pool_cases,
    seeds,
    small_blocks,
)

Array = NDArray[Any]

#: The dtype of the operands, and the one that their sums of products have.
SUM_DTYPES = {"float32": "float32", "int8": "int32", "complex64": "complex64"}

layouts = st.sampled_from(sorted(LAYOUTS))

CANDIDATES = [(op, candidate.name) for op, candidates in ALGORITHMS.items() for candidate in candidates]


@pytest.fixture(scope="module", params=["small blocks", *nightly("usual blocks")])
def blocks(request: pytest.FixtureRequest) -> Iterator[None]:
    """Once as calls are planned, once cut into so small blocks and chunks that every case has several."""
    with small_blocks() if request.param == "small blocks" else nullcontext():
        yield


@st.composite
def conv_calls(draw: st.DrawFn) -> tuple[Callable[..., Array], Array]:
    return draw(_products(conv_cases(), "conv", reference.conv, outputs_axis=0))


@st.composite
def conv_transpose_calls(draw: st.DrawFn) -> tuple[Callable[..., Array], Array]:
    return draw(_products(conv_transpose_cases(), "conv_transpose", reference.conv_transpose, outputs_axis=1))


@st.composite
def _products(
    draw: st.DrawFn, cases: st.SearchStrategy[Case], name: str, expected: Callable[..., Array], outputs_axis: int
) -> tuple[Callable[..., Array], Array]:
    """A call that lacks its algorithm, and what the reference gives for it."""
    case, dtype, seed = draw(cases), draw(st.sampled_from(sorted(SUM_DTYPES))), draw(seeds)
    sums = SUM_DTYPES[dtype]
    x, w = integers(case.input_shape, dtype, seed), integers(case.weight_shape, dtype, seed + 1)
    outputs = w.shape[0] if outputs_axis == 0 else w.shape[1] * case.options["groups"]
    bias = integers((outputs,), dtype, seed + 2) if draw(st.booleans()) else None
    given_x, given_w = LAYOUTS[draw(layouts)](x), LAYOUTS[draw(layouts)](w)
    wanted = expected(x.astype(sums), w.astype(sums), None if bias is None else bias.astype(sums), **case.options)

    def call(**options: Any) -> Array:
        return getattr(fc, f"{name}{case.rank}d")(given_x, given_w, bias, **case.options, **options)

    return call, wanted


def _pool_arguments(case: PoolCase) -> tuple[Any, ...]:
    return case.kernel_size, case.stride, case.padding


def _real_values(draw: st.DrawFn, case: PoolCase) -> Array:
    return integers(case.input_shape, draw(st.sampled_from(["float32", "int8"])), draw(seeds))


def _where_it_serves(call: Callable[..., Array], options: dict[str, Any]) -> Array:
    """Maxima without their places, by the algorithm named for both unless it serves places alone."""
    with recording() as choices:
        found = call()
    problem, _ = choices[0]
    named = [c for c in ALGORITHMS[problem.op] if c.name == options.get("algorithm")]
    return call(**options) if named and named[0].refuse(problem) is None else found


@st.composite
def max_pool_calls(draw: st.DrawFn) -> tuple[Callable[..., tuple[Array, Array]], tuple[Array, Array]]:
    """Maxima with their places, of few different values, with NaN and infinities where there are such."""
    case = draw(pool_cases())
    x = _real_values(draw, case)
    if x.dtype.kind == "f":
        rng = np.random.default_rng(draw(seeds))
        x[rng.random(x.shape) < 0.1] = np.nan
        x[rng.random(x.shape) < 0.2] = -np.inf
    expected = reference.max_pool(x, *_pool_arguments(case), case.dilation, case.ceil_mode)
    given_x = LAYOUTS[draw(layouts)](x)

    def call(**options: Any) -> tuple[Array, Array]:
        arguments = (*_pool_arguments(case), case.dilation, case.ceil_mode)
        pool = getattr(fc, f"max_pool{case.rank}d")
        found: tuple[Array, Array] = pool(given_x, *arguments, True, **options)
        alone = _where_it_serves(lambda **options: pool(given_x, *arguments, **options), options)
        np.testing.assert_array_equal(alone, found[0])
        return found

    return call, expected


@st.composite
def avg_pool_calls(draw: st.DrawFn) -> tuple[Callable[..., Array], Array]:
    case = draw(pool_cases())
    x = _real_values(draw, case)
    arguments = (case.ceil_mode, draw(st.booleans()), draw(st.sampled_from([None, 3, -2])))
    expected = reference.avg_pool(x, *_pool_arguments(case), *arguments, case.dilation)
    given_x = LAYOUTS[draw(layouts)](x)

    def call(**options: Any) -> Array:
        function = getattr(fc, f"avg_pool{case.rank}d")
        return function(given_x, *_pool_arguments(case), *arguments, dilation=case.dilation, **options)

    return call, expected


@st.composite
def adaptive_calls(draw: st.DrawFn, op: str) -> tuple[Callable[..., Any], Any]:
    """Parts of any lengths; with "auto" such as plain pooling does not serve."""
    rank = draw(st.integers(1, 3))
    size = draw(st.tuples(*[st.integers(1, 9 - 2 * rank + 3)] * rank))
    parts = tuple(draw(st.integers(1, n + 2)) for n in size)
    if not any(n % p for n, p in zip(size, parts, strict=True)):
        parts = (*parts[:-1], size[-1] + 1)
    shape = (draw(st.integers(1, 2)), draw(st.integers(1, 2)), *size)
    x = integers(shape, "float32" if op == "max" else draw(st.sampled_from(["float32", "int8"])), draw(seeds))
    if op == "max":
        rng = np.random.default_rng(draw(seeds))
        x[rng.random(x.shape) < 0.2] = np.nan
        x[rng.random(x.shape) < 0.2] = -np.inf
    given_x, more = LAYOUTS[draw(layouts)](x), (True,) if op == "max" else ()
    pool = getattr(fc, f"adaptive_{op}_pool{rank}d")

    def call(**options: Any) -> Any:
        found = pool(given_x, parts, *more, **options)
        if more:
            alone = _where_it_serves(lambda **options: pool(given_x, parts, **options), options)
            np.testing.assert_array_equal(alone, found[0])
        return found

    return call, getattr(reference, f"adaptive_{op}_pool")(x, parts)


@st.composite
def lp_pool_calls(draw: st.DrawFn) -> tuple[Callable[..., Array], Array]:
    case, norm = draw(pool_cases()), draw(st.sampled_from([1, 2, 0.5, 3]))
    x = integers(case.input_shape, "float32", draw(seeds))
    expected = reference.lp_pool(x, norm, *_pool_arguments(case), case.ceil_mode, case.dilation)
    given_x = LAYOUTS[draw(layouts)](x)

    def call(**options: Any) -> Array:
        windows = {"padding": case.padding, "dilation": case.dilation}
        pool = getattr(fc, f"lp_pool{case.rank}d")
        found: Array = pool(given_x, norm, case.kernel_size, case.stride, case.ceil_mode, **windows, **options)
        return found

    return call, expected


@st.composite
def fractional_calls(draw: st.DrawFn) -> tuple[Callable[..., Any], Any]:
    rank = draw(st.integers(2, 3))
    kernel = draw(st.tuples(*[st.integers(1, 3)] * rank))
    outputs = draw(st.tuples(*[st.integers(1, 6 - rank)] * rank))
    size = [n + k - 1 + draw(st.integers(0, 4)) for n, k in zip(outputs, kernel, strict=True)]
    x = integers((draw(st.integers(1, 2)), draw(st.integers(1, 2)), *size), "float32", draw(seeds))
    samples = np.random.default_rng(draw(seeds)).random((*x.shape[:2], rank))
    drawn = samples[..., ::-1] if rank == 2 else samples
    begins = [
        np.array([reference.fractional_begins(n, k, o, u) for u in drawn[..., i].ravel()]).reshape(*x.shape[:2], o)
        for i, (n, k, o) in enumerate(zip(size, kernel, outputs, strict=True))
    ]
    given_x, pool = LAYOUTS[draw(layouts)](x), getattr(fc, f"fractional_max_pool{rank}d")

    def call(**options: Any) -> Any:
        return pool(given_x, kernel, outputs, None, True, random_samples=samples, **options)

    return call, reference.fractional_max_pool(x, kernel, begins)


CALLS = {
    "conv": conv_calls(),
    "conv_transpose": conv_transpose_calls(),
    "max_pool": max_pool_calls(),
    "avg_pool": avg_pool_calls(),
    "adaptive_max_pool": adaptive_calls("max"),
    "adaptive_avg_pool": adaptive_calls("avg"),
    "lp_pool": lp_pool_calls(),
    "fractional_max_pool": fractional_calls(),
}


def test_every_family_has_calls() -> None:
    assert set(ALGORITHMS) <= set(CALLS), "a family of operations without calls here"


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize(("op", "name"), CANDIDATES)
@examples(60)
@given(data=st.data())
def test_algorithm_agrees_with_the_reference(op: str, name: str, data: st.DataObject) -> None:
    """An algorithm gives what the reference gives, or says that it cannot serve, as it does when it is asked."""
    call, expected = data.draw(CALLS[op])
    with recording() as choices:
        call()
    problem, _ = choices[0]
    [candidate] = [c for c in ALGORITHMS[op] if c.name == name]
    reason = candidate.refuse(problem)
    if reason is not None:
        with pytest.raises(ValueError, match="cannot serve this call"):
            call(algorithm=name)
        return
    found = call(algorithm=name)
    for actual, wanted in zip(_results(found), _results(expected), strict=True):
        assert actual.dtype == wanted.dtype
        assert actual.shape == wanted.shape
        if "max_pool" in op or wanted.dtype.kind in "iu":
            np.testing.assert_array_equal(actual, wanted)
        else:  # of whole numbers, so that whatever is left out or counted twice is much more than what rounding does
            atol = 1e-4 * np.max(np.abs(wanted), initial=1)
            np.testing.assert_allclose(actual, wanted, rtol=0, atol=atol)


def _results(found: Array | tuple[Array, ...]) -> tuple[Array, ...]:
    return found if isinstance(found, tuple) else (found,)
