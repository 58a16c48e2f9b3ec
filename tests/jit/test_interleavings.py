"""What the threads of the pool share, in every order in which they can come upon it.

The functions are those of the pool, run by Python, with each access to a shared word as a step of `interleaving`.
Orders that a core makes up itself are left out: all that matters is read and written in sequentially consistent order.
"""

import inspect
from functools import cache, partial
from types import CodeType, SimpleNamespace
from typing import NamedTuple

import pytest

from fastconv.jit import pool
from interleaving import Turns, schedules
from nightly import nightly


class Scene(NamedTuple):
    """Callers with their jobs' numbers of tasks, helpers, how many of them may help, and their looks before sleep."""

    callers: tuple[tuple[int, ...], ...]
    helpers: int
    allowed: int
    looks: int


TWO_JOBS = "two jobs, helpers sleep at once"
LONG_FIRST = "a long job and a short one"
TWO_CALLERS = "two callers"
TWO_HELPERS = "two helpers of which one may help"
SCENES = {
    TWO_JOBS: Scene(((1, 2),), 1, 1, 0),
    "two jobs, helpers look first": Scene(((1, 2),), 1, 1, 1),
    LONG_FIRST: Scene(((6, 2),), 1, 1, 0),
    TWO_CALLERS: Scene(((2,), (2,)), 1, 1, 0),
    TWO_HELPERS: Scene(((3,),), 2, 1, 1),
}

#: A scene that goes wrong in some order without a safeguard, and what to replace to be without it.
SAFEGUARDS = {
    "one job at a time": (TWO_CALLERS, "if not atomic.exchange_if(words, _OWNER, 0, 1):", "if False:"),
    "the caller waits for helpers inside": (TWO_JOBS, "while atomic.load(words, _INSIDE):", "while False:"),
    "helpers look again once they are inside": (LONG_FIRST, " and atomic.load(words, _SEQUENCE) == sequence:", ":"),
    "chunks are taken one by one": (
        TWO_JOBS,
        "if atomic.exchange_if(words, _NEXT + part, begin, until):",
        "atomic.store(words, _NEXT + part, until)\n            if True:",
    ),
    "a job is complete before it is open": (
        TWO_JOBS,
        "    atomic.add(words, _SEQUENCE, 1)  # odd: open",
        "",
        "    words[_TRAMPOLINE], words[_LETTER]",
        "    atomic.add(words, _SEQUENCE, 1)\n    words[_TRAMPOLINE], words[_LETTER]",
    ),
    "helpers say that they sleep before they do": (
        TWO_JOBS,
        "            atomic.add(words, _AWAKE, -1)\n            atomic.sleep_while(words, _SEQUENCE, sequence)",
        "            atomic.sleep_while(words, _SEQUENCE, sequence)\n            atomic.add(words, _AWAKE, -1)",
    ),
    "sleepers are looked for after the job is open": (
        TWO_JOBS,
        "    missing = helpers - atomic.load(words, _AWAKE)\n",
        "",
        "    atomic.add(words, _SEQUENCE, 1)  # odd: open",
        "    missing = helpers - atomic.load(words, _AWAKE)\n    atomic.add(words, _SEQUENCE, 1)",
    ),
    "who stops the helpers changes the sequence": (TWO_JOBS, "    atomic.add(words, _SEQUENCE, 2)\n", ""),
    "helpers look at the sequence first, then whether to stop": (
        TWO_JOBS,
        "        sequence = atomic.load(words, _SEQUENCE)\n        if atomic.load(words, _STOP):\n            break\n",
        "        if atomic.load(words, _STOP):\n            break\n        sequence = atomic.load(words, _SEQUENCE)\n",
    ),
    "no more helpers than a call allows": (TWO_HELPERS, "before < atomic.load(words, _ALLOWED) and", ""),
}


@cache
def edited(edits: tuple[str, ...]) -> CodeType:
    """The functions of the pool, with some of their text replaced."""
    functions = (pool._do_tasks.py_func, pool._share, pool._help, pool._wake)
    source = "\n".join(inspect.getsource(function) for function in functions)
    for old, new in zip(edits[::2], edits[1::2], strict=True):
        assert source.count(old) == 1, f"not in the pool, or more than once: {old}"
        source = source.replace(old, new)
    return compile(source, "pool", "exec")


