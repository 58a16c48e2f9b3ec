"""Padding: NumPy's, bit for bit, for every mode, dtype and layout; what is cropped; and what a caller may hand in."""

import inspect
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastconv as fc
from fastconv import reference
from properties.strategies import LAYOUTS, examples, forget_decisions, integers, seeds
from sharing import share_out

#: By our name NumPy's.
MODES = {
    "constant": "constant",
    "reflect": "reflect",
    "replicate": "edge",
    "circular": "wrap",
    "symmetric": "symmetric",
}
DTYPES = [
    "bool", "int8", "uint16", "int32", "uint64", "float16", "float32", "float64", "complex64", "complex128",
]  # fmt: skip

# Shape of the input, then pad.
CALLS: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "nothing": ((2, 3), ()),
    "one number": ((1,), (0, 0)),
    "signals": ((2, 3, 9), (2, 1)),
    "a long signal": ((1, 40000), (3, 5)),
    "images": ((2, 3, 5, 7), (1, 2, 3, 0)),
    "images, one axis of two": ((2, 3, 5, 7), (0, 0, 2, 1)),
    "images, as far as all modes go": ((1, 2, 4, 3), (2, 2, 3, 3)),
    "many lines": ((1, 2, 300, 70), (1, 1, 1, 1)),
    "volumes": ((2, 2, 3, 4, 5), (1, 1, 2, 0, 0, 2)),
    "the batch too": ((2, 3, 4), (1, 0, 0, 2, 1, 1)),
    "five axes": ((2, 2, 2, 2, 2), (1,) * 10),
}


def widths(shape: tuple[int, ...], pad: tuple[int, ...]) -> list[tuple[int, int]]:
    """What `np.pad` takes."""
    pairs = list(zip(pad[-2::-2], pad[::-2], strict=True))
    return [(0, 0)] * (len(shape) - len(pairs)) + pairs


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("call", CALLS)
def test_padding_is_numpys(call: str, mode: str) -> None:
    shape, pad = CALLS[call]
    x = integers(shape, np.float32)
    np.testing.assert_array_equal(fc.pad(x, pad, mode), np.pad(x, widths(shape, pad), MODES[mode]), strict=True)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_in_every_layout(dtype: str, layout: str) -> None:
    x = integers((2, 3, 5, 4), dtype)
    for mode in MODES:
        expected = np.pad(x, [(0, 0), (0, 0), (1, 2), (3, 1)], MODES[mode])
        np.testing.assert_array_equal(fc.pad(LAYOUTS[layout](x), (3, 1, 1, 2), mode), expected, strict=True)


@examples(60)
@given(data=st.data(), seed=seeds)
def test_random_padding_is_the_references(data: st.DataObject, seed: int) -> None:
    """Crops at either end, or both, and modes beyond what NumPy has for them; lines and blocks."""
    shape = data.draw(st.lists(st.integers(1, 6), min_size=3, max_size=5).map(tuple))
    mode = data.draw(st.sampled_from(["constant", "reflect", "replicate", "symmetric"]))
    pairs = []
    for size in shape[2:]:
        most = {"reflect": size - 1, "symmetric": size}.get(mode, 9)
        before = data.draw(st.integers(-size, most))
        pairs.append((before, data.draw(st.integers(max(-size, -size - before), most))))
    x = LAYOUTS[data.draw(st.sampled_from(sorted(LAYOUTS)))](integers(shape, np.int16, seed))
    value = data.draw(st.integers(-3, 3)) if mode == "constant" else 0
    expected = reference.pad(x, tuple(pairs), "zeros" if mode == "constant" else mode, value)
    given = [amount for pair in reversed(pairs) for amount in pair]
    found = fc.pad(x, given, mode, value)
    limits = data.draw(st.sampled_from([(), ("LONG_LINE",)]))
    if limits:
        forget_decisions()
        with pytest.MonkeyPatch.context() as patch:
            for limit in limits:
                patch.setattr(f"fastconv.plan.pad.{limit}", 0)
            np.testing.assert_array_equal(fc.pad(x, given, mode, value), expected)
        forget_decisions()
    np.testing.assert_array_equal(found, expected)


