"""What is found again is what was kept for a call of just this kind: against keys of Python's own."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastconv.jit import recall
from fastconv.jit.objects import reads_objects
from fastconv.jit.recall import CALL_WORDS, MOST_CALLS, Recall

pytestmark = pytest.mark.skipif(recall._OFF, reason="nothing is remembered")

BASE = np.zeros((6, 7, 8), np.float32)
BYTES = np.zeros(200, np.uint8)

OPERANDS = [
    None,
    BASE,
    BASE[::-1],
    BASE[:, :, ::2],
    BASE[:, :, :4],
    BASE.transpose(0, 2, 1),
    BASE[0],
    BASE[0, 0, 0, ...],
    BASE[:0],
    BASE.view(np.int32),
    BASE.astype(">f4"),
    BYTES[:96].view(np.float32),
    BYTES[1:97].view(np.float32),
]
NAN = float("nan")
SETTINGS: list[Any] = [
    None, 0, 1, 2, True, False, 1.0, 2.0, 0.0, 5e-324, 1e-323, "zeros", "same", np.float32, float, tuple,
    np.dtype("f4"),
    (), (1,), (True,), (1.0,), (1, 1), (1, 2), ((1, 1), (1, 1)), ((1, 1), (1, 2)), ((1, 1), 1, 1), (1, (1, 1)), ((),),
    ((), ()), b"", b"\0", b"\0\0", b"1234567", b"12345678", b"123456789", b"12345678\0", b"12345679", bytes(64),
]  # fmt: skip


def key(threads: int, operands: tuple[Any, ...], given: tuple[Any, ...]) -> Any:
    """What tells calls apart, with types, as 1 == 1.0 == True."""

    def typed(value: Any) -> Any:
        return tuple(map(typed, value)) if type(value) is tuple else (type(value), value)

    forms = [None if a is None else (a.shape, a.strides, a.dtype, a.flags.aligned) for a in operands]
    return threads, tuple(forms), typed(given)


calls = st.tuples(
    st.integers(1, 3),
    st.tuples(*[st.sampled_from(OPERANDS)] * 2),
    st.tuples(*[st.sampled_from(SETTINGS)] * 3),
)


@given(st.lists(calls, min_size=1, max_size=60))
@settings(max_examples=150, deadline=None)
def test_finds_what_was_kept_and_nothing_else(drawn: list[Any]) -> None:
    it, kept = Recall(), {}
    for number, call in enumerate(drawn):
        expected = kept.get(key(*call))
        assert it.find(*call) == expected
        if expected is None:
            it.keep(*call, f"call {number}")
            kept[key(*call)] = f"call {number}"
    for call in drawn:
        threads, operands, given = call
        assert it.find(threads, (*operands,), (*given,)) == kept[key(*call)]


def test_settings_that_differ_in_anything_are_two() -> None:
    for first in SETTINGS:
        it = Recall()
        it.keep(1, (BASE,), (first, 3), "first")
        found = [other for other in SETTINGS if it.find(1, (BASE,), (other, 3))]
        assert [it for it in found if it is not first] == [], first


def test_operands_that_differ_in_anything_are_two() -> None:
    for first in OPERANDS:
        it = Recall()
        it.keep(1, (BASE, first), (), "first")
        assert [other is first for other in OPERANDS if it.find(1, (BASE, other), ())] == [True]
    assert it.find(2, (BASE, first), ()) is None


def test_equal_settings_made_anew_are_found() -> None:
    it, three = Recall(), int("3")
    it.keep(1, (BASE, None), ((1, 3), ((3, 1), (3,)), 0.1, b"taps of nine bytes", NAN), "kept")
    fresh = (1, three), ((three, 1), (three,)), float("0.1"), bytes(list(b"taps of nine bytes")), float("nan")
    assert it.find(1, (BASE.copy(), None), fresh) == "kept"


def test_zeros_of_either_sign_are_two() -> None:
    it = Recall()
    it.keep(1, (), (0.0,), "kept")
    assert it.find(1, (), (-0.0,)) is None


def test_dtypes_are_kept_alive() -> None:
    """A dtype that has gone may leave its address to another."""
    it = Recall()
    for _ in range(50):
        for name in (">f4", ">i4", ">u4"):
            array = np.zeros(3, np.uint32).view(np.dtype(name))
            assert it.find(1, (array,), ()) in (None, name)
            it.keep(1, (array,), (), name)
            del array


def test_settings_are_kept_alive() -> None:
    it = Recall()
    for number in range(2000, 2000 + MOST_CALLS // 2):
        it.keep(1, (), (int(str(number)), (int(str(number)),)), number)
    for number in range(2000, 2000 + MOST_CALLS // 2):
        assert it.find(1, (), (int(str(number)), (int(str(number)),))) in (None, number)


def test_very_many_calls_are_forgotten_together() -> None:
    it = Recall()
    for number in range(3 * MOST_CALLS):
        assert it.find(1, (BASE,), (float(number),)) is None
        it.keep(1, (BASE,), (float(number),), number)
        assert it.find(1, (BASE,), (float(number),)) == number
    found = [it.find(1, (BASE,), (float(number),)) for number in range(3 * MOST_CALLS)]
    assert found == [*[None] * 2 * MOST_CALLS, *range(2 * MOST_CALLS, 3 * MOST_CALLS)]


def test_clear_forgets() -> None:
    it = Recall()
    it.keep(1, (BASE,), (), "kept")
    it.clear()
    assert it.find(1, (BASE,), ()) is None


@pytest.mark.parametrize(
    "given",
    [(bytes(8 * words),) for words in range(CALL_WORDS - 4, CALL_WORDS + 3)]
    + [tuple(range(words)) for words in range(CALL_WORDS - 4, CALL_WORDS + 3)]
    + [(tuple(range(words)),) for words in range(CALL_WORDS - 4, CALL_WORDS + 3)]
    + [(tuple(((1, 2),) * (words // 3)),) for words in range(CALL_WORDS - 6, CALL_WORDS + 6)]
    + [(tuple(((),) * words),) for words in range(CALL_WORDS - 6, CALL_WORDS + 6)]
    + [(*range(words), 1.5) for words in range(CALL_WORDS - 5, CALL_WORDS + 3)]
    + [(bytes(10**5), 1, (1, 2), b"more", 1.5)],
)
def test_calls_that_are_too_long_are_not_kept_and_spoil_nothing(given: tuple[Any, ...]) -> None:
    it = Recall()
    it.keep(1, (BASE,), (1,), "kept")
    for _ in range(2 * MOST_CALLS):
        it.keep(1, (), given, "long")
    assert it.find(1, (), given) in (None, "long")
    assert it.find(1, (BASE,), (1,)) == "kept"


def test_arrays_of_many_axes() -> None:
    it = Recall()
    for axes in range(32):
        array = np.zeros((1,) * axes)
        it.keep(1, (array, array, array), (), axes)
        it.keep(1, (None, array, None), (), -axes)
        assert it.find(1, (array, array, array), ()) in (None, axes)
        assert it.find(1, (None, array, None), ()) == -axes


@pytest.mark.parametrize("other", [BASE.view(np.recarray), np.float32(1), 1.5, (), [1], "text", BASE.dtype])
def test_what_is_no_plain_array_is_never_found(other: Any) -> None:
    it = Recall()
    for operands in ((other,), (None, other), (BASE, other, BASE)):
        it.keep(1, operands, (), "kept")
        assert it.find(1, operands, ()) is None


def test_threads_together() -> None:
    """Each finds its own calls, or nothing, while others keep theirs and all are forgotten again and again."""
    it, wrong = Recall(), []

    def work(me: int) -> None:
        arrays = [np.zeros((me + 1, size)) for size in range(1, 200)]
        for _ in range(5):
            for array in arrays:
                found = it.find(me, (array,), (None,))
                if found not in (None, array.shape):
                    wrong.append((found, array.shape))
                it.keep(me, (array,), (None,), array.shape)

    workers = [threading.Thread(target=work, args=(me,)) for me in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


def test_objects_look_as_expected() -> None:
    assert reads_objects()
