"""Events of the archive through the whole service: their pages, the list, refused registrations, other archives."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import orjson
import pytest

from app.archive.draft import Draft
from app.archive.shelf import Shelf
from app.settings import GivenSettings
from sandbox.server import Sandbox, SandboxThread
from tests.app.archive.files import (
    ANSWERS,
    EVENT,
    FAIR,
    PNG,
    SESSION,
    SPEAKER,
    SPONSORSHIP,
    TRACK,
    archive_at,
    fill,
    spoil,
)
from tests.clock import until
from tests.examples import FORUM, OPEN_DAY, assert_error, registration
from tests.service import ADMIN, BASE, both_sides, running_proxy, settings_for
from translation.operations import OPERATIONS

ALIASES = {"events": {"Annual_Forum": FORUM, "Lost_Fair": "Lost_Fair_2031", "Moved_Fair": "Moved_Fair_2031"}}
FUTURE = {"startDate": "2040-05-01T09:00:00", "endDate": "2040-05-01T17:00:00", "endDateUTC": "2040-05-01T16:00:00Z"}
GERMAN = {"accept-language": "de"}


@dataclass
class Rig:
    """A sandbox, and a proxy with an archive before it."""

    sandbox: Sandbox
    port: int
    client: httpx.Client

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.client.get(f"http://127.0.0.1:{self.port}{BASE}{path}", headers=headers)

    def register(self, event: str, rest: str = "", **headers: str) -> httpx.Response:
        url = f"http://127.0.0.1:{self.port}{BASE}events/{quote(event)}/registrations{rest}"
        return self.client.post(url, json=registration(), headers=headers)

    def own(self, path: str) -> httpx.Response:
        return self.client.get(f"http://127.0.0.1:{self.port}{path}")

    def asked(self) -> list[str]:
        """What the organisation was asked, the list apart."""
        return [record.operation for record in self.sandbox.recorder.find() if record.operation != "list_events"]


@contextmanager
def running(path: Path, sandbox: Sandbox, **groups: Any) -> Iterator[Rig]:
    archive = {"path": str(path), **groups.pop("archive", {})}
    settings: GivenSettings = settings_for(sandbox, aliases=ALIASES, archive=archive, admin={"token": ADMIN}, **groups)
    sandbox.recorder.clear()
    with running_proxy(settings) as (port, gateway), httpx.Client(timeout=60, trust_env=False) as client:
        until(lambda: gateway._answering.router._lists_tried.is_set())  # type: ignore[attr-defined]
        yield Rig(sandbox, port, client)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with SandboxThread(Sandbox()) as running_sandbox:
        yield running_sandbox


def make(path: Path) -> Path:
    """Past, future, recreated under the same id and under another one, and one that was switched."""
    draft = Draft(path, "https://old.svc.dynamics.example/EvtMgmt/api/v2.0/")
    for name in (FAIR, OPEN_DAY, "Annual_Forum", "Family_Day", "Lost_Fair", "Moved_Fair"):
        fill(draft, name)
    fill(draft, "Future_Fair", **FUTURE)
    fill(draft)  # the parts, which all have, are the fair's
    draft.finish()
    return path


@pytest.fixture(scope="module")
def rig(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    path = make(tmp_path_factory.mktemp("archive") / "a.sqlite3")
    with running(path, sandbox, cutover={"events": {"Family_Day": "archive", "Moved_Fair": "archive"}}) as found:
        yield found


# Pages.


def test_all_reads_are_answered_from_the_archive_alone(rig: Rig) -> None:
    rig.sandbox.recorder.clear()
    for (operation, thing), value in ANSWERS.items():
        if operation in ("list_events", "get_event"):
            continue
        path = next(each for each in OPERATIONS if each.name == operation).path
        answer = rig.get(path.format(event=FAIR.upper(), session=thing, track=thing, speaker=thing.upper(), sponsorship=thing))
        assert (answer.status_code, answer.headers["x-evtmgmt-backend"]) == (200, "archive")
        if isinstance(value, bytes):
            assert (answer.content, answer.headers["content-type"]) == (PNG, "image/png")
            assert "sandbox" in answer.headers["content-security-policy"]
        elif isinstance(value, list):
            assert [each.get("id") for each in answer.json()] == [each.get("id") for each in value]
        else:
            assert answer.json() == value
    assert rig.asked() == []


def test_an_event_says_that_registration_is_over(rig: Rig) -> None:
    event = rig.get(f"events/{FAIR}").json()
    assert (event["eventName"], event["startDate"], event["description"]) == ("Old Fair", EVENT["startDate"], "All of it.")
    assert (event["setRegistrationEndDate"], event["stopRegistrationDate"]) == (True, EVENT["startDate"])
    assert (event["allowAnonymousRegistrations"], event["enableCaptcha"], event["registrationForm"]) == (True, False, None)
    assert event["image"] is None  # it lay on the old host
    assert event["customFields"] == {}
    future = rig.get("events/Future_Fair").json()
    assert future["stopRegistrationDate"] < "2040"
    assert rig.get(f"events/{FAIR}/sessions").json()[0]["userEligibleToRegister"] is False


def test_what_was_not_recorded_leaves_no_page_blank(rig: Rig) -> None:
    answer = rig.get(f"events/{FAIR}/custom-registration-fields")
    assert (answer.json(), answer.headers["x-evtmgmt-backend"]) == ([], "archive")
    assert_error(rig.get(f"speakers/{SPEAKER.replace('a', 'b')}/image"), "NotFound", 404)


def test_validators_cache_and_metrics(sandbox: Sandbox, tmp_path: Path) -> None:
    with running(archive_at(tmp_path / "a.sqlite3"), sandbox, cache={"warm": False}) as rig:
        first, again = rig.get(f"events/{FAIR}"), rig.get(f"events/{FAIR}")
        assert [each.headers["x-evtmgmt-cache"] for each in (first, again)] == ["miss", "hit"]
        assert first.content == again.content
        unchanged = rig.get(f"events/{FAIR}", **{"if-none-match": first.headers["etag"]})
        assert unchanged.status_code == 304
        metrics = rig.own("/metrics").text
        assert 'evtmgmt_requests_total{backend="archive",operation="get_event",status="200"} 2.0' in metrics
        assert "evtmgmt_archive_events 1.0" in metrics


def test_calendar_links_work(rig: Rig) -> None:
    data = quote(json.dumps([{"readableEventId": FAIR}]))
    answer = rig.get(f"calendar/personal/ics?data={data}")
    assert (answer.status_code, answer.headers["x-evtmgmt-backend"]) == (200, "archive")
    assert "SUMMARY:Old Fair" in answer.text
    assert "DTSTART" in answer.text


def test_users_and_captcha_are_refused_as_in_real_time(rig: Rig) -> None:
    assert_error(rig.get("users/authenticated"), "UserAuthenticationNotSupported", 501)
    assert_error(rig.get(f"events/{FAIR}/captcha"), "CaptchaNotSupported", 501)


# Registrations.


@pytest.mark.parametrize("rest", ["", "/finalize"])
def test_registrations_are_refused_with_a_sentence(rig: Rig, rest: str) -> None:
    rig.sandbox.recorder.clear()
    answer = rig.register(FAIR, rest, **GERMAN)
    assert_error(answer, "RegistrationClosed", 410)
    assert answer.json()["Message"].startswith("Die Registrierung für diese Veranstaltung ist geschlossen.")
    assert answer.headers["x-evtmgmt-backend"] == "archive"
    assert rig.asked() == []


def test_before_the_list_is_known_the_organisation_is_asked_first(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.faults.add("status", operation="list_events", status=500, times=None)
    try:
        with running(archive_at(tmp_path / "a.sqlite3"), sandbox) as rig:
            assert_error(rig.register(FAIR), "RegistrationClosed", 410)
            answer = rig.get(f"events/{FAIR}")
            assert (answer.status_code, answer.headers["x-evtmgmt-backend"]) == (200, "archive")
            assert rig.get(f"speakers/{SPEAKER}/image").content == PNG
            assert rig.asked() == ["register", "get_event", "get_speaker_image"]
            assert rig.register(OPEN_DAY).json()["status"] == "Success"
            assert_error(rig.get("events/Nobody_Knows"), "NotFound", 404)
    finally:
        sandbox.faults.clear()


# Who answers.


def test_what_was_recreated_lives_on_where_it_is(rig: Rig) -> None:
    for name, shown in ((OPEN_DAY, OPEN_DAY), ("Annual_Forum", "Annual_Forum"), (FORUM, FORUM)):
        answer = rig.get(f"events/{name}")
        assert answer.headers["x-evtmgmt-backend"] == "realtime"
        assert (answer.json()["readableEventId"], answer.json()["eventName"] == "Old Fair") == (shown, False)
    assert rig.register(OPEN_DAY).json()["status"] == "Success"


def test_a_switch_takes_an_event_to_the_archive(rig: Rig) -> None:
    answer = rig.get("events/Family_Day")
    assert (answer.headers["x-evtmgmt-backend"], answer.json()["eventName"]) == ("archive", "Old Fair")
    assert_error(rig.register("Family_Day"), "RegistrationClosed", 410)
    for name in ("Moved_Fair", "Moved_Fair_2031"):
        answer = rig.get(f"events/{name}")
        assert (answer.headers["x-evtmgmt-backend"], answer.json()["readableEventId"]) == ("archive", name)
    assert_error(rig.get("events/Lost_Fair"), "NotFound", 404)


def test_where_two_organisations_may_have_it_both_are_asked_each_time(sandbox: Sandbox, tmp_path: Path) -> None:
    groups = both_sides(sandbox, "split")
    groups["cutover"]["sticky_header"] = None
    del groups["aliases"], groups["admin"]
    part = {"webapp_id": SESSION}  # the list tells a part of the events only
    with running(archive_at(tmp_path / "a.sqlite3"), sandbox, realtime=part, **groups) as rig:
        for _ in range(2):
            rig.sandbox.recorder.clear()
            answer = rig.get(f"speakers/{SPEAKER}/image")
            assert (answer.content, answer.headers["x-evtmgmt-backend"]) == (PNG, "archive")
            assert [record.backend for record in rig.sandbox.recorder.find(operation="get_speaker_image")] == [
                "realtime",
                "outbound",
            ]


def test_a_tester_looks_at_one_side(rig: Rig) -> None:
    tester = {"x-evtmgmt-admin": ADMIN}
    old = rig.get(f"events/{OPEN_DAY}", **tester, **{"x-evtmgmt-backend": "archive"})
    assert (old.headers["x-evtmgmt-backend"], old.json()["eventName"]) == ("archive", "Old Fair")
    assert_error(rig.get(f"events/{FAIR}", **tester, **{"x-evtmgmt-backend": "realtime"}), "NotFound", 404)
    listed = rig.get("events/published", **tester, **{"x-evtmgmt-backend": "archive"}).json()
    assert [event["readableEventId"] for event in listed][-1] == "Future_Fair"


# The list.


def listed(rig: Rig) -> dict[str, dict[str, Any]]:
    answer = rig.get("events/published")
    events = answer.json()
    assert len({event["readableEventId"] for event in events}) == len(events)
    starts = [event["startDate"] for event in events]
    assert starts == sorted(starts) or answer.headers["x-evtmgmt-backend"] == "realtime"
    return {event["readableEventId"]: event for event in events}


def test_the_list_shows_past_events_once(rig: Rig) -> None:
    found = listed(rig)
    assert rig.get("events/published").headers["x-evtmgmt-backend"] == "realtime+archive"
    assert {FAIR, "Family_Day", "Moved_Fair"} == set(list(found)[:3])
    assert found[FAIR]["stopRegistrationDate"] == EVENT["startDate"]
    assert not {"Future_Fair", "Annual_Forum", "Lost_Fair"} & found.keys()
    assert found[OPEN_DAY]["eventName"] != "Old Fair"
    assert found["Family_Day"]["eventName"] == "Old Fair"  # as its page, to which it is switched
    assert FORUM in found


def test_all_are_listed_and_forms_hidden_where_that_is_wanted(sandbox: Sandbox, tmp_path: Path) -> None:
    with running(make(tmp_path / "a.sqlite3"), sandbox, archive={"listed": "all", "hide_form": True}) as rig:
        found = listed(rig)
        assert found.keys() & {FAIR, "Future_Fair", "Annual_Forum"} == {FAIR, "Future_Fair"}
        assert [found[name]["allowAnonymousRegistrations"] for name in (FAIR, OPEN_DAY)] == [False, True]
        assert rig.get(f"events/{FAIR}").json()["allowAnonymousRegistrations"] is False


def test_none_is_listed_where_that_is_wanted(sandbox: Sandbox, tmp_path: Path) -> None:
    with running(make(tmp_path / "a.sqlite3"), sandbox, archive={"listed": "none"}) as rig:
        assert FAIR not in listed(rig)
        assert rig.get("events/published").headers["x-evtmgmt-backend"] == "realtime"
        assert rig.get(f"events/{FAIR}").status_code == 200


def test_without_the_organisation_there_is_no_list_and_past_pages_stay(sandbox: Sandbox, tmp_path: Path) -> None:
    with running(archive_at(tmp_path / "a.sqlite3"), sandbox) as rig:
        sandbox.faults.add("reset", times=None)
        try:
            assert_error(rig.get("events/published"), "UpstreamFailed", 502)
            assert rig.get(f"events/{FAIR}").status_code == 200
        finally:
            sandbox.faults.clear()


# Other archives.


def test_saved_copies_may_hold_less(sandbox: Sandbox, tmp_path: Path) -> None:
    draft = Draft(tmp_path / "a.sqlite3")
    draft.name(FAIR)
    event = FAIR.casefold()
    draft.put("list_events", event, event, orjson.dumps(EVENT))
    tracks, sessions = [{"id": TRACK, "sessions": [{"id": SESSION}]}], [{"id": SESSION, "name": "A"}, {"id": SPONSORSHIP}]
    draft.put("list_tracks", event, event, orjson.dumps(tracks))
    draft.put("list_sessions", event, event, orjson.dumps(sessions))
    draft.put("get_sponsor_logo", SPONSORSHIP, event, PNG, "image/png")
    draft.put("count_session_registrations", SESSION, event, b"7")
    draft.put("get_speaker_image", TRACK, event, PNG, "image/png")
    draft.finish()
    with running(tmp_path / "a.sqlite3", sandbox) as rig:
        assert rig.get(f"events/{FAIR}").json()["eventName"] == "Old Fair"
        assert rig.get(f"events/{FAIR}/passes").json() == []
        assert_error(rig.get(f"events/{FAIR}/registrations/count"), "NotFound", 404)
        assert [each["name"] for each in rig.get(f"tracks/{TRACK}/sessions").json()] == ["A"]
        assert_error(rig.get(f"tracks/{SPEAKER}/sessions"), "NotFound", 404)


def test_a_spoilt_picture_and_a_file_that_is_put_right(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Shelf.run, "__defaults__", (0.05,))
    path = archive_at(tmp_path / "a.sqlite3")
    spoil(path, PNG, PNG[:-1] + b"!")
    with running(path, sandbox) as rig:
        assert_error(rig.get(f"speakers/{SPEAKER}/image"), "ArchiveUnreadable", 500)
        assert rig.get(f"events/{FAIR}").status_code == 200
        assert "the archive is damaged" in rig.own("/readyz").text
        archive_at(tmp_path / "b.sqlite3").replace(path)
        until(lambda: rig.get(f"speakers/{SPEAKER}/image").status_code == 200)
        until(lambda: "degraded" not in rig.own("/readyz").text)


@pytest.mark.parametrize("content", [None, b""])
def test_without_a_file_that_can_be_used_all_else_goes_on(sandbox: Sandbox, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.sqlite3"
    if content is not None:
        path.write_bytes(content)
    with running(path, sandbox) as rig:
        assert rig.get(f"events/{OPEN_DAY}").status_code == 200
        assert FAIR not in listed(rig)
        assert_error(rig.get(f"events/{FAIR}"), "NotFound", 404)
        ready = rig.own("/readyz")
        assert ready.status_code == 200
        assert str(path) in ready.text
        assert "evtmgmt_archive_events 0.0" in rig.own("/metrics").text