def test_what_is_left_of_a_cropped_axis_goes_round() -> None:
    x = np.arange(6)
    assert fc.pad(x, (-1, 2), "circular").tolist() == [1, 2, 3, 4, 5, 1, 2]
    assert fc.pad(x[::-1], (3, -3), "circular").tolist() == [5, 4, 3, 5, 4, 3]
    assert fc.pad(x, (-1, 2), "reflect").tolist() == [1, 2, 3, 4, 5, 4, 3]
    assert fc.pad(x, (2, -5), "symmetric").tolist() == [1, 0, 0]


def test_values() -> None:
    x = np.arange(2)
    assert fc.pad(x.astype(np.float32), (1, 0), value=-np.inf).tolist() == [-np.inf, 0, 1]
    assert np.isnan(fc.pad(x.astype(np.float16), (1, 0), value=np.nan)[0])
    assert fc.pad(x.astype(np.complex64), (1, 0), value=1 + 2j).tolist() == [1 + 2j, 0, 1]
    assert fc.pad(x.astype(np.uint8), (1, 0), value=255).tolist() == [255, 0, 1]
    assert fc.pad(x > 0, (1, 0), value=True).tolist() == [True, False, True]
    assert fc.pad(x, (1, 0), value=3.0).tolist() == [3, 0, 1]
    assert fc.pad(x, (1, 1), "reflect", None).tolist() == [1, 0, 1, 0]


def test_bits_are_kept() -> None:
    """A NaN's payload, a denormal and a negative zero are copied, not computed."""
    bits = np.array([0x7FC12345, 0xFF800001, 0x00000001, 0x80000000], np.uint32)
    assert fc.pad(bits.view(np.float32), (2, 2), "circular").view(np.uint32).tolist() == [
        *bits[2:].tolist(), *bits.tolist(), *bits[:2].tolist(),
    ]  # fmt: skip


def test_the_result_lies_as_the_input_does() -> None:
    x = integers((2, 3, 5, 4))
    pad = (1, 1, 2, 0)
    assert fc.pad(x, pad).flags.c_contiguous
    assert fc.pad(x[:, ::-1], pad).flags.c_contiguous
    assert fc.pad(LAYOUTS["channels last"](x), pad).transpose(0, 2, 3, 1).flags.c_contiguous
    assert fc.pad(np.asfortranarray(x), pad, "reflect").flags.f_contiguous
    assert fc.pad(np.broadcast_to(x[:, :1], x.shape), pad).flags.c_contiguous
    swapped = LAYOUTS["channels last"](x).astype(">f8")
    assert fc.pad(swapped, pad).transpose(0, 2, 3, 1).flags.c_contiguous


@pytest.mark.parametrize("layout", ["contiguous", "fortran", "strided", "backwards", "misaligned", "byte-swapped"])
def test_out(layout: str) -> None:
    x = integers((2, 3, 5, 4), np.complex64)
    expected = fc.pad(x, (1, 1, 2, -1), "reflect")
    out = LAYOUTS[layout](np.zeros_like(expected))
    if layout == "byte-swapped":
        out = out.astype(np.complex64)
    assert fc.pad(x, (1, 1, 2, -1), "reflect", out=out) is out
    np.testing.assert_array_equal(out, expected)


def test_an_out_that_overlaps_the_input_gets_what_a_copy_would() -> None:
    memory = np.arange(40.0)
    x = memory[4:34].reshape(5, 6)
    expected = fc.pad(x.copy(), (1, -1), "circular")
    np.testing.assert_array_equal(fc.pad(x, (1, -1), "circular", out=memory[:30].reshape(5, 6)), expected)
    folded, wanted = (np.lib.stride_tricks.as_strided(np.zeros(8), (3, 4), (8, 16)) for _ in range(2))
    x = np.arange(12.0).reshape(3, 4)
    np.copyto(wanted, x)
    np.testing.assert_array_equal(fc.pad(x, (0, 0), out=folded), wanted)


def test_empty_arrays() -> None:
    assert fc.pad(np.zeros((0, 3, 4)), (1, 1), "reflect").shape == (0, 3, 6)
    assert fc.pad(np.zeros((2, 0)), (1, 2), value=7).tolist() == [[7, 7, 7], [7, 7, 7]]
    assert fc.pad(np.zeros((2, 4)), (-2, -2), "replicate").shape == (2, 0)
    assert fc.pad(np.array(5), ()).tolist() == 5


