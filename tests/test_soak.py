"""The soak without its load: slopes, floors, verdicts, and where the result is written."""

from collections import Counter
from pathlib import Path

import pytest

from benchmarks.soak.callers import Tally
from benchmarks.soak.report import BEGIN, END, record, told
from benchmarks.soak.samples import MEGABYTE, Sample, floors, halves, judge, slope
from benchmarks.soak.trouble import FAULTS
from benchmarks.visitors import Seen
from sandbox.faults import Fault


def sample(seconds: float, memory: float = 80, descriptors: float = 20, tasks: float = 4, series: float = 100) -> Sample:
    return Sample(seconds, memory * MEGABYTE, descriptors, tasks, series)


def test_a_slope_is_the_rise_per_unit() -> None:
    assert slope([(0, 1), (1, 3), (2, 5)]) == pytest.approx(2)
    assert slope([(0, 5), (1, 5)]) == 0
    assert slope([(1, 5)]) == slope([]) == 0


def test_a_floor_is_what_stays_between_bursts() -> None:
    points = [(float(at), 10.0 + 50 * (at % 3 == 0)) for at in range(36)]
    assert {height for _, height in floors(points)} == {10.0}
    assert len(floors(points)) == 12


def test_what_levels_off_rises_in_the_first_half_alone() -> None:
    first, second = halves([sample(float(at), memory=80 + min(at, 300) / 100) for at in range(0, 601, 5)])
    assert first.slope == pytest.approx(36)
    assert second.slope == pytest.approx(0)
    assert (first.memory, second.memory) == (81.5, 83)
    assert halves([]) == halves([])


@pytest.mark.parametrize(
    ("last", "after", "grows"),
    [
        (sample(600), sample(620), set()),
        (sample(600, memory=84), sample(620, memory=84), set()),
        (sample(600, memory=86), sample(620, memory=86), {"memory"}),
        (sample(600, descriptors=90, tasks=40), sample(620), set()),
        (sample(600, descriptors=90), sample(620, descriptors=90), {"descriptors"}),
        (sample(600), sample(620, tasks=9), {"tasks"}),
        (sample(600, series=300), sample(620, series=300), {"series"}),
    ],
)
def test_what_grows_is_told(last: Sample, after: Sample, grows: set[str]) -> None:
    verdicts = judge(sample(0), [sample(10), last], after)
    assert {verdict.name for verdict in verdicts if not verdict.flat} == grows


def test_the_result_stands_between_its_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    lines = told(
        10, [], judge(sample(0), [sample(1), sample(2)], sample(3)), Tally(), [Seen()], Counter({"reset": 2}), {"lost": 0}
    )
    record(page, lines)
    text = page.read_text()
    assert "old" not in text
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "| tasks (tasks) |" in text
    assert "2 faults" in text
    assert "the floor went" in text
    page.write_text("nothing")
    with pytest.raises(ValueError, match="no place"):
        record(page, lines)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: str(fault["kind"]))
def test_the_sandbox_has_these_faults(fault: dict[str, object]) -> None:
    Fault(**fault)  # type: ignore[arg-type]
