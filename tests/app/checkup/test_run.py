"""The check against a sandbox on a real socket: each failure and each finding, and what must never be printed."""

import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from socket import socket
from typing import Any

import pytest
import trustme

from app.checkup.problems import PROBLEMS
from app.checkup.report import Line, Report, Verdict
from app.checkup.run import OF_A_PART, PARTS, check_up
from sandbox.data.plans import PARTNER_WEBAPP
from sandbox.server import Sandbox
from tests.examples import CONFERENCE, FORUM, MUNICH, OPEN_DAY, QUESTIONS, TOKYO
from tests.service import settings_for
from translation.operations import OPERATIONS

pytestmark = pytest.mark.anyio

PATH = "/api/v1.0/orgs/7c4da5b8-9213-5832-a876-25131f35b338/eventmanagement/"
PORTAL = {"origins": ["http://localhost:4200"]}
SHORT = {"read_timeout": 1, "total_timeout": 20}
ASKED = ("list_events", "get_event", *PARTS, *(row[0] for row in OF_A_PART))


@dataclass
class Checked:
    """A sandbox, and how to check it."""

    sandbox: Sandbox

    async def __call__(self, event: str | None = None, **groups: Any) -> Report:
        return await check_up(settings_for(self.sandbox, **{"portal": PORTAL, **groups}), event)

    def fault(self, kind: str, **values: Any) -> None:
        self.sandbox.faults.add(kind, times=None, **values)

    @property
    def received(self) -> list[str]:
        return [record.operation for record in self.sandbox.recorder.find()]


@pytest.fixture
async def check() -> AsyncIterator[Checked]:
    async with Sandbox() as sandbox:
        yield Checked(sandbox)


def line(report: Report, operation: str) -> Line:
    return next(item for item in report.operations if item.operation == operation)


def reading(report: Report, name: str) -> Any:
    return next(item for item in report.readings if item.name == name)


def assert_stopped(report: Report, problem: str, status: int | None) -> None:
    """The list has the problem, nothing else was asked, and there is one thing to do."""
    listed = line(report, "list_events")
    assert (listed.problem, listed.status, listed.verdict) == (problem, status, Verdict.BREAKS)
    assert [item.operation for item in report.operations if item.verdict is not Verdict.SKIPPED] == ["list_events"]
    assert report.verdict is Verdict.BREAKS
    assert report.event is None
    assert report.todo == ((problem, ("list_events",), PROBLEMS[problem].advice),)


async def test_a_good_organisation_is_fine(check: Checked) -> None:
    report = await check()
    assert report.verdict is Verdict.OK
    assert (report.event, report.settings, report.todo) == (OPEN_DAY, (), ())
    assert [item.operation for item in report.operations] == [operation.name for operation in OPERATIONS]
    for name in ASKED:
        asked = line(report, name)
        assert (asked.status, asked.verdict, asked.problem) == (200, Verdict.OK, None)
        assert asked.ms is not None
    assert line(report, "list_events").found == "events: 19"
    assert line(report, "list_passes").found == "passes: none"
    assert line(report, "count_event_registrations").found == "12"
    assert line(report, "list_track_sessions").found == "sessions per track: 2, 2"
    assert line(report, "get_speaker_image").found.startswith("image/png, ")
    assert line(report, "get_personal_calendar").verdict is Verdict.OK


async def test_it_only_reads_and_asks_everything_once(check: Checked) -> None:
    await check()
    assert sorted(check.received) == sorted(ASKED)
    assert {record.request.method for record in check.sandbox.recorder.find()} == {"GET"}
    assert check.sandbox.control.registrations() == []


@pytest.mark.parametrize(
    ("realtime", "problem", "status"),
    [
        pytest.param({"token": "of-another-web-application"}, "token_refused", 401, id="token"),
        pytest.param({"origin": "https://elsewhere.invalid"}, "origin_refused", 403, id="origin"),
    ],
)
async def test_who_calls_is_refused(check: Checked, realtime: dict[str, str], problem: str, status: int) -> None:
    assert_stopped(await check(OPEN_DAY, realtime=realtime), problem, status)
    assert check.received == ["list_events"]