def test_the_same_bits_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    x = integers((2, 3, 40, 50), np.float32)
    expected = [np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)], name) for name in MODES.values()]
    monkeypatch.setattr("fastconv.plan.pad.TASK_BYTES", 100)
    share_out(monkeypatch, helpers=3)
    forget_decisions()
    for mode, wanted in zip(MODES, expected, strict=True):
        np.testing.assert_array_equal(fc.pad(x, (1, 1, 1, 1), mode), wanted)
    forget_decisions()


def test_arguments_are_pytorchs() -> None:
    parameters = inspect.signature(fc.pad).parameters.values()
    assert [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD] == ["input", "pad", "mode", "value"]


X = np.zeros((2, 3, 5, 4))
ERRORS: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"pad": 1}, TypeError, "pad=1 is no sequence of ints"),
    ({"pad": "11"}, TypeError, "pad='11' is no sequence of ints"),
    ({"pad": ((1, 1), (1, 1))}, TypeError, r"pad\[0\]=\(1, 1\) is not a whole number"),
    ({"pad": (1,)}, ValueError, r"pad=\(1,\) has 1 entries; give two for each axis"),
    ({"pad": (1,) * 10}, ValueError, r"has 10 entries, but input has shape \(2, 3, 5, 4\); give at most 8"),
    ({"pad": (1.5, 1)}, TypeError, r"pad\[0\]=1.5 is not a whole number"),
    ({"mode": "edge"}, ValueError, "mode='edge' is not known; choose one of 'constant', 'reflect'"),
    ({"mode": None}, ValueError, "mode=None is not known"),
    ({"pad": (-3, -2)}, ValueError, r"pad \(-3, -2\) crops more than the 4 elements of axis 3; crop less"),
    ({"pad": (4, 0), "mode": "reflect"}, ValueError, "of axis 3; mode='reflect' takes less than 4 at each end"),
    ({"pad": (0, 5), "mode": "circular"}, ValueError, "of axis 3; mode='circular' takes at most 4 at each end"),
    ({"pad": (-2, 3), "mode": "circular"}, ValueError, "2 elements of axis 3; mode='circular' takes at most 2"),
    ({"pad": (-5, 1), "mode": "circular"}, ValueError, "crops more than the"),
    ({"pad": (0, 0, 0, 6), "mode": "symmetric"}, ValueError, "5 elements of axis 2; mode='symmetric' takes at most 5"),
    ({"value": 1, "mode": "reflect"}, ValueError, "value=1 has no place in mode='reflect'"),
    ({"value": "a"}, TypeError, "value='a' is not a number"),
    ({"value": [1]}, TypeError, r"value=\[1\] is not a number"),
    ({"value": 1j}, ValueError, "value=1j does not fit an input of float64"),
    ({"input": X.astype(np.uint8), "value": 256}, ValueError, "value=256 does not fit an input of uint8"),
    ({"input": X.astype(np.uint8), "value": -1}, ValueError, "value=-1 does not fit an input of uint8"),
    ({"input": X.astype(int), "value": 0.5}, ValueError, "value=0.5 does not fit an input of int64"),
    ({"input": X.astype(int), "value": np.nan}, ValueError, "value=nan does not fit an input of int64"),
    ({"input": X.astype(np.float16), "value": 1e6}, ValueError, "value=1000000.0 does not fit an input of float16"),
    ({"input": X[:0, :, :, :0], "mode": "replicate"}, ValueError, "axis 3 has no element"),
    ({"input": np.ma.masked_array(X, X > 2)}, TypeError, "input is a masked array"),
    ({"out": np.zeros(3)}, ValueError, r"the result needs shape \(2, 3, 5, 6\) and dtype float64"),
    ({"out": [1]}, TypeError, "out is of type list"),
]


@pytest.mark.parametrize(("changed", "error", "words"), ERRORS, ids=[words for _, _, words in ERRORS])
def test_wrong_calls(changed: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        fc.pad(**{"input": X, "pad": (1, 1)} | changed)
    assert "\n" not in str(caught.value)
