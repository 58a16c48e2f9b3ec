"""How many threads a call uses, and who may say so."""

import threading

import numba
import numpy as np
import pytest

import fastconv as fc
from fastconv.jit.threads import PARALLEL_NANOSECONDS, thread_count, threads_for
from processes import run_program
from sharing import share_out

MOST = numba.config.NUMBA_NUM_THREADS


def test_small_work_stays_serial() -> None:
    assert threads_for(100, PARALLEL_NANOSECONDS - 1) == 1
    assert threads_for(1, 1e9) == 1


def test_large_work_uses_what_numba_allows() -> None:
    assert threads_for(10**6, 1e9) == MOST
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        assert threads_for(10**6, 1e9) == 1
    finally:
        numba.set_num_threads(before)


def test_a_block_limits_its_own_thread_only() -> None:
    before, elsewhere = thread_count(), []
    with fc.threads(1):
        assert thread_count() == 1
        thread = threading.Thread(target=lambda: elsewhere.append(thread_count()))
        thread.start()
        thread.join()
        with fc.threads(MOST):
            assert thread_count() == MOST
        assert thread_count() == 1
        assert numba.get_num_threads() == before
    assert (thread_count(), elsewhere) == (before, [before])


@pytest.mark.parametrize("count", [0, -1, MOST + 1])
def test_counts_out_of_range(count: int) -> None:
    with (
        pytest.raises(ValueError, match=rf"^threads\({count}\) is out of range; give 1 to {MOST}, .*\.$"),
        fc.threads(count),
    ):
        pass


@pytest.mark.parametrize("count", [1.0, "2", None, True])
def test_counts_that_are_none(count: object) -> None:
    with pytest.raises(TypeError, match=r"is not a whole number; give an int from 1 to"), fc.threads(count):
        pass


def test_numbas_own_threads_are_not_started() -> None:
    run_program("""
from fastconv.jit import pool
from numba.np.ufunc import parallel
check()
assert pool._pool.started == 1 and not parallel._is_initialized
""")


def test_calls_use_as_many_threads_as_they_may() -> None:
    run_program(
        """
import threading, numba
from bodies import meet_helpers, most_threads

meet_helpers(4)
with fc.threads(1):
    assert most_threads(2, rounds=10) == 1
with fc.threads(3):
    assert most_threads(4, rounds=10) <= 3
    meet_helpers(3)
numba.set_num_threads(2)
assert most_threads(3, rounds=10) <= 2
meet_helpers(2)
elsewhere = threading.Thread(target=meet_helpers, args=[4])
elsewhere.start()
elsewhere.join()
numba.set_num_threads(1)
assert most_threads(2, rounds=10) == 1
with fc.threads(4):
    meet_helpers(4)
""",
        NUMBA_NUM_THREADS="4",
    )


def test_same_bits_serial_and_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((2, 5, 19, 23), np.float32), rng.standard_normal((7, 5, 3, 3), np.float32)
    calls = {
        "conv": lambda: fc.conv2d(x, w, padding=1),
        "conv_transpose": lambda: fc.conv_transpose2d(x, w[:5], stride=2),
        "avg_pool rows": lambda: fc.avg_pool2d(x, 3, 2, algorithm="rows"),
        "avg_pool slab": lambda: fc.avg_pool2d(x, 3, 2, algorithm="slab"),
        "matrix": lambda: fc.conv_matrix(w, (5, 9, 8)) @ x[0, :, :9, :8].ravel(),
    }
    serial = {name: call() for name, call in calls.items()}
    for helpers in (1, 2, 6):
        share_out(monkeypatch, helpers)
        for name, call in calls.items():
            np.testing.assert_array_equal(call(), serial[name], err_msg=name)
