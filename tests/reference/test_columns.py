"""Windows as columns against numbers written by hand, window by window, and against PyTorch."""

from itertools import product

import numpy as np
import pytest

from fastconv.reference import fold, pad, unfold

# Shape of the input, kernel, dilation, padding, stride.
CALLS = [
    ((2, 3, 7), (3,), (2,), ((1, 0),), (1,)),
    ((1, 2, 5, 6), (3, 2), (1, 2), ((1, 1), (0, 0)), (2, 1)),
    ((1, 1, 4, 3, 5), (2, 2, 3), (1, 1, 2), ((0, 1), (1, 0), (2, 1)), (1, 2, 1)),
]


def test_by_hand() -> None:
    x = np.arange(1, 10).reshape(1, 1, 3, 3)
    columns = unfold(x, (2, 2), (1, 1), ((0, 0),) * 2, (1, 1))
    assert columns.tolist() == [[[1, 2, 4, 5], [2, 3, 5, 6], [4, 5, 7, 8], [5, 6, 8, 9]]]
    assert fold(columns, (3, 3), (2, 2), (1, 1), ((0, 0),) * 2, (1, 1)).tolist() == [
        [[[1, 4, 3], [8, 20, 12], [7, 16, 9]]]
    ]


@pytest.mark.parametrize(("shape", "kernel", "dilation", "padding", "stride"), CALLS)
def test_each_column_is_a_window(shape, kernel, dilation, padding, stride) -> None:  # type: ignore[no-untyped-def]
    x = np.arange(np.prod(shape)).reshape(shape)
    columns, padded = unfold(x, kernel, dilation, padding, stride), pad(x, padding, "zeros")
    starts = [
        range(0, i - d * (k - 1), s) for i, k, d, s in zip(padded.shape[2:], kernel, dilation, stride, strict=True)
    ]
    for number, start in enumerate(product(*starts)):
        window = tuple(slice(f, f + d * (k - 1) + 1, d) for f, k, d in zip(start, kernel, dilation, strict=True))
        np.testing.assert_array_equal(columns[..., number], padded[(..., *window)].reshape(len(x), -1))
    assert number == columns.shape[-1] - 1


@pytest.mark.parametrize(("shape", "kernel", "dilation", "padding", "stride"), CALLS)
def test_fold_is_the_adjoint(shape, kernel, dilation, padding, stride) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(0)
    x = rng.integers(-9, 9, shape)
    columns = unfold(x, kernel, dilation, padding, stride)
    y = rng.integers(-9, 9, columns.shape)
    assert np.vdot(columns, y) == np.vdot(x, fold(y, shape[2:], kernel, dilation, padding, stride))


def test_pytorchs() -> None:
    torch = pytest.importorskip("torch")
    x = np.arange(60.0).reshape(1, 2, 5, 6)
    columns = unfold(x, (3, 2), (1, 2), ((1, 1), (2, 2)), (2, 1))
    theirs = torch.nn.functional.unfold(torch.from_numpy(x), (3, 2), (1, 2), (1, 2), (2, 1)).numpy()
    np.testing.assert_array_equal(columns, theirs)
    back = torch.nn.functional.fold(torch.from_numpy(theirs), (5, 6), (3, 2), (1, 2), (1, 2), (2, 1)).numpy()
    np.testing.assert_array_equal(fold(columns, (5, 6), (3, 2), (1, 2), ((1, 1), (2, 2)), (2, 1)), back)