class World:
    """The pool's words, and what is done with them."""

    def __init__(self, schedule: dict[int, int], edits: tuple[str, ...] = ()) -> None:
        self.turns = Turns(schedule)
        self.values = [0] * pool._WORDS
        self.done: dict[int, list[int]] = {}  # by job, how often each task was done
        self.over: set[int] = set()
        self.opened: list[int] = []  # sequences
        self.asleep: dict[int, int] = {}  # by thread, jobs that were open or over when it fell asleep
        self.inside = self.helpers = self.allowed = 0
        names = {"atomic": self, "helper": lambda function: function, "this_core": lambda: 0}
        names |= {"keep_off": lambda cores, core: False, "return_to_all": lambda cores: None}
        names |= {"call_trampoline": self.call_trampoline}
        names = {**vars(pool), **names}
        exec(edited(edits), names)
        self.pool = SimpleNamespace(**names)

    # The words, and the operations of fastconv.jit.atomic.

    def __getitem__(self, at: int) -> int:
        self.turns.step()
        return self.values[at]

    def __setitem__(self, at: int, value: int) -> None:
        self.turns.step()
        self.values[at] = value

    def load(self, words: "World", at: int) -> int:
        return self[at]

    def store(self, words: "World", at: int, value: int) -> None:
        self[at] = value

    def add(self, words: "World", at: int, value: int) -> int:
        self.turns.step()
        before = self.values[at]
        self.values[at] += value
        if at == pool._SEQUENCE and self.values[at] & 1:
            self.opened.append(self.values[at])
        return before

    def exchange_if(self, words: "World", at: int, expected: int, value: int) -> bool:
        self.turns.step()
        if self.values[at] != expected:
            return False
        self.values[at] = value
        return True

    def pause(self) -> None:
        self.turns.let_others()

    yield_core = pause

    def sleep_while(self, words: "World", at: int, value: int) -> None:
        self.turns.step()
        if self.values[at] == value:
            self.asleep[self.turns.current] = len(self.opened)
            self.turns.wait()

    def wake(self, words: "World", at: int, count: int) -> None:
        self.turns.step()
        for thread in list(self.asleep)[:count]:
            del self.asleep[thread]
            self.turns.wake(thread)

    # A letter, which is the job's number.

    def call_trampoline(self, trampoline: str, letter: int, begin: int, end: int) -> int:
        self.turns.step()
        assert trampoline == "trampoline", "a job half written"
        assert end <= len(self.done[letter]), "tasks of the job before"
        self.inside += 1
        assert self.inside <= 1 + self.allowed, "more threads than allowed"
        for task in range(begin, end):
            self.turns.step()
            assert letter not in self.over, "a task of a job that is over"
            self.done[letter][task] += 1
        self.inside -= 1
        return 0

    # The threads.

    def call(self, job: int, tasks: int) -> None:
        """A caller's job, of which nothing may be done once it is over."""
        self.done[job] = [0] * tasks
        letter, work = SimpleNamespace(ctypes=SimpleNamespace(data=job)), pool.WAKE_NANOSECONDS * self.allowed
        if self.pool._share(self, "trampoline", letter, 0, tasks, 1, self.allowed, work) == pool.BUSY:
            self.done[job] = [1] * tasks
        elif self.allowed == self.helpers:
            assert all(jobs == len(self.opened) for jobs in self.asleep.values()), "a helper sleeps on"
        self.over.add(job)
        assert self.done[job] == [1] * tasks, "tasks left out, or done twice"

    def run(self, scene: Scene) -> Turns:
        self.helpers, self.allowed = scene.helpers, scene.allowed
        left = [len(scene.callers)]

        def caller(number: int, jobs: tuple[int, ...]) -> None:
            for i, tasks in enumerate(jobs):
                self.call(10 * number + i, tasks)
            left[0] -= 1
            if not left[0]:
                self[pool._STOP] = 1
                self.pool._wake(self)

        numbers = range(1, scene.helpers + 1)
        threads = [partial(self.pool._help, self, None, number, 0, scene.looks, True) for number in numbers]
        threads += [partial(caller, number, jobs) for number, jobs in enumerate(scene.callers)]
        self.turns.run(threads)
        at_rest = (pool._OWNER, pool._INSIDE, pool._AWAKE)
        assert [self.values[at] for at in at_rest] == [0, 0, 0]
        return self.turns


def explore(scene: str, edits: tuple[str, ...] = ()) -> int:
    """Number of schedules that were run."""
    return sum(1 for _ in schedules(lambda schedule: World(schedule, edits).run(SCENES[scene]), most=2))


@pytest.mark.parametrize("scene", [TWO_JOBS, *nightly(*(scene for scene in SCENES if scene != TWO_JOBS))])
def test_no_order_of_steps_goes_wrong(scene: str) -> None:
    assert explore(scene) > 1000


@pytest.mark.parametrize("safeguard", SAFEGUARDS)
def test_without_a_safeguard_some_order_goes_wrong(safeguard: str) -> None:
    scene, *edits = SAFEGUARDS[safeguard]
    with pytest.raises((AssertionError, ZeroDivisionError)):  # stuck too is one; a job half written may have no parts
        explore(scene, tuple(edits))
