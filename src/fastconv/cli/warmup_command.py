"""Compile ahead what the first calls of operations would compile, and keep it.

Without names, all operations: OPS are names such as conv2d, or conv for conv1d, conv2d and conv3d together. What is
compiled is kept on disk, so that later processes of the same fastconv, Numba, CPU and settings load it: run this when
an image is built or after an upgrade. Exit code 0, or 1 if nothing could be kept.

The JSON document has these keys, and a later version may add some:
  operations      op, dtype, seconds, compiled, loaded: names of functions, one
                  for each variant; in neither is what was there already
  seconds         of all of it
  directory       of the compile cache, null if there is none
  files_written, bytes_written
  kept            whether later processes will find what was compiled
  notes           sentences
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

from fastconv.cli.extras import Stop

if TYPE_CHECKING:
    from fastconv.cli.warmup import Done, Outcome

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `fastconv warmup`."""
    parser.add_argument("ops", nargs="*", metavar="OPS", help="operations, such as conv2d or avg_pool (default: all)")
    parser.add_argument(
        "--dtype", default="float32,float64", metavar="A,B", help="dtypes of the inputs (default: float32,float64)"
    )
    parser.add_argument("--rank", default="1,2,3", metavar="A,B", help="numbers of spatial axes (default: 1,2,3)")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of text")


def run(arguments: argparse.Namespace) -> int:
    """Compile; 0 if it is kept, 1 if nothing could be."""
    from fastconv.cli.doctor_facts import import_trouble
    from fastconv.cli.progress import progress

    if trouble := import_trouble():
        raise Stop(f"the operations cannot be imported ({trouble}); `fastconv doctor` says more")
    from numba import config

    from fastconv.cli.warmup import warm_up, works

    if config.DISABLE_JIT:
        raise Stop("NUMBA_DISABLE_JIT is set, so there is nothing to compile; unset it first")
    work = works(arguments.ops, _names(arguments.dtype), _names(arguments.rank))
    with progress(len(work)) as step:
        outcome = warm_up(work, step)
    if arguments.json:
        print(json.dumps(asdict(outcome), indent=2))
    else:
        _show(outcome)
    return 0 if outcome.kept else 1


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]


def _show(outcome: Outcome) -> None:
    from fastconv.cli.doctor_show import printer
    from fastconv.cli.doctor_text import Row, Section
    from fastconv.cli.units import duration, megabytes

    rows = [Row(f"{it.op} {it.dtype}", f"{duration(it.seconds)}, {_what(it)}") for it in outcome.operations]
    to = printer()
    to.section(Section("Compiled ahead", tuple(rows)))
    compiled = sum(len(it.compiled) for it in outcome.operations)
    loaded = sum(len(it.loaded) for it in outcome.operations)
    done = f"Compiled {compiled} and loaded {loaded} functions in {duration(outcome.seconds)}."
    if outcome.files_written:
        done += f" Wrote {outcome.files_written} files ({megabytes(outcome.bytes_written)}) to {outcome.directory}."
    mood = "good" if outcome.kept else "bad"
    if not outcome.kept:
        done += " Nothing could be kept, so every process will compile again; `fastconv doctor` says what helps."
    for text in (*outcome.notes, done):
        to.verdict(Row("", text, mood))


def _what(done: Done) -> str:
    """Functions by name, with their number of variants where there are several."""
    parts = [
        f"{verb} " + ", ".join(name if count == 1 else f"{name} ({count})" for name, count in Counter(names).items())
        for verb, names in (("compiled", done.compiled), ("loaded", done.loaded))
        if names
    ]
    return "; ".join(parts) or "all was there already"