async def test_an_unknown_organisation(check: Checked) -> None:
    endpoint = f"{check.sandbox.base_url}/api/v1.0/orgs/00000000-0000-0000-0000-000000000000/eventmanagement/"
    assert_stopped(await check(realtime={"endpoint": endpoint}), "endpoint_unknown", 404)


async def test_a_name_that_does_not_resolve(check: Checked) -> None:
    report = await check(realtime={"endpoint": f"https://public-xyz.mkt.invalid{PATH}"})
    assert_stopped(report, "name_not_found", None)


async def test_a_refused_connection(check: Checked) -> None:
    with socket() as unused:
        unused.bind(("127.0.0.1", 0))  # taken, and not listened at
        endpoint = f"http://127.0.0.1:{unused.getsockname()[1]}{PATH}"
        assert_stopped(await check(realtime={"endpoint": endpoint}), "connection_refused", None)


async def test_a_certificate_of_nobody() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with Sandbox(ssl_context=context) as sandbox:
        report = await Checked(sandbox)()
    assert_stopped(report, "certificate_untrusted", None)


@pytest.mark.parametrize(
    ("fault", "problem", "status"),
    [
        pytest.param({"kind": "status", "status": 400}, "request_refused", 400, id="400"),
        pytest.param({"kind": "status", "status": 429, "headers": {"Retry-After": "7"}}, "slow_down", 429, id="429"),
        pytest.param({"kind": "status", "status": 500}, "server_failed", 500, id="500"),
        pytest.param({"kind": "status", "status": 418}, "rejected", 418, id="418"),
        pytest.param({"kind": "redirect"}, "redirected", 302, id="redirect"),
        pytest.param({"kind": "html"}, "html_page", 200, id="html"),
        pytest.param({"kind": "wrong_json"}, "not_json", 200, id="cut json"),
        pytest.param({"kind": "body", "body": {"events": []}}, "wrong_form", 200, id="unknown form"),
        pytest.param({"kind": "gzip_lie"}, "not_json", None, id="wrong encoding"),
        pytest.param({"kind": "gzip_bomb"}, "too_large", None, id="bomb"),
        pytest.param({"kind": "reset"}, "broken_off", None, id="reset"),
        pytest.param({"kind": "truncate"}, "broken_off", None, id="truncated"),
    ],
)
async def test_a_list_that_fails(check: Checked, fault: dict[str, Any], problem: str, status: int | None) -> None:
    check.fault(**fault, operation="list_events")
    assert_stopped(await check(), problem, status)
    assert set(check.received) == {"list_events"}


async def test_an_upstream_that_hangs_ends_with_the_time_outs(check: Checked) -> None:
    check.fault("hang")
    assert_stopped(await check(OPEN_DAY, upstream=SHORT), "timeout", None)
    await check.sandbox.recorder.wait_async(count=1)
    assert check.received == ["list_events"]


async def test_one_part_that_hangs_does_not_hide_the_others(check: Checked) -> None:
    check.fault("hang", operation="list_speakers")
    report = await check(upstream=SHORT)
    assert line(report, "list_speakers").problem == "timeout"
    assert report.verdict is Verdict.BREAKS
    assert {line(report, name).verdict for name in ASKED if "speaker" not in name} == {Verdict.OK}
    assert line(report, "get_speaker_image").found == "not asked: list_speakers could not be read"


