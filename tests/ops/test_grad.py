"""Gradients of convolutions and transposed convolutions."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastconv as fc
from fastconv import reference
from fastconv.ops import weight_gradient as module
from properties.strategies import LAYOUTS, Case, conv_cases, conv_transpose_cases, examples, integers, seeds


def grad(name: str, rank: int, what: str) -> Any:
    return getattr(fc.grad, f"{name}{rank}d_{what}")


def inner(a: Any, b: Any) -> float:
    return float(np.sum(a * b))


@examples(40)
@given(case=conv_cases(padding_modes=("zeros",)), seed=st.integers(0, 2**32 - 1))
def test_gradients_of_convolutions(case: Case, seed: int) -> None:
    """A convolution is linear in each operand: its derivative against dy is the dot product of dy and the result."""
    options = {k: case.options[k] for k in ("stride", "padding", "dilation", "groups")}
    x, w = integers(case.input_shape, seed=seed), integers(case.weight_shape, seed=seed + 1)
    y = getattr(fc, f"conv{case.rank}d")(x, w, **options)
    dy = integers(y.shape, seed=seed + 2)
    dx = grad("conv", case.rank, "input")(x.shape, w, dy, **options)
    dw = grad("conv", case.rank, "weight")(x, w.shape, dy, **options)
    assert (dx.shape, dw.shape) == (x.shape, w.shape)
    assert inner(dx, x) == inner(dw, w) == inner(dy, y)
    np.testing.assert_array_equal(dw, reference.conv_weight(x, w.shape, dy, **options))


@pytest.fixture(scope="module", params=[1, 7, 40])
def piece_positions(request: pytest.FixtureRequest) -> Iterator[int]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PIECE_POSITIONS", request.param)
        yield request.param


@examples(30)
@given(case=conv_cases(padding_modes=("zeros",)), images=st.integers(1, 9), seed=st.integers(0, 2**32 - 1))
def test_weight_gradients_piece_by_piece(piece_positions: int, case: Case, images: int, seed: int) -> None:
    options = {k: case.options[k] for k in ("stride", "padding", "dilation", "groups")}
    x, w = integers((images, *case.input_shape[1:]), seed=seed), np.empty(case.weight_shape)
    dy = integers(getattr(fc, f"conv{case.rank}d")(x, w, **options).shape, seed=seed + 1)
    found = grad("conv", case.rank, "weight")(x, w.shape, dy, **options)
    np.testing.assert_array_equal(found, reference.conv_weight(x, w.shape, dy, **options))


@pytest.mark.parametrize("most", [1, 40, 1 << 19])
@examples(30)
@given(case=conv_cases(padding_modes=("zeros",)), images=st.integers(1, 9), last=st.booleans(), seed=seeds)
def test_weight_gradients_of_images_summed_apart(most: int, case: Case, images: int, last: bool, seed: int) -> None:
    """All at once, some at a time, and one by one; where channels come last, they cannot be groups."""
    options = {k: case.options[k] for k in ("stride", "padding", "dilation", "groups")}
    x, w = integers((images, *case.input_shape[1:]), seed=seed), np.empty(case.weight_shape)
    dy = integers(getattr(fc, f"conv{case.rank}d")(x, w, **options).shape, seed=seed + 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "APART_POSITIONS", 0)
        patch.setattr(module, "RESULTS_APART", most)
        given_x = LAYOUTS["channels last"](x) if last else x
        found = grad("conv", case.rank, "weight")(given_x, w.shape, dy, **options)
    np.testing.assert_array_equal(found, reference.conv_weight(x, w.shape, dy, **options))


@pytest.mark.parametrize("shape", [(3, 2, 5, 4), (1, 2, 9, 30), (50, 2, 1, 3)])
def test_pieces_have_no_more_positions_than_they_should(piece_positions: int, shape: tuple[int, ...]) -> None:
    images, rows = module._piece_sizes(shape)
    assert images >= 1
    assert 1 <= rows <= shape[2]
    assert images * rows * shape[3] <= max(piece_positions, shape[3])
    assert images == 1 or rows == shape[2]


def test_windows_in_padding_alone_add_nothing() -> None:
    x, dy = integers((1, 2, 1, 5)), integers((1, 3, 2, 1), seed=1)
    dw = fc.grad.conv2d_weight(x, (3, 2, 1, 5), dy, stride=9, padding=((4, 6), (0, 0)))
    np.testing.assert_array_equal(dw, np.zeros((3, 2, 1, 5)))


def test_half_floats_are_summed_as_floats() -> None:
    ones = np.ones((9, 1, 3, 683), np.float16)  # 2049 of them, which is no half float, in each piece
    dw = fc.grad.conv2d_weight(ones, (1, 1, 1, 1), ones)
    assert (dw.dtype, dw.item()) == (np.float16, np.float16(9 * 2049))


@examples(40)
@given(case=conv_transpose_cases(), seed=st.integers(0, 2**32 - 1))
def test_gradients_of_transposed_convolutions(case: Case, seed: int) -> None:
    options = {k: case.options[k] for k in ("stride", "padding", "output_padding", "groups", "dilation")}
    x, w = integers(case.input_shape, seed=seed), integers(case.weight_shape, seed=seed + 1)
    y = getattr(fc, f"conv_transpose{case.rank}d")(x, w, **options)
    dy = integers(y.shape, seed=seed + 2)
    dx = grad("conv_transpose", case.rank, "input")(x.shape, w, dy, **options)
    dw = grad("conv_transpose", case.rank, "weight")(x, w.shape, dy, **options)
    assert (dx.shape, dw.shape) == (x.shape, w.shape)
    assert inner(dx, x) == inner(dw, w) == inner(dy, y)
    # Linear, so a weight of a single one picks one entry of the gradient out.
    at = np.unravel_index(seed % w.size, w.shape)
    one = np.zeros_like(w)
    one[at] = 1
    assert dw[at] == inner(dy, getattr(fc, f"conv_transpose{case.rank}d")(x, one, **options))


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_against_torch(rank: int) -> None:
    torch = pytest.importorskip("torch")
    x, w = integers((2, 4, *(9, 8, 7)[:rank])), integers((6, 2) + (3,) * rank, seed=1)
    options: dict[str, Any] = {"stride": 2, "padding": 1, "dilation": 1, "groups": 2}
    dy = integers(getattr(fc, f"conv{rank}d")(x, w, **options).shape, seed=2)
    tx, tw, tdy = map(torch.from_numpy, (x, w, dy))
    names = f"conv{rank}d_input", f"conv{rank}d_weight"
    by_torch = [getattr(torch.nn.grad, name) for name in names]
    ours = [getattr(fc.grad, name) for name in names]
    np.testing.assert_array_equal(ours[0](x.shape, w, dy, **options), by_torch[0](x.shape, tw, tdy, **options))
    np.testing.assert_array_equal(ours[1](x, w.shape, dy, **options), by_torch[1](tx, w.shape, tdy, **options))


def test_unbatched_empty_and_narrow() -> None:
    x, w = integers((3, 9, 8)), integers((4, 3, 3, 3), seed=1)
    dy = integers((4, 9, 8), seed=2)
    dw = fc.grad.conv2d_weight(x, w.shape, dy, padding="same")
    np.testing.assert_array_equal(dw, fc.grad.conv2d_weight(x[None], w.shape, dy[None], padding=1))
    dx = fc.grad.conv2d_input(x.shape, w, dy, padding="same")
    np.testing.assert_array_equal(dx, fc.grad.conv2d_input(x[None].shape, w, dy[None], padding=1)[0])
    assert not fc.grad.conv2d_weight(np.ones((0, 3, 9, 8)), w.shape, np.ones((0, 4, 7, 6))).any()
    assert fc.grad.conv2d_weight(x.astype("float32"), w.shape, dy.astype("float32"), padding=1).dtype == np.float32


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda g: g.conv2d_input((3, 3), np.ones((4, 3, 3, 3)), np.ones((4, 7, 6))), "input_size="),
        (lambda g: g.conv2d_input((3, 9, 8), np.ones((4, 3, 3, 3)), np.ones((4, 9, 8))), "grad_output has shape"),
        (lambda g: g.conv2d_input((5, 9, 8), np.ones((4, 3, 3, 3)), np.ones((4, 7, 6))), "weight has shape"),
        (lambda g: g.conv2d_weight(np.ones((3, 9, 8)), (4, 3, 3), np.ones((4, 7, 6))), "weight_size="),
        (lambda g: g.conv2d_weight(np.ones((3, 9, 8)), (4, 3, 3, 3), np.ones((1, 4, 7, 6))), "grad_output has shape"),
        (
            lambda g: g.conv_transpose2d_input((3, 9, 8), np.ones((4, 3, 3, 3)), np.ones((3, 11, 10))),
            "the weight takes",
        ),
        (lambda g: g.conv_transpose2d_weight(np.ones((3, 9, 8)), (3, 4, 3, 3), np.ones((4, 1, 1))), "grad_output has"),
    ],
)
def test_wrong_sizes_are_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(fc.grad)
