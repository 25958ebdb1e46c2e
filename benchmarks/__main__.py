"""``python -m benchmarks``: start everybody on the loopback address, measure, print, and end everybody again."""

import argparse
import os
import shutil
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Final

from rich.console import Console

from benchmarks.machine import describe
from benchmarks.plan import FAILED, QUICK, WHOLE, carry_out
from benchmarks.processes import FailedError, choose_cores
from benchmarks.report import blocks, markdown, print_report

RESULTS: Final = Path(__file__).with_name("RESULTS.md")
SYSTEM_PROGRAMS: Final = "/usr/local/sbin:/usr/sbin:/sbin"
"""Where Debian keeps servers; users other than root do not have it in PATH."""
NEEDED: Final = {"wrk": "wrk", "nginx": "nginx-light"}
"""Programs without which there is nothing to measure, and Debian's packages of them."""


def main() -> int:
    """Run with the words of the command line.

    Returns:
        The exit status: 1 when somebody failed, 2 when nothing can be measured.
    """
    parser = argparse.ArgumentParser(prog="benchmarks", description="This proxy beside others, in one run.")
    parser.add_argument("--quick", action="store_true", help="end within a minute; the figures are rough")
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name}")
    parser.add_argument("--only", metavar="WORDS", default="", help="only contestants with these words in their names; no portal")
    words = parser.parse_args()
    if words.write and (words.quick or words.only):
        parser.error("only a whole run is written")
    console = Console(width=None if sys.stdout.isatty() else 180, highlight=False)
    os.environ["PATH"] = f"{os.environ.get('PATH', os.defpath)}:{SYSTEM_PROGRAMS}"
    missing = [package for program, package in NEEDED.items() if shutil.which(program) is None]
    if missing:
        console.print(f"Needed: {', '.join(missing)}. On Debian, as root: apt-get install {' '.join(missing)}")
        return 2
    signal.signal(signal.SIGTERM, _stop)
    plan = QUICK if words.quick else WHOLE
    cores = choose_cores()
    machine = describe(cores)
    try:
        with console.status("starting") as status:
            results = carry_out(plan, words.only, cores, status.update)
    except FailedError as failure:
        console.print(str(failure), markup=False)
        return 2
    except KeyboardInterrupt:
        console.print("Stopped. Everything that was started has been ended.")
        return 130
    found = blocks(results, machine)
    print_report(found, console)
    if words.write:
        RESULTS.write_text(markdown(found, plan.sentence), "utf-8")
    return 1 if any(reason.startswith(FAILED) for reason in results.out.values()) else 0


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