async def test_an_image_that_drips_ends_as_well(check: Checked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.api.badge", lambda _: b"\x89PNG\r\n\x1a\n" + bytes(200_000))
    check.fault("slow_drip", operation="get_speaker_image", size=150_000, seconds=600)
    image = line(await check(upstream={"total_timeout": 2}), "get_speaker_image")
    assert (image.status, image.problem, image.verdict) == (200, "timeout", Verdict.NOTE)


async def test_a_list_that_fails_for_itself_leaves_a_named_event(check: Checked) -> None:
    check.fault("status", operation="list_events", status=500)
    report = await check(FORUM)
    assert report.event == FORUM
    assert report.verdict is Verdict.BREAKS
    assert line(report, "list_sessions").found == "sessions: 4"


@pytest.mark.parametrize(
    ("operation", "verdict"),
    [
        *((name, Verdict.BREAKS) for name in PARTS if name != "get_event_qrcode"),
        ("count_session_registrations", Verdict.BREAKS),
        ("get_event_qrcode", Verdict.NOTE),
        ("get_session", Verdict.NOTE),
        ("get_speaker_image", Verdict.NOTE),
        ("get_sponsor_logo", Verdict.NOTE),
    ],
)
async def test_what_a_failing_part_means(check: Checked, operation: str, verdict: Verdict) -> None:
    check.fault("status", operation=operation, status=500)
    report = await check()
    failed = line(report, operation)
    assert (failed.status, failed.problem, failed.verdict) == (500, "server_failed", verdict)
    assert failed.advice == PROBLEMS["server_failed"].advice
    assert report.verdict is verdict


async def test_the_words_of_the_organisation_are_told(check: Checked) -> None:
    check.fault("status", operation="list_tracks", status=422, body={"Message": "Tracks are <b>not</b> licensed."})
    assert line(await check(), "list_tracks").found == "the request was rejected (Tracks are not licensed.)"


async def test_a_missing_or_false_image_is_a_note(check: Checked) -> None:
    check.fault("status", operation="get_speaker_image", status=404)
    check.fault("html", operation="get_sponsor_logo")
    report = await check()
    assert (line(report, "get_speaker_image").problem, line(report, "get_sponsor_logo").problem) == ("no_image", "html_page")
    assert (report.verdict, report.todo) == (Verdict.NOTE, ())


async def test_an_endless_image_is_cut(check: Checked) -> None:
    check.fault("endless", operation="get_speaker_image")
    assert line(await check(), "get_speaker_image").problem == "too_large"


async def test_an_event_that_is_not_known(check: Checked) -> None:
    report = await check("Contoso_Conference_2019")
    assert line(report, "get_event").problem == "event_unknown"
    assert line(report, "list_sessions").found == "not asked: the event could not be read"
    assert (report.event, report.verdict) == (None, Verdict.BREAKS)
    assert check.received == ["list_events", "get_event"]


async def test_an_event_by_its_old_id(check: Checked) -> None:
    report = await check("annual_forum", aliases={"events": {"Annual_Forum": FORUM}})
    assert (report.event, report.verdict) == ("annual_forum", Verdict.OK)
    assert line(report, "list_custom_registration_fields").found == "custom registration fields: 4"


@pytest.mark.parametrize("event", [CONFERENCE, MUNICH, TOKYO, QUESTIONS])
async def test_events_of_all_kinds(check: Checked, event: str) -> None:
    report = await check(event)
    assert (report.event, report.verdict, report.todo) == (event, Verdict.OK, ())


async def test_no_events(check: Checked) -> None:
    check.sandbox.realtime.events.clear()
    report = await check()
    assert (report.verdict, report.event) == (Verdict.NOTE, None)
    assert line(report, "list_events").found == "events: none"
    assert line(report, "get_event").found == "not asked: there is no event to look at"
    assert "says little" in report.summary


async def test_no_events_of_the_web_application(check: Checked) -> None:
    check.sandbox.realtime.events.clear()
    report = await check(realtime={"webapp_id": PARTNER_WEBAPP})
    assert [smell.name for smell in report.settings] == ["list_narrowed_to_nothing"]


async def test_settings_that_smell_are_notes(check: Checked) -> None:
    report = await check(portal={"origins": ["https://portal.invalid"]}, aliases={"events": {"Old": "Not_There"}})
    assert [smell.name for smell in report.settings] == ["origin_not_of_portal", "alias_to_unlisted_event"]
    assert report.verdict is Verdict.NOTE
    assert all(item.verdict in (Verdict.OK, Verdict.SKIPPED) for item in report.operations)


async def test_readings_tell_what_stood_there_before_repairs(check: Checked) -> None:
    check.fault("wrap", operation="list_sessions", key="value")
    check.fault("latency", operation="list_sessions", seconds=0.3)  # told of in its place all the same
    check.fault("wrap", operation="list_tracks", key="data")
    check.fault("null", operation="list_sponsorships")
    check.fault("count_object", operation="count_event_registrations")
    check.fault("merge", operation="list_speakers", body={"shoe size ": 42})
    check.fault("without", operation="get_event", keys=["customFields", "endDate", "room"])
    report = await check()
    assert report.verdict is Verdict.OK
    assert reading(report, "wrapped_lists").found == (
        "list_sessions: an object with value; list_tracks: an object with data; list_sponsorships: null"
    )
    assert reading(report, "counts").found == "count_event_registrations: an object with count"
    assert reading(report, "blank_keys").found == "blanks around: shoe size"
    assert "Speaker: shoe size" in reading(report, "unknown_fields").found
    assert reading(report, "missing_fields").found.startswith("Event: ")
    assert reading(report, "image_addresses").found == "1 absolute, 2 relative, 0 without"
    assert reading(report, "custom_fields").found == "no customFields: 4 of 20 listed; the one looked at: yes"
    assert reading(report, "event_dates").found == "a date is missing: 2 of 20 listed; the one looked at: yes"
    assert reading(report, "event_dates").handling.endswith("left out of the list: 1.")
    assert reading(report, "track_relation").found == "track.sessions"
    assert reading(report, "registration_form").found == "a form embed: 1 of 20 listed; the one looked at: no"
    assert line(report, "list_sessions").found == "sessions: 4"
    assert line(report, "count_event_registrations").found == "12"


async def test_a_form_that_is_kept_breaks_portals(check: Checked) -> None:
    report = await check(answers={"registration_form": "keep"})
    assert reading(report, "registration_form").verdict is Verdict.BREAKS
    assert report.verdict is Verdict.BREAKS
    assert [problem for problem, _, _ in report.todo] == ["registration_form"]


async def test_tracks_that_nothing_relates_are_a_note(check: Checked) -> None:
    report = await check("Loose_Tracks_Day")
    assert line(report, "list_track_sessions").verdict is Verdict.NOTE
    assert reading(report, "track_relation").found == "nothing relates tracks and sessions"
    assert report.verdict is Verdict.NOTE


async def test_ids_that_the_proxy_refuses(check: Checked) -> None:
    check.fault("merge", operation="list_sessions", body={"id": "session-7"})
    report = await check()
    assert line(report, "get_session").found == "not asked: the session's id is no GUID"
    assert reading(report, "guids").found == "other ids in: list_sessions"
    assert report.verdict is Verdict.BREAKS


async def test_nothing_secret_and_nothing_that_steers_a_terminal_gets_out(check: Checked) -> None:
    token = check.sandbox.realtime_token
    echo = f"No access for {token} to http://internal.invalid/x?emApplicationtoken=abc of ann@example.com"
    check.fault("status", operation="list_tracks", status=422, body={"Message": echo})
    check.fault("merge", operation="get_event", body={"eventName": f"\x1b[2J{token}\nname", f"{token}\x07": 1})
    report = await check()
    told = json.dumps(report.document(), ensure_ascii=False)
    assert "[redacted]" in told
    assert token not in told
    assert "emApplicationtoken=" not in told
    assert "ann@" not in told
    texts = [value for item in report.operations for value in (item.found, item.advice or "")]
    assert all(text.isprintable() for text in texts + [item.found for item in report.readings])


async def test_a_refused_token_writes_no_log(check: Checked, capfd: pytest.CaptureFixture[str]) -> None:
    await check(realtime={"token": "wrong"})
    assert capfd.readouterr() == ("", "")
