"""The entry point: finds the command, runs it, and turns what went wrong into one sentence and an exit code."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence
from typing import Protocol, cast

import fastconv
from fastconv.cli.extras import Stop

__all__ = ["COMMANDS", "main"]

#: Every command and its module. A module has a docstring, whose first line is the command's summary, and the two
#: functions of `Command`; it imports nothing but the standard library until `run` is called.
COMMANDS = {
    "cache": "fastconv.cli.cache_command",
    "demo": "fastconv.cli.demo_command",
    "doctor": "fastconv.cli.doctor_command",
    "warmup": "fastconv.cli.warmup_command",
}

_BAD_USAGE = 2
_INTERRUPTED = 130  # 128 + SIGINT, as shells have it
_READER_LEFT = 141  # 128 + SIGPIPE


class Command(Protocol):
    """What the module of a command holds."""

    __doc__: str | None

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's options."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do the work; the exit code."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments after the program's name; ``sys.argv[1:]`` by default.

    Returns
    -------
    int
        The exit code: 0 for success, 1 where results disagree, 2 for bad usage or something missing, 130 after Ctrl-C.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a console without "×" shows "?" instead of a traceback
    parser = _parser()
    try:
        arguments = parser.parse_args(argv)
    except SystemExit as done:  # --help or an option that nobody knows: argparse has printed all there is
        return int(done.code or 0)
    if arguments.version:
        print(f"fastconv {fastconv.__version__}")
        return 0
    if arguments.run is None:
        parser.print_help(sys.stderr)
        return _BAD_USAGE
    try:
        code: int = arguments.run(arguments)
        sys.stdout.flush()
        return code
    except Stop as stop:
        print(f"fastconv {arguments.command}: {stop}", file=sys.stderr)
        return _BAD_USAGE
    except KeyboardInterrupt:
        print(f"fastconv {arguments.command}: interrupted", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:  # `fastconv ... | head`: what is left goes nowhere, so that Python's last flush succeeds
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _READER_LEFT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fastconv", description="Fast convolution, pooling and transposed convolution for NumPy arrays."
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    parser.set_defaults(run=None)
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND")
    for name, module in COMMANDS.items():
        command = cast(Command, importlib.import_module(module))
        description = command.__doc__ or ""
        entry = commands.add_parser(
            name,
            help=description.partition("\n")[0].rstrip("."),
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(entry)
        entry.set_defaults(run=command.run)
    return parser
