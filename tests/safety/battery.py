"""A process that runs families of calls with all kernels between fences, since a stray access ends it.

``python -m safety.battery PLACE FAMILY ...`` (with ``tests`` on the path) prints the names of the kernels that it ran.
The file PLACE holds the call and the kernel that it is at.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from numba import config
from numba.core.runtime import rtsys

TESTS = Path(__file__).resolve().parent.parent

#: Calls of a family, cut into blocks as ever, and as many again cut into small ones: nightly, where bounds are checked,
#: others each time, else the same ones.
CALLS, NIGHTLY_CALLS = 100, 120

#: Checks are the same without optimizing, and compiled in two thirds of the time.
CHECKED = {"NUMBA_BOUNDSCHECK": "1", "NUMBA_OPT": "0"}

#: Fresh memory is filled with what we want only where none is kept back for the next who asks.
NO_THREAD_CACHE = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}

#: Numba counts what compiled code allocates and frees.
COUNTED = {"NUMBA_NRT_STATS": "1"}


def run_python(*command: str, checked: bool, all_types: bool = False) -> subprocess.CompletedProcess[str]:
    """Run Python with the tests on its path, and with compiled code that checks bounds or does not."""
    ours = ("NUMBA_BOUNDSCHECK", "NUMBA_DISABLE_JIT")
    env = {name: value for name, value in os.environ.items() if name not in ours}
    env |= NO_THREAD_CACHE | COUNTED
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(TESTS), env.get("PYTHONPATH")]))
    if checked:
        env |= CHECKED
    if all_types:
        env["SAFETY_TYPES"] = "all"
    return subprocess.run(
        [sys.executable, "-X", "faulthandler", *command], env=env, capture_output=True, text=True, timeout=3000
    )


@cache
def run_battery(families: tuple[str, ...], *, checked: bool, all_types: bool) -> frozenset[str]:
    """Run families of `cases.FAMILIES` in a process of their own; the names of the kernels that it ran."""
    with TemporaryDirectory() as directory:
        place = Path(directory) / "place"
        done = run_python("-m", "safety.battery", str(place), *families, checked=checked, all_types=all_types)
        if done.returncode:
            at = place.read_text() if place.exists() else "the start"
            raise AssertionError(f"exit {done.returncode} at {at}\n{done.stdout[-2000:]}{done.stderr[-6000:]}")
    return frozenset(json.loads(done.stdout))


def scratch_in_use() -> int:
    """Vectors that compiled code has allocated and not freed."""
    gc.collect()
    counts = rtsys.get_allocation_stats()
    return counts.mi_alloc - counts.mi_free


def main(place: str, *families: str) -> None:
    """Draw calls of each family and run them."""
    from hypothesis import HealthCheck, given, settings

    from properties.strategies import small_blocks
    from safety.cases import FAMILIES, Call
    from safety.guard import guard

    chosen = settings(
        max_examples=NIGHTLY_CALLS if config.BOUNDSCHECK else CALLS,
        deadline=None,
        derandomize=not config.BOUNDSCHECK,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    at, seen = [""], set()
    with open(place, "w+b", buffering=0) as file:

        def tell(kernel: str) -> None:
            file.seek(0)
            file.truncate()
            file.write(f"{kernel} in {at[0]}".encode())

        for family in families:

            @chosen
            @given(call=FAMILIES[family])
            def run(call: Call) -> None:
                at[0] = call.text
                call.run()

            with guard(tell) as watch:
                run()
                with small_blocks():
                    run()
            assert scratch_in_use() == 0, f"a kernel kept scratch in {family}"
            seen |= watch.seen
    print(json.dumps(sorted(seen)))


if __name__ == "__main__":
    main(*sys.argv[1:])
