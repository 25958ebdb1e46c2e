"""The results as tables: for the terminal and for ``RESULTS.md``, from the same rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.table import Table as RichTable

from benchmarks.contestants import CASES, CEILING, LIST_CEILING, NGINX
from benchmarks.contestants.case import OTHER_EVENTS, OTHER_LISTS, Case, same_event, same_list
from benchmarks.portal import PortalRun
from benchmarks.targets import MB, Results, judge

NOTES: Final = (
    "Everybody does the same job: old path to new path, the client's token out, the server's in, the registered origin set, "
    "CORS on the answer. Each answer was compared with the right one before anything was measured, and the upstream refuses "
    "calls without token or origin.",
    "This product runs as `evtmgmt-proxy serve` with one worker, writes its whole access log into a file, and counts its "
    "metrics. The others write no access log. Only its budget and its warm start are off.",
    "Misses, and those who pass on, are asked for a different event each time: 8 KB of JSON, which this product parses, "
    "brings into the old form, and writes again; those that are kept it stores as well. Hits and ceilings are asked for the "
    "same event each time.",
    "Medians of the rounds; in brackets the slowest and the fastest. CPU is processor time per request, of all processes of "
    "a contestant. Calls are those that the upstream counted, per request; above 1 are those still under way when wrk "
    "ended. Memory is that of the largest process after the run.",
    "The parts in the last columns are of the ceiling with the same bytes, and of nginx passing 8 KB on.",
)


@dataclass(frozen=True, slots=True)
class Block:
    """One table: the first column is words, the others are figures."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def blocks(results: Results, machine: Sequence[tuple[str, str]]) -> list[Block]:
    """All tables of a report."""
    found = [_targets(results), *(_level(results, level) for level in results.levels)]
    if results.portals:
        found.append(_portals(results.portals))
    if results.out:
        found.append(Block("Not measured", ("contestant", "why"), tuple(results.out.items())))
    return [*found, Block("Measured on", ("what", "which"), tuple(machine))]


def print_report(found: Sequence[Block], console: Console) -> None:
    """Print the tables."""
    for block in found:
        table = RichTable(title=block.title, title_justify="left")
        for number, column in enumerate(block.columns):
            words = number == 0 or len(block.columns) == 2
            table.add_column(column, justify="left" if words else "right", overflow="fold", no_wrap=not words)
        for row in block.rows:
            table.add_row(*row)
        console.print(table)


def markdown(found: Sequence[Block], conditions: str) -> str:
    """The tables as a Markdown page.

    Args:
        found: The tables.
        conditions: One sentence on rounds and seconds.
    """
    parts = ["# Results", "Written by `make bench ARGS=--write`; do not edit.", conditions, *(f"- {note}" for note in NOTES)]
    lines = "\n\n".join(parts[:3]) + "\n\n" + "\n".join(parts[3:]) + "\n"
    for block in found:
        lines += f"\n## {block.title}\n\n"
        lines += f"| {' | '.join(block.columns)} |\n| --- |{' ---: |' * (len(block.columns) - 1)}\n"
        lines += "".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |\n" for row in block.rows)
    return lines


def _targets(results: Results) -> Block:
    words = {True: "yes", False: "NO", None: "-"}
    rows = tuple((target.what, target.wanted, target.reached, words[target.met]) for target in judge(results))
    return Block("Figures to reach", ("figure", "wanted", "reached", "met"), rows)


def _level(results: Results, level: int) -> Block:
    columns = ("contestant", "requests/s", "p50 ms", "p99 ms", "CPU us", "calls", "MB resident", "of uvicorn", "of nginx")
    rows = tuple(_row(results, case, level) for case in CASES if (case.name, level) in results.table)
    return Block(f"{level} connection{'s' if level > 1 else ''}", columns, rows)


def _row(results: Results, case: Case, level: int) -> tuple[str, ...]:
    cell = results.table[case.name, level]
    if cell.failures or not cell.runs:
        return (case.name, "FAILED", *[""] * 7)
    rates = [run.load.rate for run in cell.runs]
    spread = f" ({min(rates):,.0f}-{max(rates):,.0f})" if len(rates) > 1 else ""
    ceiling = {same_event(0): CEILING, OTHER_EVENTS: CEILING, same_list(0): LIST_CEILING, OTHER_LISTS: LIST_CEILING}.get(case.job)
    small = case.job in (same_event(0), OTHER_EVENTS)
    return (
        case.name,
        f"{cell.rate:,.0f}{spread}",
        *(
            f"{cell.middle(of):{form}}"
            for of, form in (
                (lambda run: run.load.p50, ".2f"),
                (lambda run: run.load.p99, ".2f"),
                (lambda run: run.cpu, ".0f"),
                (lambda run: run.calls, ".2f"),
                (lambda run: run.memory / MB, ".0f"),
            )
        ),
        _part(results.ratio(case.name, ceiling, level) if ceiling else None),
        _part(results.ratio(case.name, NGINX, level) if small else None),
    )


def _part(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _portals(runs: Sequence[PortalRun]) -> Block:
    columns = (
        "visitors, five pages each",
        "portal calls",
        "preflights",
        "upstream calls",
        "ratio",
        "p50 ms",
        "p99 ms",
        "slowest",
        "statuses",
    )
    rows = []
    for run in runs:
        seen = run.seen
        rows.append(
            (
                f"{run.visitors} in {run.seconds:g} s, {run.events} event{'s' if run.events > 1 else ''}",
                f"{seen['calls']:,}",
                f"{seen['preflights']:,}",
                f"{run.upstream.total():,}",
                f"{run.ratio:,.0f}",
                *(f"{seen[name]:.1f}" for name in ("p50", "p99", "slowest")),
                ", ".join(f"{count:,} x {status}" for status, count in seen["statuses"].items()),
            )
        )
    return Block("Portal pages beside an upstream of 100 ms, cache warm", columns, tuple(rows))
