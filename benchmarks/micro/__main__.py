"""``python -m benchmarks.micro``: count the work of each case and compare it with what was recorded."""

import argparse
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final

import orjson
from rich.console import Console
from rich.table import Table

from benchmarks.micro.cases import CASES
from benchmarks.micro.counting import Work, compare, count

BASELINE: Final = Path(__file__).with_name("baseline.json")


def read_works(text: bytes) -> dict[str, Work]:
    """Works by case, from JSON."""
    return {name: Work(**values) for name, values in orjson.loads(text).items()}


def written(works: Mapping[str, Work]) -> bytes:
    """Works by case, as JSON."""
    return orjson.dumps({name: asdict(work) for name, work in works.items()}, option=orjson.OPT_INDENT_2) + b"\n"


def _table(works: Mapping[str, Work], recorded: Mapping[str, Work]) -> Table:
    table = Table("Case", "Instructions", "Calls", "Peak bytes", "Beside what was recorded")
    for name, work in works.items():
        verdict = "not recorded" if name not in recorded else "; ".join(compare(work, recorded[name])) or "as recorded"
        table.add_row(name, f"{work.instructions:,}", f"{work.calls:,}", f"{work.peak:,}", verdict)
    return table


def main() -> None:
    """Run with the words of the command line; exit status 1 when work differs from what was recorded."""
    parser = argparse.ArgumentParser(prog="benchmarks.micro")
    parser.add_argument("--record", action="store_true", help="keep these numbers as those to compare with")
    parser.add_argument("--json", action="store_true", help="print the numbers as JSON and compare nothing")
    words = parser.parse_args()
    works = {name: count(operation) for name, operation in CASES.items()}
    if words.json:
        sys.stdout.buffer.write(written(works))
        return
    if words.record:
        BASELINE.write_bytes(written(works))
    recorded = read_works(BASELINE.read_bytes())
    Console().print(_table(works, recorded))
    if works.keys() != recorded.keys() or any(compare(work, recorded[name]) for name, work in works.items()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
