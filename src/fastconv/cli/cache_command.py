"""What is kept of compiled code: info shows it, verify checks it, clear removes it.

Compiled kernels are kept on disk, so that a process pays for each of them once and the next one loads it. The directory
is NUMBA_CACHE_DIR/fastconv where that is set, else the user's cache directory. Removing it is always safe: kernels are
compiled again.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastconv.cli.extras import Stop

if TYPE_CHECKING:
    from fastconv.jit.cache_care import Summary
    from fastconv.jit.cache_files import Entry

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions of `fastconv cache` and their options."""
    actions = parser.add_subparsers(title="actions", dest="action", metavar="ACTION", required=True)
    info = actions.add_parser("info", help="where the cache is, what it holds, and whether it works")
    verify = actions.add_parser("verify", help="check every file; exit code 1 if one is damaged")
    clear = actions.add_parser("clear", help="remove its files")
    clear.add_argument(
        "--stale", action="store_true", help="only those made for another version of a package, CPU or setting"
    )
    for action, do in ((info, _info), (verify, _verify), (clear, _clear)):
        action.add_argument("--json", action="store_true", help="print one JSON document")
        action.set_defaults(do=do)


def run(arguments: argparse.Namespace) -> int:
    """Do the action; 0 if all is well, 1 where files are damaged or cannot be removed."""
    do: Callable[[argparse.Namespace], int] = arguments.do
    return do(arguments)


def _info(arguments: argparse.Namespace) -> int:
    from fastconv.jit.cache_care import summary

    found = summary()
    if arguments.json:
        directory = found.place.directory
        report = {
            "directory": None if directory is None else str(directory),
            "reason": found.place.reason,
            "current": {**_totals(found.current), "kernels": _variants(found.current)},
            "stale": _totals(found.stale),
            "unfinished": found.unfinished,
            "trouble": found.trouble,
        }
        print(json.dumps(report, indent=2))
    else:
        _show(found)
    return 0


def _show(found: Summary) -> None:
    if found.place.directory is not None:
        print(f"Compiled code is kept in {found.place.directory}, because {found.place.reason}.")
        print(f"  {_text(found.current)} made for this fastconv, Numba, CPU and these settings")
        for kernel, count in _variants(found.current).items():
            print(f"      {count} of {kernel}")
        print(f"  {_text(found.stale)} made for others; `fastconv cache clear --stale` removes them")
        if found.unfinished:
            print(f"  {found.unfinished} unfinished: being written, or left behind by killed processes")
    print(found.trouble or "It can be loaded and added to.")


def _verify(arguments: argparse.Namespace) -> int:
    from fastconv.jit.cache_care import damaged

    directory = _directory()
    checked, bad = damaged()
    if arguments.json:
        files = [{"file": entry.path.name, "kernel": entry.kernel, "damage": why} for entry, why in bad]
        print(json.dumps({"directory": str(directory), "checked": checked, "damaged": files}, indent=2))
    else:
        for entry, why in bad:
            print(f"{entry.path} {why}.")
        print(f"{checked - len(bad)} of {_files(checked)} in {directory} hold what was written.")
    return 1 if bad else 0


def _clear(arguments: argparse.Namespace) -> int:
    from fastconv.jit.cache_care import clear, clear_stale

    directory = _directory()
    removal = clear_stale() if arguments.stale else clear()
    if arguments.json:
        report = {"removed": removal.files, "bytes": removal.size, "failures": removal.failures}
        print(json.dumps({"directory": str(directory), **report}, indent=2))
    else:
        for failure in removal.failures:
            print(failure)
        print(f"Removed {_files(removal.files)} ({_megabytes(removal.size)}) from {directory}.")
    return 1 if removal.failures else 0


def _directory() -> Path:
    from fastconv.jit.cache_place import place

    where = place()
    if where.directory is None:
        raise Stop(f"there is no cache: {where.reason}")
    return where.directory


def _totals(entries: Sequence[Entry]) -> dict[str, Any]:
    return {"files": len(entries), "bytes": sum(entry.size for entry in entries)}


def _variants(entries: Sequence[Entry]) -> dict[str, int]:
    """How many types each kernel was compiled for."""
    return dict(sorted(Counter(entry.kernel for entry in entries).items()))


def _text(entries: Sequence[Entry]) -> str:
    totals = _totals(entries)
    return f"{_files(totals['files'])} ({_megabytes(totals['bytes'])})"


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
