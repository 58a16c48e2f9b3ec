"""Printing the report of `fastconv doctor`: in tables and colours where rich is installed, else as plain text."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence
from typing import Protocol

from fastconv.cli.doctor_report import Advice
from fastconv.cli.doctor_text import Row, Section

__all__ = ["Printer", "printer"]

_INDENT = "  "
_LABELS = 14  # width of most sections' labels, so that their texts begin at one place
_MARKS = {"good": "ok, ", "bad": "NOT OK: "}
_STYLES = {"good": "green", "bad": "bold red", "slow": "yellow"}
_HEADING = "What would make it faster"


class Printer(Protocol):
    """Prints the parts of a report to stdout."""

    def section(self, section: Section) -> None:
        """A title and its rows."""

    def advice(self, advice: Sequence[Advice]) -> None:
        """Sentences, each followed by its command on a line of its own, to be copied."""

    def verdict(self, row: Row) -> None:
        """The last line."""


def printer() -> Printer:
    """One with rich if it is installed."""
    try:
        return _Rich()
    except ImportError:
        return _Plain()


class _Plain:
    """Text for a terminal of any width, or a file."""

    def __init__(self) -> None:
        self._width = max(40, shutil.get_terminal_size().columns)

    def section(self, section: Section) -> None:
        print(section.title)
        labels = max(_LABELS, *(len(row.label) for row in section.rows))
        for row in section.rows:
            self._print(f"{_INDENT}{row.label:{labels}}{_INDENT}", _MARKS.get(row.mood, "") + row.text)
        print()

    def advice(self, advice: Sequence[Advice]) -> None:
        if not advice:
            return
        print(_HEADING)
        for number, piece in enumerate(advice, 1):
            self._print(f"{_INDENT}{number}. ", piece.text)
            if piece.command:
                print(f"{_INDENT * 4}{piece.command}")
        print()

    def verdict(self, row: Row) -> None:
        self._print("", row.text)

    def _print(self, start: str, text: str) -> None:
        """Wrapped, but with paths left whole."""
        print(
            textwrap.fill(
                text,
                self._width,
                initial_indent=start,
                subsequent_indent=" " * len(start),
                break_long_words=False,
                break_on_hyphens=False,
            )
        )


class _Rich:
    """The same in tables, with colours where the terminal has them."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(highlight=False)

    def section(self, section: Section) -> None:
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, show_header=False, padding=(0, 0, 0, len(_INDENT)))
        table.add_column(no_wrap=True, min_width=_LABELS, style="cyan")
        table.add_column(overflow="fold")
        for row in section.rows:
            table.add_row(row.label, Text(_MARKS.get(row.mood, "") + row.text, _STYLES.get(row.mood, "")))
        self._console.print(Text(section.title, "bold"), table, "")

    def advice(self, advice: Sequence[Advice]) -> None:
        from rich.table import Table
        from rich.text import Text

        if not advice:
            return
        self._console.print(Text(_HEADING, "bold"))
        for number, piece in enumerate(advice, 1):
            sentence = Table.grid(padding=(0, 0, 0, len(_INDENT)))
            sentence.add_row(f"{number}.", Text(piece.text))
            self._console.print(sentence)
            if piece.command:
                self._console.print(Text(f"{_INDENT * 4}{piece.command}", "bold"), soft_wrap=True)
        self._console.print()

    def verdict(self, row: Row) -> None:
        from rich.text import Text

        self._console.print(Text(row.text, _STYLES[row.mood]))
