"""The rehearsal's verdict in numbers and words, and the document: whole, clean, JSON."""

import json
from dataclasses import replace
from typing import Any

import pytest

from app.comparing.reader import Failure, Side
from app.comparing.report import SCHEMA, EventLine, Lonely, Reads, Report, counted, percent
from app.redaction import MASK, Redactor
from app.version import VERSION
from translation.comparison import Comparison, Difference, Verdict
from translation.parity import Parity

CLEAN = Redactor()


def parity(*, differs: int = 1, equal: int = 999, text: str = "new") -> Parity:
    found = Parity()
    differences = [Difference("[].name", Verdict.DIFFERS, "E / 1", "old", text)] if differs else []
    counts = {Verdict.EQUAL: equal, Verdict.DIFFERS: differs}
    found.add(Comparison("list_sessions", {"[].name": counts}, differences), 1_900_000_000)
    found.add(Comparison("get_event", {"eventName": {Verdict.EQUAL: 9_000}}), 1_900_000_000)
    return found


REPORT = Report(
    began=1_900_000_000.5,
    seconds=12.34,
    outbound="https://org.invalid/EvtMgmt/api/v2.0/",
    realtime="https://public.invalid/api/v1.0/orgs/1/eventmanagement/",
    event=None,
    threshold=100,
    ignored=("*.image",),
    events=(EventLine("E", "E_2031", 10_000, 1),),
    only_outbound=(Lonely("Gone", "Gone by", "2031-03-04T09:00:00", "New"),),
    only_realtime=(),
    outbound_reads=Reads(20, 1),
    realtime_reads=Reads(18, 0),
    failures=(Failure(Side.OUTBOUND, "list_passes", "E", "UpstreamTimeout", "timeout: no answer"),),
    parity=parity(),
)


def test_the_verdict() -> None:
    assert not REPORT.holds
    assert REPORT.summary == (
        "The threshold of 100 % does not hold: 99.99 % of the compared fields are equal, in 1 event. 1 read failed."
    )
    assert replace(REPORT, threshold=99.9).holds
    fine = replace(REPORT, parity=parity(differs=0), outbound_reads=Reads(20, 0))
    assert fine.holds
    assert fine.summary == "The threshold of 100 % holds: 100 % of the compared fields are equal, in 1 event."


def test_each_operation_has_to_reach_the_threshold() -> None:
    """Of all fields 99.99 % are equal, of the sessions' 99.9 %."""
    assert not replace(REPORT, threshold=99.95).holds


def test_nothing_compared_never_holds() -> None:
    nothing = replace(REPORT, parity=Parity(), threshold=0)
    assert (nothing.holds, nothing.summary) == (False, "Nothing could be compared.")


@pytest.mark.parametrize(
    ("share", "words"), [(100, "100 %"), (99.9999, "99.99 %"), (99.5, "99.5 %"), (0, "0 %"), (100 * 2 / 3, "66.66 %")]
)
def test_percentages_are_never_rounded_up(share: float, words: str) -> None:
    assert percent(share) == words


def test_counted() -> None:
    assert (counted(0, "read"), counted(1, "read"), counted(2, "read")) == ("0 reads", "1 read", "2 reads")


def test_the_document() -> None:
    document = REPORT.document(CLEAN)
    assert json.loads(json.dumps(document)) == document
    assert {
        key: document[key] for key in ("schema", "version", "holds", "began", "seconds", "threshold", "event", "ignored")
    } == {
        "schema": SCHEMA,
        "version": VERSION,
        "holds": False,
        "began": "2030-03-17T17:46:40+00:00",
        "seconds": 12.3,
        "threshold": 100,
        "event": None,
        "ignored": ["*.image"],
    }
    assert document["outbound"] == {"endpoint": REPORT.outbound, "total": 20, "failed": 1}
    assert document["events"] == [{"event": "E", "realtime": "E_2031", "compared": 10_000, "unequal": 1}]
    assert document["only_outbound"][0]["namesake"] == "New"
    assert document["failures"][0]["code"] == "UpstreamTimeout"
    assert document["differences"] == [
        {
            "operation": "list_sessions",
            "path": "[].name",
            "share": 0.1,
            "noise": 0.0,
            "equal": 999,
            "differs": 1,
            "missing_left": 0,
            "missing_right": 0,
        }
    ]
    assert Parity.of_document({"schema": 1, "operations": document["operations"]}).operations == REPORT.parity.operations
    assert document["not_compared"]["Event.eventId"].startswith("created anew")


def test_nothing_secret_and_nothing_that_steers_a_terminal() -> None:
    nasty = "tok3n-and-more \x1b[2J \u202e ann@example.com\nsecond line"
    report: Any = replace(
        REPORT,
        parity=parity(text=nasty),
        only_outbound=(Lonely(nasty, nasty, nasty, nasty),),
        failures=(Failure(Side.OUTBOUND, "list_passes", nasty, "UpstreamTimeout", nasty),),
        events=(EventLine(nasty, nasty, 1, 0),),
    )
    text = json.dumps(report.document(Redactor(["tok3n-and-more"])), ensure_ascii=False)
    for bad in ("tok3n", "\\u001b", "\u202e", "ann@", "example.com"):
        assert bad not in text
    assert MASK in text
