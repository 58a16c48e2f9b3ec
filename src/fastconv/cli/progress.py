"""Progress of long work, on stderr: a bar on a terminal, elsewhere a line a step, so that stdout holds only results."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["Step", "progress"]

#: Announces that the next step begins; its argument says what the step does.
Step = Callable[[str], None]


@contextmanager
def progress(total: int) -> Iterator[Step]:
    """Show progress over a known number of steps while the block runs.

    Parameters
    ----------
    total : int
        How many steps there will be.

    Yields
    ------
    callable
        To be called with a few words at the start of each step.
    """
    try:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
    except ImportError:  # programs that ask for JSON need no rich
        yield _lines(total)
        return
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines(total)
        return
    columns = (
        SpinnerColumn(),
        BarColumn(24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    # Redrawing takes the interpreter's lock for a millisecond: four times a second disturbs no timing.
    with Progress(*columns, console=console, transient=True, refresh_per_second=4) as bar:
        task = bar.add_task("", total=total)
        begun = 0

        def step(text: str) -> None:
            nonlocal begun
            bar.update(task, description=text, completed=begun)
            begun += 1

        yield step


def _lines(total: int) -> Step:
    start, begun = time.perf_counter(), 0

    def step(text: str) -> None:
        nonlocal begun
        begun += 1
        print(f"[{begun}/{total}] {time.perf_counter() - start:5.1f} s  {text}", file=sys.stderr, flush=True)

    return step
