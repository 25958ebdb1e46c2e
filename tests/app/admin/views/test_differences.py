"""Tests of app/admin/views/differences.py."""

from app.admin.views.differences import field_row, show_differences
from tests.app.admin.rig import NOW, invented_parity
from translation.comparison import Comparison, Difference, Verdict
from translation.parity import Parity


def test_fields_that_really_differ_come_with_their_samples() -> None:
    shown = show_differences(invented_parity())
    assert [(row.operation, row.path) for row in shown.fields] == [
        ("get_event", "description"),
        ("list_speakers", "[].email"),
        ("get_event", "building.name"),
    ]
    first = shown.fields[0]
    assert (first.seen.differs, first.seen.equal) == (20, 40)
    assert len(first.samples) == 5
    assert first.percent is not None
    assert round(first.percent, 1) == 33.3
    assert first.noise_percent is None
    assert [row.operation for row in shown.operations] == ["list_speakers", "get_event", "list_events"]


def test_one_operation_and_everything() -> None:
    shown = show_differences(invented_parity(), "get_event", everything=True)
    assert {row.path for row in shown.fields} == {"description", "building.name", "eventName", "startDate"}
    assert not shown.fields[-1].differs
    assert show_differences(invented_parity(), "nonsense").fields == []


def test_nothing_compared() -> None:
    shown = show_differences(Parity())
    assert (shown.percent, shown.operations, shown.fields) == (None, [], [])


def test_personal_values_are_not_shown_even_where_they_were_kept() -> None:
    parity = Parity()
    told = Difference("[].name", Verdict.DIFFERS, "Event", "Ann Example", "Bo Sample", personal=True)
    parity.add(Comparison("list_speakers", {"[].name": {Verdict.DIFFERS: 1}}, [told]), NOW)
    row = field_row("list_speakers", "[].name", parity.operations["list_speakers"]["[].name"])
    assert (row.samples[0].left, row.samples[0].right) == (None, None)
    assert "Example" not in row.model_dump_json()
