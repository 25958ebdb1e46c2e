"""Verdict, summary, things to do and the JSON document of a report."""

import json
from typing import Any

import pytest

from app.checkup.report import Line, Reading, Report, Smell, Verdict


def report(*items: Line | Reading | Smell, event: str | None = "Open_Day") -> Report:
    return Report(
        endpoint="https://public-xyz.mkt.invalid/api/v1.0/orgs/1/eventmanagement/",
        event=event,
        settings=tuple(item for item in items if isinstance(item, Smell)),
        operations=tuple(item for item in items if isinstance(item, Line)),
        readings=tuple(item for item in items if isinstance(item, Reading)),
    )


def line(verdict: Verdict, **values: Any) -> Line:
    return Line(**{"operation": "list_events", "row": 1, "found": "events: 3", "verdict": verdict, **values})


def failed(operation: str, problem: str = "server_failed", verdict: Verdict = Verdict.BREAKS) -> Line:
    return line(verdict, operation=operation, problem=problem, advice=f"Mend {problem}.")


def reading(verdict: Verdict) -> Reading:
    return Reading("event_ids", True, "no id: 1 of 2 listed", "Give them one.", verdict)


@pytest.mark.parametrize(
    ("items", "verdict"),
    [
        ((line(Verdict.OK), line(Verdict.SKIPPED), reading(Verdict.OK)), Verdict.OK),
        ((line(Verdict.OK), line(Verdict.NOTE)), Verdict.NOTE),
        ((line(Verdict.OK), reading(Verdict.NOTE)), Verdict.NOTE),
        ((line(Verdict.OK), Smell("token_quoted", "Look.")), Verdict.NOTE),
        ((line(Verdict.OK), reading(Verdict.BREAKS), line(Verdict.NOTE)), Verdict.BREAKS),
        ((line(Verdict.BREAKS), reading(Verdict.OK)), Verdict.BREAKS),
    ],
)
def test_the_worst_counts(items: tuple[Line | Reading | Smell, ...], verdict: Verdict) -> None:
    assert report(*items).verdict is verdict


@pytest.mark.parametrize(
    ("verdict", "event", "words"),
    [
        (Verdict.OK, "Open_Day", "A portal would work. One event was looked at"),
        (Verdict.NOTE, "Open_Day", "A portal would work. Please read the notes. One event was looked at"),
        (Verdict.NOTE, None, "A portal would work. Please read the notes. No event could be looked at"),
        (Verdict.BREAKS, None, "A portal would break."),
    ],
)
def test_the_summary_says_how_far_it_reaches(verdict: Verdict, event: str | None, words: str) -> None:
    summary = report(line(verdict), event=event).summary
    assert summary.startswith(words)
    assert ("register once yourself" in summary) is (event is not None)


def test_each_problem_is_to_be_done_once() -> None:
    found = report(
        failed("list_tracks"),
        failed("list_passes", "html_page"),
        failed("list_speakers"),
        failed("get_session", "no_image", Verdict.NOTE),
        reading(Verdict.BREAKS),
    )
    assert found.todo == (
        ("server_failed", ("list_tracks", "list_speakers"), "Mend server_failed."),
        ("html_page", ("list_passes",), "Mend html_page."),
        ("event_ids", (), "No id: 1 of 2 listed. Give them one."),
    )


def test_the_document_is_json_with_stable_keys() -> None:
    found = report(failed("list_tracks"), reading(Verdict.OK), Smell("token_quoted", "Look."))
    document = json.loads(json.dumps(found.document()))
    assert list(document) == [
        "schema",
        "version",
        "verdict",
        "summary",
        "endpoint",
        "event",
        "todo",
        "settings",
        "operations",
        "readings",
    ]
    assert (document["schema"], document["verdict"]) == (1, "breaks")
    assert document["todo"] == [{"problem": "server_failed", "operations": ["list_tracks"], "advice": "Mend server_failed."}]
    assert document["settings"] == [{"name": "token_quoted", "text": "Look."}]
    assert list(document["operations"][0]) == ["operation", "row", "status", "ms", "found", "verdict", "problem", "advice"]
    assert list(document["readings"][0]) == ["name", "seen", "found", "handling", "verdict"]


def test_every_text_is_cleaned_and_nothing_else() -> None:
    found = report(failed("list_tracks"), reading(Verdict.OK), Smell("token_quoted", "Look.")).cleaned(str.upper)
    assert found.event == "OPEN_DAY"
    assert (found.operations[0].found, found.operations[0].advice) == ("EVENTS: 3", "MEND SERVER_FAILED.")
    assert (found.operations[0].verdict, found.operations[0].row) == (Verdict.BREAKS, 1)
    assert (found.readings[0].found, found.readings[0].seen) == ("NO ID: 1 OF 2 LISTED", True)
    assert found.settings[0].text == "LOOK."
    assert report(event=None).cleaned(str.upper).event is None
