"""What fastconv found here, whether it works, and what would make it faster.

Shows versions, CPU, threads and compile cache, checks every operation against the NumPy reference and measures for a
second. Exit code 0 if all is well, 1 if a check failed. The first run may compile for half a minute.

The JSON document has these keys, and a later version may add some:
  healthy         whether no check failed
  checks          name, ok, detail
  advice          text, command: what would make it faster
  versions        of python and of what is installed
  environment     variables that Numba or OpenMP read
  import_trouble  why the operations cannot be imported; all below is empty then
  cpu             name, system, target, target_from, vector_bits, table
  threads         fastconv, numba_num_threads, omp_num_threads, cores,
                  usable_cores, quota, load
  layers          used_by_fastconv, running, choice, reason, troubles:
                  Numba's threading layers
  cache           directory, reason, files, bytes, stale_files, stale_bytes,
                  damaged, trouble, elsewhere, variants
  runtimes        name, path: loaded libraries with threads of their own;
                  null if unknown
  settings        name, value, effect, in_environment: those of Numba's that
                  cost speed
  kernels         name, variants, loaded, compiled, on_disk
  compile_seconds of the checks
  measured        call_seconds, region_seconds, copy_bytes_per_second,
                  flops_alone, flops_together, helpers; null if nothing is
                  compiled
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastconv.cli.doctor_facts import Facts
    from fastconv.cli.doctor_report import Report
    from fastconv.cli.doctor_text import Section

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `fastconv doctor`."""
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of tables")


def run(arguments: argparse.Namespace) -> int:
    """Examine; 0 if all is well, 1 if a check failed."""
    from fastconv.cli.doctor_advice import advise
    from fastconv.cli.doctor_report import as_json
    from fastconv.cli.doctor_show import printer
    from fastconv.cli.doctor_text import result_sections, verdict

    if arguments.json:
        report = _examine(lambda section: None)
        print(json.dumps(as_json(report, advise(report)), indent=2))
    else:
        to = printer()
        report = _examine(to.section)
        for section in result_sections(report):
            to.section(section)
        to.advice(advise(report))
        to.verdict(verdict(report))
    return 0 if report.healthy else 1


def _examine(tell: Callable[[Section], None]) -> Report:
    """Find out, check and measure; sections of facts are told before anything is run that could fail."""
    from fastconv.cli import host
    from fastconv.cli.doctor_facts import NEEDED, OPTIONAL, environment, find_facts, import_trouble
    from fastconv.cli.doctor_report import Report
    from fastconv.cli.doctor_text import fact_sections

    start = Report(host.versions([*NEEDED, *OPTIONAL]), environment(), import_trouble())
    report = start if start.import_trouble else replace(start, facts=find_facts())
    for section in fact_sections(report):
        tell(section)
    return report if report.facts is None else _run_checks(report, report.facts)


def _run_checks(report: Report, facts: Facts) -> Report:
    from fastconv.cli.doctor_cache import files, written_since
    from fastconv.cli.doctor_checks import check_cache, self_test
    from fastconv.cli.doctor_kernels import compiled_functions
    from fastconv.cli.doctor_measure import measure
    from fastconv.cli.progress import progress
    from fastconv.cli.warmup_cases import FAMILIES

    before, start = files(), time.perf_counter()
    with progress(len(FAMILIES) + facts.compiles) as step:
        checks = list(self_test(step, shared=facts.compiles))
        seconds = time.perf_counter() - start
        compiled = sum(kernel.compiled for kernel in compiled_functions().values())
        checks.append(check_cache(facts.cache, written_since(before)[0], compiled))
        measured = None
        if facts.compiles and all(check.ok for check in checks[:-1]):
            step("measuring")
            measured = measure()
    return replace(
        report,
        checks=tuple(checks),
        measured=measured,
        kernels=tuple(compiled_functions().values()),
        compile_seconds=seconds if compiled else 0.0,
    )
