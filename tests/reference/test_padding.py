"""Padding against lists written by hand, against np.pad and against PyTorch's pad."""

import numpy as np
import pytest

from fastconv.reference import pad
from fastconv.reference.padding import source_index

# None stands for a zero. The input is indexed 0, 1, 2; position 0 is its first element.
BY_HAND = {
    "zeros": [None, None, None, None, 0, 1, 2, None, None, None, None],
    "replicate": [0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2],
    "circular": [2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0],
    "reflect": [0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2],
    "symmetric": [2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0],
}
NUMPY_NAMES = {
    "zeros": "constant",
    "replicate": "edge",
    "circular": "wrap",
    "reflect": "reflect",
    "symmetric": "symmetric",
}


@pytest.mark.parametrize("mode", BY_HAND)
def test_source_index_by_hand(mode: str) -> None:
    assert [source_index(position, 3, mode) for position in range(-4, 7)] == BY_HAND[mode]


def test_source_index_of_a_single_element() -> None:
    for mode in ("replicate", "circular", "reflect", "symmetric"):
        assert [source_index(position, 1, mode) for position in range(-3, 4)] == [0] * 7


def test_unknown_mode_is_named() -> None:
    with pytest.raises(ValueError, match="'mirror' is not one of"):
        source_index(0, 3, "mirror")


@pytest.mark.parametrize("mode", NUMPY_NAMES)
@pytest.mark.parametrize(
    ("shape", "padding"),
    [
        ((1, 1, 5), ((2, 1),)),
        ((2, 1, 4), ((0, 0),)),
        ((2, 1, 4), ((9, 14),)),
        ((1, 1, 1), ((3, 2),)),
        ((1, 2, 2), ((5, 4),)),
        ((2, 3, 4, 3), ((1, 2), (3, 0))),
        ((1, 2, 2, 5), ((7, 8), (0, 12))),
        ((1, 2, 3, 1, 4), ((4, 1), (2, 2), (0, 9))),
    ],
)
def test_pad_is_np_pad(shape: tuple[int, ...], padding: tuple[tuple[int, int], ...], mode: str) -> None:
    values = np.arange(1, 1 + np.prod(shape)).reshape(shape)
    expected = np.pad(values, ((0, 0), (0, 0), *padding), mode=NUMPY_NAMES[mode])
    np.testing.assert_array_equal(pad(values, padding, mode), expected)


def test_pad_with_a_value_keeps_the_dtype() -> None:
    values = np.array([[[1, 2]]], dtype=np.float32)
    padded = pad(values, ((1, 2),), "zeros", value=-np.inf)
    assert padded.dtype == np.float32
    assert padded.tolist() == [[[-np.inf, 1, 2, -np.inf, -np.inf]]]


def test_negative_pads_crop() -> None:
    values = np.arange(12).reshape(1, 1, 3, 4)
    assert pad(values, ((-1, 0), (-1, -2)), "zeros").tolist() == [[[[5], [9]]]]
    assert pad(values, ((-2, 1), (2, -3)), "zeros").tolist() == [[[[0, 0, 8], [0, 0, 0]]]]
    assert pad(values, ((-2, -2), (0, 0)), "zeros").shape == (1, 1, 0, 4)


def test_pad_leaves_its_input_alone() -> None:
    values = np.zeros((1, 1, 3))
    pad(values, ((0, 0),), "zeros")[...] = 1
    assert not values.any()


@pytest.mark.parametrize(
    ("mode", "torch_mode"),
    [("zeros", "constant"), ("replicate", "replicate"), ("circular", "circular"), ("reflect", "reflect")],
)
def test_pad_is_pytorchs(mode: str, torch_mode: str) -> None:
    torch = pytest.importorskip("torch")
    values = np.arange(24.0).reshape(1, 2, 3, 4)
    expected = torch.nn.functional.pad(torch.from_numpy(values), (3, 2, 1, 2), mode=torch_mode).numpy()
    np.testing.assert_array_equal(pad(values, ((1, 2), (3, 2)), mode), expected)
