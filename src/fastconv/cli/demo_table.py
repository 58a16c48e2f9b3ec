"""The demo's report for people: what was computed, what K' is, and who took how long."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fastconv.cli.demo_peers import LIBRARIES
from fastconv.cli.demo_report import Report, disagreements
from fastconv.cli.race import Result, Timing
from fastconv.cli.units import duration, megabytes, multiple, power_of_ten, shape_text

__all__ = ["show"]


def show(report: Report, console: Console) -> None:
    """Print the report.

    Parameters
    ----------
    report : Report
        What the demo found.
    console : rich.console.Console
        Where to; its width is kept to.
    """
    photograph = report.photograph
    size = shape_text(photograph.size)
    if photograph.reduced:
        size += f" pixels, reduced from {shape_text(photograph.original_size)}"
    else:
        size += " pixels"
    console.print(Text.assemble(("fastconv", "bold"), f" on {photograph.name}, {size}"))
    _show_subjects(report, console)
    console.print()
    console.print(_timing_table(report.timings))
    _show_notes(report, console)
    for sentence in disagreements(report):
        console.print(Text(f"Disagreement: {sentence}", style="bold red"))


def _show_subjects(report: Report, console: Console) -> None:
    it = report.demo
    for number, title, names in (
        (1, "Convolution", ("blur", "edges")),
        (2, "Pooling", ("max_pool", "avg_pool")),
        (3, "Transposed convolution", ("upsample",)),
    ):
        console.print(Text(f"\n{number}  {title}", style="bold"))
        for name in names:
            subject = it.subjects[name]
            shapes = f"{shape_text(subject.input_shape)} → {shape_text(subject.output_shape)}"
            _call(console, subject.call)
            _line(console, f"{shapes}, first call {duration(subject.first_seconds)}")
    _line(console, f"back at full size {it.psnr:.1f} dB (mean difference {it.mean_difference:.3f}) from the photograph")
    rows, columns = report.photograph.size
    console.print(Text("\n4  Convolution as a matrix", style="bold"))
    _call(console, f'A = conv_matrix(gaussian9, ({rows}, {columns}), padding=4, padding_mode="reflect")')
    shape, stored = shape_text(it.matrix.shape), f"{it.matrix.nnz:,} entries in {megabytes(it.matrix_bytes)}"
    _line(console, f"{shape}, {stored}, built in {duration(report.build_seconds)}")
    _call(console, it.subjects["matrix"].call)
    _line(console, f"differs from conv2d by {power_of_ten(it.matrix_difference)} at most")


def _call(console: Console, call: str) -> None:
    console.print(Text("   " + call, style="cyan"), soft_wrap=True)


def _line(console: Console, text: str) -> None:
    console.print(Text("     " + text, style="dim"), soft_wrap=True)


def _timing_table(timings: tuple[Timing, ...]) -> Table:
    present = {result.library for timing in timings for result in timing.results}
    libraries = ["fastconv", *(library for library in LIBRARIES if library in present)]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("median time", no_wrap=True)
    for library in libraries:
        table.add_column(library, justify="right", no_wrap=True)
    for timing in timings:
        results = {result.library: result for result in timing.results}
        table.add_row(timing.title, *(_cell(results.get(library)) for library in libraries))
    return table


def _cell(result: Result | None) -> Text:
    if result is None:
        return Text("–", style="dim")
    if result.seconds is None or result.times_as_long is None:
        return Text("error", style="bold red")
    if result.library == "fastconv":
        return Text(duration(result.seconds), style="bold")
    slower = result.times_as_long >= 1
    return Text.assemble(
        duration(result.seconds), "\n", (multiple(result.times_as_long), "green" if slower else "yellow")
    )


def _show_notes(report: Report, console: Console) -> None:
    notes = [
        "×: times as long as fastconv. Results were compared before timing. Every library had a turn in every round, in"
        " one process; the median of the rounds stands here. The blur is a full 9×9 kernel to all, though it could be"
        " split into two 1-D ones. NumPy and SciPy run on one thread."
    ]
    host = report.host
    threads = f"{host.threads} thread{'s' if host.threads > 1 else ''}"
    if host.busy:
        notes.append(f"The machine was busy with other work (load {host.load:.1f} at the start): times may be off.")
    notes.append(f"{host.cpu}, {host.cores} cores, {threads}, {host.system}")
    notes.append(", ".join(f"{name} {version}" for name, version in report.versions.items()))
    notes += [f"{library} is installed but does not import: {why}" for library, why in report.broken_peers.items()]
    for note in notes:
        console.print(Text(note, style="dim"))
