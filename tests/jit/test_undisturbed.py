"""What is done while something compiles, and what is not."""

import gc
import threading
from collections.abc import Iterator

import pytest

from fastconv.jit.undisturbed import undisturbed


@pytest.fixture(params=[True, False])
def collects(request: pytest.FixtureRequest) -> Iterator[bool]:
    """Whether garbage is collected before."""
    if not request.param:
        gc.disable()
    yield request.param
    gc.enable()


def test_garbage_is_collected_before_and_after_but_not_meanwhile(collects: bool) -> None:
    assert not undisturbed(gc.isenabled)
    assert gc.isenabled() is collects


def test_what_fails_lets_garbage_be_collected_again(collects: bool) -> None:
    with pytest.raises(ZeroDivisionError):
        undisturbed(lambda: 1 // 0)
    assert gc.isenabled() is collects


def test_what_compiles_may_compile_something_else() -> None:
    assert undisturbed(lambda: undisturbed(gc.isenabled) or gc.isenabled()) is False
    assert gc.isenabled()


def test_of_several_threads_the_last_one_lets_garbage_be_collected_again() -> None:
    """None of them while another compiles."""
    found: list[bool] = []
    together = threading.Barrier(4)

    def work() -> None:
        together.wait()
        for _ in range(100):
            found.append(undisturbed(gc.isenabled))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [False] * 400
    assert gc.isenabled()
