"""Objects that keep packed weights."""

import numpy as np
import pytest

import fastconv as fc
from fastconv.kernels.weights import RUN
from nightly import nightly
from properties.strategies import LAYOUTS, integers

RANKS = (1, 2, 3)


@pytest.mark.parametrize("rank", RANKS)
@pytest.mark.parametrize("dtype", ["float32", "int8", *nightly("complex64")])
def test_gives_what_the_function_gives(rank: int, dtype: str) -> None:
    x = integers((2, 6, *(7, 8, 5)[:rank]), dtype, 1)
    w, bias = integers((40, 3) + (3,) * rank, dtype, 2), integers((40,), dtype, 3)
    options = {"stride": 2, "padding": 1, "groups": 2, "flip": True}
    conv = getattr(fc, f"Conv{rank}d")(w, bias, **options)
    for given in (x, x[0], x[:, :, 1:], LAYOUTS["backwards"](x)):
        np.testing.assert_array_equal(conv(given), getattr(fc, f"conv{rank}d")(given, w, bias, **options))
    w = integers((6, 20) + (3,) * rank, dtype, 4)
    options = {"stride": 2, "padding": 1, "output_padding": 1, "groups": 2}
    transposed = getattr(fc, f"ConvTranspose{rank}d")(w, bias, **options)
    expected = getattr(fc, f"conv_transpose{rank}d")(x, w, bias, **options)
    np.testing.assert_array_equal(transposed(x), expected)


@pytest.mark.parametrize("algorithm", ["tile", "spread", "panel"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_weights_are_packed_from_anywhere(layout: str, algorithm: str) -> None:
    """Whole vectors of output channels: in squares, where those are inside the array, else one by one."""
    x = integers((1, 17, 3, 2), "float32")
    for outputs, kernel in ((64, 4), (65, 4), (32, 9)):
        w = LAYOUTS[layout](integers((17, outputs, kernel, kernel), "float32", 1))
        for stride in (1, 2):
            options = {"stride": stride, "padding": 1, "algorithm": algorithm}
            expected = fc.conv_transpose2d(x, w, **options | {"algorithm": "reference"})
            np.testing.assert_array_equal(fc.conv_transpose2d(x, w, **options), expected)
            np.testing.assert_array_equal(fc.ConvTranspose2d(w, **options)(x), expected)
        w = LAYOUTS[layout](integers((outputs, 17, kernel, kernel), "float32", 1))
        options = {"padding": kernel - 1, "flip": True}
        expected = fc.conv2d(x, w, **options, algorithm="reference")
        np.testing.assert_array_equal(fc.conv2d(x, w, **options, algorithm=algorithm), expected)


def test_keeps_the_weights_that_it_got() -> None:
    x, w = integers((1, 4, 20, 20), "float32"), integers((32, 4, 3, 3), "float32", 1)
    conv, expected = fc.Conv2d(w), fc.conv2d(x, w)
    w[...] = 0
    np.testing.assert_array_equal(conv(x), expected)


def test_packs_once_for_all_sizes() -> None:
    w = integers((32, 16, 3, 3), "float32")
    conv = fc.Conv2d(w, padding=1, algorithm="spread")
    for size in (20, 30, 41):
        conv(integers((1, 16, size, size), "float32"))
    assert len(conv._packed) == 1


def test_out_takes_the_result() -> None:
    x, w = integers((1, 4, 20, 20), "float32"), integers((32, 4, 3, 3), "float32", 1)
    out = np.empty((1, 32, 18, 18), np.float32)
    assert fc.Conv2d(w)(x, out=out) is out
    np.testing.assert_array_equal(out, fc.conv2d(x, w))


@pytest.mark.parametrize("algorithm", ["winograd", "panel", "spread", "tile", "direct", "reference"])
def test_takes_any_algorithm(algorithm: str) -> None:
    x, w = integers((1, 4, 6, 6), "float32"), integers((5, 4, 3, 3), "float32", 1)
    np.testing.assert_array_equal(fc.Conv2d(w, algorithm=algorithm)(x), fc.conv2d(x, w, algorithm="reference"))


def test_packs_rows_longer_than_a_run() -> None:
    w = integers((64, RUN // 9 + 5, 3, 3), "float32", 1)
    x = integers((1, w.shape[1], 4, 4), "float32")
    found = fc.conv2d(x, w, algorithm="spread")
    np.testing.assert_array_equal(found, fc.conv2d(x, w, algorithm="reference"))


def test_depthwise_weights_are_taken_as_they_are() -> None:
    x, w = integers((1, 8, 60, 60), "float32"), integers((8, 1, 3, 3), "float32", 1)
    conv = fc.Conv2d(w, groups=8, padding=1)
    np.testing.assert_array_equal(conv(x), fc.conv2d(x, w, groups=8, padding=1, algorithm="tile"))
    assert not conv._packed
    assert "- depthwise chosen" in fc.explain(conv, x)


def test_wrong_weights_are_refused_at_once() -> None:
    w = np.ones((4, 2, 3, 3))
    with pytest.raises(ValueError, match="weight has shape"):
        fc.Conv1d(w)
    with pytest.raises(ValueError, match="bias has shape"):
        fc.Conv2d(w, np.ones(3))
    with pytest.raises(ValueError, match="groups=3 does not divide"):
        fc.Conv2d(w, groups=3)
    with pytest.raises(ValueError, match="weight has shape"):
        fc.Conv2d(w)(np.ones((1, 3, 9, 9)))
    with pytest.raises(ValueError, match="which takes 4 input channels"):
        fc.ConvTranspose2d(w)(np.ones((1, 3, 9, 9)))


def test_says_what_it_is() -> None:
    assert repr(fc.Conv2d(np.ones((4, 2, 3, 3)))) == "Conv2d(weight of shape (4, 2, 3, 3) and dtype float64)"
