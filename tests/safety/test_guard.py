"""The guard sees what it is there for."""

import signal
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from safety.battery import run_python
from safety.guard import Arrangement, Yard

needs_fences = pytest.mark.skipif(sys.platform == "win32", reason="has no fences")
needs_glibc = pytest.mark.skipif(sys.platform != "linux", reason="fresh memory is what it is")


def outcome(stray: str, *, checked: bool) -> tuple[int, str]:
    """Exit code and the last line that a process says."""
    done = run_python("-m", "safety.strays", stray, checked=checked)
    return done.returncode, (done.stdout + done.stderr).strip().splitlines()[-1]


@pytest.mark.parametrize("checked", [False, True])
def test_what_stays_inside_passes_with_its_results(checked: bool) -> None:
    assert outcome("good", checked=checked) == (0, "[2.0, 4.0, 6.0, 8.0, 10.0]")


@needs_fences
@pytest.mark.parametrize("stray", ["reads_behind", "reads_before", "writes_behind"])
def test_fences_stop_what_goes_outside(stray: str) -> None:
    code, _ = outcome(stray, checked=False)
    assert code in (-signal.SIGSEGV, -signal.SIGBUS)


def test_writes_into_the_garbage_are_seen() -> None:
    assert outcome("writes_before", checked=False) == (1, "AssertionError: writes_before: wrote outside of array 1")


@pytest.mark.parametrize(
    "stray", ["reads_behind", "reads_before", "writes_behind", "writes_before", "reads_scratch_behind"]
)
def test_bounds_checks_stop_what_goes_outside(stray: str) -> None:
    assert outcome(stray, checked=True) == (1, "IndexError: index is out of bounds")


@needs_glibc
def test_scratch_that_nobody_wrote_is_seen() -> None:
    code, message = outcome("reads_scratch_that_nobody_wrote", checked=False)
    assert code == 1
    assert "array 1 depends on the memory around or on the pieces" in message


def test_results_that_depend_on_the_pieces_are_seen() -> None:
    code, message = outcome("results_depend_on_the_pieces", checked=False)
    assert code == 1
    assert "array 1 depends on" in message


def test_writes_into_what_is_read_only_are_seen() -> None:
    code, message = outcome("writes_what_it_was_to_read", checked=False)
    assert code == 1
    assert "wrote into array 0, which may not be written" in message


@pytest.mark.parametrize("at_end", [False, True])
@pytest.mark.parametrize("size", [0, 3, 5000])
def test_garbage_that_is_written_over_is_seen(size: int, at_end: bool) -> None:
    yard, array = Yard(), np.arange(size, dtype=np.float32)
    copy = yard.put(array, Arrangement(at_end, garbage=7, fresh=7, by_driver=False))
    np.testing.assert_array_equal(copy, array)
    assert yard.intact()
    yard._bytes[yard._start - 1 if at_end else yard._end] = 8
    assert not yard.intact()


def test_checked_code_is_kept_apart_and_runs_serially(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One cache directory, first filled by code without checks; and no error is taken for another in threads."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("NUMBA_NUM_THREADS", "2")
    code = textwrap.dedent(
        """
        import numpy as np
        from fastconv.jit.kernel import Kernel
        from safety.strays import reads_scratch_behind
        Kernel(reads_scratch_behind, "stray").run(4, 1e9, np.zeros(4), np.zeros(4))
        """
    )
    assert run_python("-c", code, checked=False).returncode == 0
    kept = len(list(tmp_path.rglob("*.kernel")))
    done = run_python("-c", code, checked=True)
    assert done.stderr.strip().splitlines()[-1] == "IndexError: index is out of bounds"
    assert len(list(tmp_path.rglob("*.kernel"))) > kept > 0
