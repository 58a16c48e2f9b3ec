"""`explain`: every choice that was made for a call, in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastconv.jit.machine import machine
from fastconv.jit.threads import thread_count, threads_for
from fastconv.ops.calls import recording
from fastconv.plan.plan import Choice
from fastconv.plan.problem import Problem

__all__ = ["explain"]


def explain(function: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
    """Run a call and tell how it was served: sizes, the algorithm chosen, why others declined, blocks and threads.

    Parameters
    ----------
    function : callable
        An operation of this package, such as `conv2d`.
    *args, **kwargs
        Its arguments.

    Returns
    -------
    str
        A few lines to read or print; steps of one kind are told once.

    Examples
    --------
    >>> import numpy as np, fastconv as fc
    >>> print(fc.explain(fc.conv2d, np.ones((3, 16, 16)), np.ones((8, 3, 3, 3), complex)))  # doctest: +ELLIPSIS
    conv on 1 x 3 x 16 x 16 to 1 x 8 x 14 x 14 in complex128, 42336 products
    - channels declined: its lanes are channels that stand beside each other, in input and result
    - direct declined: summing in place is only faster for very little work, and serial
    - unpacked declined: it multiplies floats, a part of a vector at a time
    - single declined: it is for images that are one window, without padding
    - fourier declined: it sums over one channel, not over 3
    - turned declined: it takes one channel to one, not 3 to 8
    - depthwise declined: it sums over one channel, not over 3
    - winograd declined: it halves weights: not for complex128
    - winograd_rows declined: it halves weights: not for complex128
    - panel ...
    - ... blocks of 1 x ...
    - ... tasks, about ... microseconds on one thread, in ... of ... threads
    - ...
    """
    with recording() as calls:
        function(*args, **kwargs)
    if not calls:
        return (
            f"{getattr(function, '__name__', function)} made no choice: its result is empty, or it has no algorithms."
        )
    different = dict(calls)
    return "\n".join(line for problem, choice in different.items() for line in _lines(problem, choice))


#: What the numbers of several channels are called, by the bytes of each.
_TOGETHER = {1: "quads", 2: "pairs"}


def _lines(problem: Problem, choice: Choice) -> list[str]:
    g = problem.geometry
    given, got = (" x ".join(map(str, shape)) for shape in (g.input_shape, g.output_shape))
    given, got = (text + " (channels last)" * last for text, last in ((given, problem.x_last), (got, problem.y_last)))
    how = f", in {_TOGETHER[problem.parts.itemsize]} of channels" if problem.parts else ""
    how += ", of high and of low bytes" if problem.halves > 1 else ""
    sums = f"{np.dtype(problem.dtype)}{', exact here' if problem.exact else how}"
    lines = [f"{problem.op} on {given} to {got} in {sums}, {g.products} products"]
    lines += [f"- {name} {what}" for name, what in choice.walk]
    lines.append(f"- {choice.plan.summary}")
    tasks, nanoseconds = choice.plan.tasks, choice.plan.nanoseconds
    threads = threads_for(tasks, nanoseconds)
    lines.append(
        f"- {tasks} tasks, about {nanoseconds / 1000:.3g} microseconds on one thread, in {threads} of "
        f"{thread_count()} threads"
    )
    lines.append(f"- {machine().name}, {machine().vector_bytes}-byte vectors")
    return lines
