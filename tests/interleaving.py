"""Threads that take turns as a schedule says: all that can happen between them, one possibility after the other.

Each access to something shared is a *step*, before which another thread may go on. A schedule names the steps before
which one does; elsewhere a thread runs until it waits or ends. Nearly all faults need one or two such changes.
"""

import threading
from collections.abc import Callable, Iterator

__all__ = ["Stuck", "Turns", "schedules"]

Schedule = dict[int, int]


class Stuck(AssertionError):
    """Nobody can go on."""


class _Abandoned(BaseException):
    """Another thread has failed."""


class Turns:
    """Runs functions as threads of which one at a time goes on.

    Parameters
    ----------
    schedule : dict
        Before which steps, counted through all threads, which thread goes on.
    """

    #: Steps after which the threads are thought to be caught in a loop.
    MOST_STEPS = 3000

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.choices: list[list[int]] = []  # for each step, who else could have gone on
        self._turn: list[threading.Semaphore] = []
        self._able: list[bool] = []  # neither waiting nor at an end
        self._failure: BaseException | None = None
        self._over: list[bool] = []
        self.current = 0

    def run(self, functions: list[Callable[[], None]]) -> None:
        """Run them to their ends; raises what one of them raises."""
        self._turn = [threading.Semaphore(0) for _ in functions]
        self._able, self._over = [True] * len(functions), [False] * len(functions)
        threads = [threading.Thread(target=self._life, args=(i, f)) for i, f in enumerate(functions)]
        for thread in threads:
            thread.start()
        self._turn[0].release()
        for thread in threads:
            thread.join()
        if self._failure is not None:
            raise self._failure

    def step(self) -> None:
        """Before each access to something shared."""
        number = len(self.choices)
        if number >= self.MOST_STEPS:
            raise Stuck("they go on for ever")
        self.choices.append([i for i in self._others() if self._able[i]])
        wanted = self.schedule.get(number, self.current)
        if wanted != self.current and self._able[wanted]:
            self._give_turn(wanted)

    def let_others(self) -> None:
        """The current thread has nothing to do but to look again, once others have gone on."""
        able = [i for i in self._others() if self._able[i]]
        if able:
            self._give_turn(able[0])

    def wait(self) -> None:
        """The current thread waits until `wake`."""
        me = self.current
        self._able[me] = False
        self.let_others()
        if not self._able[me]:
            raise Stuck("all wait")

    def wake(self, thread: int) -> None:
        """A thread that waits may go on, and does so at once."""
        self._able[thread] = True
        self._give_turn(thread)

    def _others(self) -> list[int]:
        count = len(self._able)
        return [(self.current + i) % count for i in range(1, count)]

    def _give_turn(self, to: int) -> None:
        me, self.current = self.current, to
        self._turn[to].release()
        self._turn[me].acquire()
        if self._failure is not None:
            raise _Abandoned

    def _life(self, number: int, function: Callable[[], None]) -> None:
        self._turn[number].acquire()
        try:
            if self._failure is None:
                function()
        except _Abandoned:
            pass
        except BaseException as error:
            self._failure = error
        self._able[number], self._over[number] = False, True
        able = [i for i in self._others() if self._able[i]]
        if self._failure is None and not able and not all(self._over):
            self._failure = Stuck("the last thread to end leaves others waiting")
        if self._failure is not None:
            for turn in self._turn:
                turn.release()
        elif able:
            self.current = able[0]
            self._turn[able[0]].release()


def schedules(run: Callable[[Schedule], Turns], most: int) -> Iterator[Schedule]:
    """All schedules with up to so many changes of the thread, each after it was run."""
    waiting: list[Schedule] = [{}]
    while waiting:
        schedule = waiting.pop()
        turns = run(schedule)
        yield schedule
        if len(schedule) < most:
            first = max(schedule, default=-1) + 1
            waiting += [schedule | {i: other} for i in range(first, len(turns.choices)) for other in turns.choices[i]]
