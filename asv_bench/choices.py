"""How well algorithms of convolutions are chosen: what each takes for a layer, and which one "auto" takes.

``python -m asv_bench.choices`` prints a line for each layer and the mean loss: the geometric mean of what "auto" takes,
over what the fastest algorithm takes. asv finds nothing to measure here. The constants of the estimates in
`fastconv.plan` were fitted to such figures; on another CPU, or after a change of a kernel, it tells whether they hold.
"""

from __future__ import annotations

import argparse
import math
import re
import statistics
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any

import numpy as np

from asv_bench.shapes import DENSE, GROUPED, ODD, TRANSPOSED, VOLUMES, Layer

#: Slower than the best of them by so much that a call of a large layer would take seconds.
LEFT_OUT = ("reference", "direct")
#: Calls of a round, of which the shortest counts.
CALLS = 3

Call = Callable[[], Any]


def calls(layer: Layer, packed: bool) -> tuple[str, dict[str, Call]]:
    """The algorithm that "auto" takes, and a call of each that serves the layer, compiled and planned."""
    import fastconv as fc
    from fastconv.ops.calls import recording
    from fastconv.plan.registry import ALGORITHMS

    rng = np.random.default_rng(0)
    x, w = (rng.standard_normal(shape).astype(layer.dtype) for shape in (layer.input, layer.kernel))
    function = getattr(fc, layer.function)
    maker = getattr(fc, "".join(part.capitalize() for part in layer.function.split("_")))

    def call(algorithm: str) -> Call:
        options = {**layer.options, "algorithm": algorithm}
        if not packed:
            return lambda: function(x, w, **options)
        made = maker(w, **options)
        return lambda: made(x)

    with recording() as found:
        call("auto")()
    chosen, served = found[0][1].algorithm, {}
    for algorithm in ALGORITHMS[layer.op]:
        if algorithm.name in LEFT_OUT and algorithm.name != chosen:
            continue
        try:
            served[algorithm.name] = call(algorithm.name)
            served[algorithm.name]()
        except ValueError:  # it does not serve this layer
            served.pop(algorithm.name, None)
    return chosen, served


def microseconds(served: dict[str, Call], rounds: int) -> dict[str, float]:
    """Of each call, medians of rounds in which all take turns."""
    times: dict[str, list[float]] = {name: [] for name in served}
    for _ in range(rounds):
        for name, call in served.items():
            times[name].append(min(_seconds(call) for _ in range(CALLS)) * 1e6)
    return {name: statistics.median(found) for name, found in times.items()}


def _seconds(call: Call) -> float:
    start = perf_counter()
    call()
    return perf_counter() - start


def lines(layers: dict[str, Layer], packed: bool, rounds: int) -> Iterator[str]:
    """A table, and the mean loss."""
    losses = []
    for name, layer in layers.items():
        chosen, served = calls(layer, packed)
        times = microseconds(served, rounds)
        losses.append(times[chosen] / min(times.values()))
        shown = "  ".join(f"{other} {time:.0f}" for other, time in sorted(times.items(), key=lambda item: item[1]))
        yield f"{name:34} {losses[-1]:5.2f}  {chosen:10} {shown}"
    yield f"mean loss {math.exp(statistics.mean(map(math.log, losses))):.3f} over {len(losses)} layers"


def main() -> None:
    """Print what plain calls take, and calls with packed weights."""
    parser = argparse.ArgumentParser(description="Measure how well algorithms are chosen.")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", default="", metavar="REGEX", help="layers whose names it finds")
    given = parser.parse_args()
    import fastconv as fc

    families = {**DENSE, **GROUPED, **TRANSPOSED, **VOLUMES, **ODD}
    layers = {name: layer for name, layer in families.items() if re.search(given.only, name)}
    with fc.threads(given.threads):
        for packed in (False, True):
            print("weights packed before" if packed else "plain calls", flush=True)
            for line in lines(layers, packed, given.rounds):
                print(line, flush=True)


if __name__ == "__main__":
    main()
