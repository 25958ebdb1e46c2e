"""What the soak says, and where it is written down."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.soak.callers import Tally
from benchmarks.soak.samples import Sample, Verdict, halves
from benchmarks.visitors import Seen

BEGIN: Final = "<!-- soak: begin -->"
END: Final = "<!-- soak: end -->"


def told(
    minutes: float,
    samples: Sequence[Sample],
    verdicts: Sequence[Verdict],
    tally: Tally,
    seen: Sequence[Seen],
    faults: Counter[str],
    defects: Mapping[str, int],
) -> list[str]:
    """The result as lines of Markdown."""
    statuses = sum((one.statuses for one in seen), Counter[str]())
    lines = [
        f"Run of {datetime.now(UTC):%Y-%m-%d}: {minutes:g} minutes, {len(samples)} samples, "
        f"{statuses.total():,} calls of visitors, {len(tally.sent):,} registrations ({len(tally.acknowledged):,} acknowledged), "
        f"{tally.rude.total():,} rude callers, {faults.total() - faults['reload']:,} faults, {faults['reload']:,} reloads.",
        "",
        "| what | idle before | floor under load, first | last | idle after | slope per hour | rise in the time that counts | |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {one.name} ({one.unit}) | {one.before:,.0f} | {one.first:,.0f} | {one.last:,.0f} | {one.after:,.0f} "
        f"| {one.slope:+,.1f} | {one.rise:+,.1f} | {'flat' if one.flat else '**GROWS**'} |"
        for one in verdicts
    ]
    first, second = halves(samples)
    lines += [
        "",
        f"Memory in the first half of all the time {first.memory:.1f} MB (the median; kept answers {first.kept:.1f} MB of it), "
        f"in the second half {second.memory:.1f} MB ({second.kept:.1f} MB). There the floor went {second.slope:+.1f} MB an hour.",
    ]
    lines += ["", "| must be nought | |", "|---|---|", *(f"| {name} | {number} |" for name, number in defects.items()), ""]
    lines.append("Visitors were answered " + _counted(statuses) + ". Registrations were answered " + _counted(tally.told) + ".")
    if tally.wrong:
        lines += ["", "Wrong: " + _counted(tally.wrong) + "."]
    return lines


def _counted(counter: Counter[str]) -> str:
    return ", ".join(f"{name}: {times:,}" for name, times in counter.most_common())


def record(page: Path, lines: Sequence[str]) -> None:
    """Write the result between its marks in a page. Raises: ValueError when there are none."""
    text = page.read_text("utf-8")
    if BEGIN not in text or END not in text:
        raise ValueError(f"{page.name} has no place for the soak")
    new = f"{BEGIN}\n" + "\n".join(lines) + f"\n{END}"
    page.write_text(re.sub(re.escape(BEGIN) + ".*" + re.escape(END), lambda _: new, text, flags=re.DOTALL), "utf-8")
