"""Convolution, pooling, transposed convolution and K' on a photograph, with timings.

Runs the four subjects on an image, times them against every other library that is installed, prints a table and draws
one picture. Takes less than a minute, first compilation included.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fastconv.cli.extras import Stop, require

if TYPE_CHECKING:
    from fastconv.cli.demo_report import Report
    from fastconv.cli.image import Photograph
    from fastconv.cli.progress import Step

__all__ = ["add_arguments", "run"]

_DEFAULT_PICTURE = "fastconv-demo.png"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `fastconv demo`."""
    parser.add_argument(
        "image",
        nargs="?",
        metavar="IMAGE",
        help="any image that Pillow opens, reduced to 400 000 pixels if it is larger; by default a sample photograph"
        " that comes with Matplotlib",
    )
    picture = parser.add_mutually_exclusive_group()
    picture.add_argument("--out", metavar="PNG", help=f"where the picture goes (default: {_DEFAULT_PICTURE})")
    picture.add_argument("--no-plot", action="store_true", help="draw no picture")
    parser.add_argument(
        "--json",
        action="store_true",
        help="print one JSON document instead of the table, and draw no picture unless --out is given",
    )
    parser.add_argument("--threads", type=int, metavar="N", help="threads for fastconv and its peers (default: all)")


def run(arguments: argparse.Namespace) -> int:
    """Run the demo; 0 if all results agree, 1 otherwise."""
    from fastconv.cli.progress import progress

    out = _where(arguments)
    _check_extras(arguments, out)
    from fastconv.cli.demo import STEPS
    from fastconv.cli.demo_peers import TITLES
    from fastconv.cli.demo_report import as_json, disagreements
    from fastconv.cli.image import load_photograph

    photograph = load_photograph(arguments.image)
    steps = STEPS + 1 + len(TITLES) + (out is not None)
    with _threads(arguments.threads) as threads, progress(steps) as step:
        report = _measure(photograph, threads, step)
        if out is not None:
            step("drawing the picture")
            _draw(report, out)
    if arguments.json:
        print(json.dumps(as_json(report, None if out is None else str(out)), indent=2))
    else:
        from rich.console import Console

        from fastconv.cli.demo_table import show

        console = Console(highlight=False)
        show(report, console)
        if out is not None:
            console.print(f"\nPicture: {out}", soft_wrap=True, markup=False)
    return 1 if disagreements(report) else 0


def _where(arguments: argparse.Namespace) -> Path | None:
    """The picture's path, known to be writable before a minute of work goes into it; None for no picture."""
    if arguments.no_plot or (arguments.json and arguments.out is None):
        return None
    out = Path(arguments.out or _DEFAULT_PICTURE)
    if out.is_dir():
        raise Stop(f"{out} is a folder; --out takes the name of a PNG file")
    if out.suffix.lower() != ".png":
        raise Stop(f"--out writes a PNG, so its name has to end in .png, unlike {out}")
    existed = out.exists()
    try:
        out.open("ab").close()
    except OSError as error:
        raise Stop(f"cannot write the picture to {out}: {error.strerror}") from error
    if not existed:
        out.unlink()
    return out


def _check_extras(arguments: argparse.Namespace, out: Path | None) -> None:
    if not arguments.json:
        require("rich.console", "demo", "The demo's table needs rich")
    if out is not None:
        require("matplotlib.figure", "demo", "The demo's picture needs Matplotlib")


@contextmanager
def _threads(wanted: int | None) -> Iterator[int]:
    """Numba's threads, set for the block."""
    import numba

    most: int = numba.config.NUMBA_NUM_THREADS
    before = numba.get_num_threads()
    threads = before if wanted is None else wanted
    if not 1 <= threads <= most:
        raise Stop(f"--threads {threads} is not between 1 and {most}, as many as Numba started with here")
    numba.set_num_threads(threads)
    try:
        yield threads
    finally:
        numba.set_num_threads(before)


def _measure(photograph: Photograph, threads: int, step: Step) -> Report:
    from fastconv.cli import host
    from fastconv.cli.demo import compute
    from fastconv.cli.demo_peers import LIBRARIES, installed_peers, races
    from fastconv.cli.demo_report import Host, Report
    from fastconv.cli.race import run_race

    load = host.load_average()  # before the demo's own work adds to it
    demo = compute(photograph.pixels, step)
    step("importing the other libraries")
    libraries, broken = installed_peers()
    timings = []
    for race in races(demo, libraries, threads):
        step(f"timing {race.title}")
        timings.append(run_race(race))
    distributions = ["fastconv", "numba", *(name for library in libraries for name in LIBRARIES[library][1])]
    where = Host(host.cpu_name(), host.available_cores(), threads, host.system_name(), load)
    return Report(photograph, demo, tuple(timings), where, host.versions(distributions), broken)


def _draw(report: Report, out: Path) -> None:
    from fastconv.cli.demo_picture import picture
    from fastconv.plots import write_png

    try:
        write_png(picture(report), out)
    except OSError as error:
        raise Stop(f"cannot write the picture to {out}: {error.strerror}") from error
