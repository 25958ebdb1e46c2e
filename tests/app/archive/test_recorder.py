"""The outbound organisation of a sandbox is recorded over a socket, all of it, once, and again."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import pytest

from app.archive.archive import Archive
from app.archive.draft import Draft
from app.archive.recorder import PICTURES, Recording, kept_body, record, things_of
from app.calls import Call
from app.comparing.reader import UnreadableError
from app.comparing.walk import PARTS
from sandbox.data.images import badge
from sandbox.data.model import Event
from sandbox.server import Sandbox
from tests.service import both_sides, settings_for
from translation.errors import ProxyError
from translation.leaving_out import LeftOut
from translation.operations import BY_NAME

pytestmark = pytest.mark.anyio
LEGACY, MUNICH = "Legacy_Roadshow", "Münchner Herbstgespräche"


@dataclass
class Rig:
    """A sandbox, and how to record it."""

    sandbox: Sandbox
    path: Path

    async def __call__(self, *events: str, rules: Iterable[str] = (), finish: bool = True, **more: Any) -> Recording:
        groups = both_sides(self.sandbox)
        groups["outbound"]["public_url"] = "https://proxy.example.com/EvtMgmt/api/v2.0/"
        settings = settings_for(self.sandbox, **groups)
        assert settings.outbound is not None
        draft = Draft(self.path, settings.outbound.endpoint, LeftOut(rules))
        try:
            done = await record(settings, settings.outbound, draft, rate=1_000, events=events, **more)
            if finish:
                draft.finish()
        finally:
            draft.close()
        return done

    def archive(self) -> Archive:
        return Archive(self.path)

    def event(self, name: str) -> Event:
        return self.sandbox.outbound.events[name]

    def asked(self) -> list[tuple[str, str]]:
        return [(record.operation, record.request.path) for record in self.sandbox.recorder.find(backend="outbound")]


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with Sandbox() as sandbox:
        yield Rig(sandbox, tmp_path / "a.sqlite3")


def parts_of(event: Event) -> int:
    """How many reads there are of an event."""
    return len(PARTS) + len(event.tracks) + len(event.sessions) + len(event.speakers) + len(event.sponsorships)


async def test_all_reads_of_an_event_are_recorded_as_they_came(rig: Rig) -> None:
    rig.event(LEGACY).fields["publicEventUrl"] = f"{rig.sandbox.outbound_endpoint}page"
    done = await rig(LEGACY, MUNICH)
    events = [rig.event(name) for name in (LEGACY, MUNICH)]
    listed = sum(event.listed for event in rig.sandbox.outbound.events.values())
    assert (done.listed, done.failed, done.failures, done.resumed) == (listed, 0, (), False)
    assert done.asked == 1 + sum(map(parts_of, events)) == len(rig.asked())
    assert len(set(rig.asked())) == done.asked
    archive = rig.archive()
    assert archive.events == {LEGACY.casefold(): LEGACY, MUNICH.casefold(): MUNICH}
    event = events[0]
    whole = archive.read("get_event", LEGACY.casefold())
    assert whole is not None
    assert orjson.loads(whole.body) == event.fields
    assert event.fields["publicEventUrl"].startswith(rig.sandbox.outbound_endpoint)  # and not as the proxy would tell it
    (speaker,) = event.speakers
    picture = archive.read("get_speaker_image", speaker["id"])
    assert picture is not None
    assert (picture.body, picture.content_type) == (badge(speaker["id"]), "image/png")
    sessions = archive.read("list_track_sessions", event.tracks[0]["id"])
    assert sessions is not None
    assert [session["id"] for session in orjson.loads(sessions.body)]
    assert len(archive.listed()) == 2
    assert archive.endpoint == rig.sandbox.outbound_endpoint
    archive.close()
    content = rig.path.read_bytes()
    assert rig.sandbox.outbound_token[:12].encode() not in content


async def test_events_that_are_not_listed_but_answer(rig: Rig) -> None:
    await rig("LEGACY_roadshow")
    archive = rig.archive()
    assert archive.events == {"legacy_roadshow": LEGACY}
    archive.close()


async def test_what_failed_is_told_and_asked_for_again_and_nothing_else(rig: Rig) -> None:
    rig.sandbox.faults.add("status", operation="list_speakers", status=404)
    done = await rig(LEGACY)
    assert [(failure.operation, failure.event, failure.code) for failure in done.failures] == [
        ("list_speakers", LEGACY, "NotFound")
    ]
    rig.sandbox.faults.clear()
    rig.sandbox.recorder.clear()
    done = await rig(LEGACY)
    assert (done.failed, done.resumed) == (0, False)
    archive = rig.archive()
    assert archive.read("list_speakers", LEGACY.casefold()) is not None
    archive.close()


async def test_a_run_that_was_cut_off_asks_for_the_rest_only(rig: Rig) -> None:
    for operation in ("get_speaker_image", "get_sponsor_logo"):
        rig.sandbox.faults.add("status", operation=operation, status=500, times=None)
    done = await rig(LEGACY, finish=False)
    assert done.failed == 2
    rig.sandbox.faults.clear()
    rig.sandbox.recorder.clear()
    done = await rig(LEGACY)
    assert (done.resumed, done.failed) == (True, 0)
    assert sorted(operation for operation, _ in rig.asked()) == ["get_speaker_image", "get_sponsor_logo", "list_events"]


async def test_what_is_gone_later_stays(rig: Rig) -> None:
    await rig(LEGACY)
    before = rig.archive()
    kept = before.read("get_event", LEGACY.casefold())
    before.close()
    del rig.sandbox.outbound.events[LEGACY]
    rig.sandbox.recorder.clear()
    await rig(MUNICH)
    archive = rig.archive()
    assert archive.events.keys() == {LEGACY.casefold(), MUNICH.casefold()}
    assert archive.read("get_event", LEGACY.casefold()) == kept
    archive.close()


async def test_without_pictures(rig: Rig) -> None:
    await rig(LEGACY, pictures=False)
    assert not {operation for operation, _ in rig.asked()} & set(PICTURES)


async def test_left_out_fields_never_reach_the_file(rig: Rig) -> None:
    event = rig.event(LEGACY)
    event.speakers[0]["email"] = "somebody@example.com"
    for session in event.sessions:
        session["speakers"] = [dict(event.speakers[0])]
    await rig(LEGACY, rules=["speakers.email", "speakers.image"])
    assert "get_speaker_image" not in {operation for operation, _ in rig.asked()}
    assert "get_sponsor_logo" in {operation for operation, _ in rig.asked()}
    archive = rig.archive()
    for operation in ("list_speakers", "list_sessions"):
        found = archive.read(operation, LEGACY.casefold())
        assert found is not None
        assert b"somebody@example.com" not in found.body
        assert event.speakers[0]["name"].encode() in found.body
    archive.close()


async def test_a_token_that_is_repeated_is_cut_out(rig: Rig) -> None:
    token = rig.sandbox.outbound_token
    rig.event(LEGACY).fields["publicEventUrl"] = f"https://example.com/?a={token}&b={quote(token, safe='')}"
    await rig(LEGACY)
    assert token.encode() not in rig.path.read_bytes()
    archive = rig.archive()
    for operation in ("get_event", "list_events"):
        found = archive.read(operation, LEGACY.casefold())
        assert found is not None
        assert b"https://example.com/?a=[redacted]&b=[redacted]" in found.body
    archive.close()


async def test_pictures_that_are_none(rig: Rig) -> None:
    rig.sandbox.faults.add("status", operation="get_speaker_image", status=404)
    rig.sandbox.faults.add("body", operation="get_sponsor_logo", body={"no": "picture"})
    done = await rig(LEGACY)
    assert [(failure.operation, failure.code) for failure in done.failures] == [("get_sponsor_logo", "UpstreamAnswerInvalid")]
    archive = rig.archive()
    assert archive.read("get_speaker_image", rig.event(LEGACY).speakers[0]["id"]) is None
    archive.close()


async def test_an_organisation_that_is_gone(rig: Rig) -> None:
    rig.sandbox.faults.add("status", operation="list_events", status=401)
    with pytest.raises(UnreadableError, match="outbound"):
        await rig(LEGACY)
    assert not rig.path.exists()


async def test_events_without_a_date_are_kept_too(rig: Rig) -> None:
    await rig("Date_To_Follow")
    archive = rig.archive()
    (listed,) = archive.listed()
    assert orjson.loads(listed.body)["startDate"] is None
    archive.close()


async def test_progress_is_told_by_event(rig: Rig) -> None:
    told: list[tuple[int, int]] = []
    await rig(LEGACY, pictures=False, progress=lambda done, total: told.append((done, total)))
    assert told == [(0, 1), (1, 1)]


def test_bodies_are_kept_as_they_came() -> None:
    call = Call(BY_NAME["list_passes"], {"event": "A"}, {"event": "A"})
    body = b'[ {"passId":  "1"} ]'
    assert kept_body(call, body, LeftOut().of, [b"secret"]) == body
    assert kept_body(call, b'[{"passName": "secret"}]', LeftOut().of, [b"secret"]) == b'[{"passName": "[redacted]"}]'
    with pytest.raises(ProxyError):
        kept_body(call, b"<html>", LeftOut().of, [])


def test_speakers_stand_in_sessions_too() -> None:
    one, other = "A0000000-0000-4000-8000-000000000001", "b0000000-0000-4000-8000-000000000001"
    values = {
        "list_speakers": [{"id": one}, {"id": None}, {"id": "7"}],
        "list_sessions": [{"id": other, "speakers": [{"id": other}, "x"]}, {"id": "x", "speakers": None}],
    }
    assert things_of("list_speakers", "id", values) == [one.lower(), other]
    assert things_of("list_sessions", "id", values) == [other]
    assert things_of("list_tracks", "id", values) == []
