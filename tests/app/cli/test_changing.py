"""What the ``cutover`` commands do and say, on a store of their own."""

import asyncio
import getpass
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
import typer

from app.cli.changing import Clearing, Setting, run_audit, run_change, run_show, switches
from app.cutover.sqlite import SqliteStore
from app.cutover.state import CutoverState, Latch, Stage, Switch
from app.cutover.store import Snapshot
from app.settings import GivenSettings
from tests.redis_server import RedisServer, running_redis

OUTBOUND = {
    "endpoint": "https://contoso.svc.dynamics.com/EvtMgmt/api/v2.0/",
    "token": "the-old-token",
    "origin": "https://events.example.com",
}
Words = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _logs_are_left_as_they_were(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("app.cli.changing.configure_logs", lambda *_: None)
    with structlog.testing.capture_logs():
        yield


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture(params=["sqlite", "redis"])
def settings(request: pytest.FixtureRequest, redis: RedisServer, tmp_path: Path) -> GivenSettings:
    place = {"path": tmp_path / "state"} if request.param == "sqlite" else {"redis_url": redis.url}
    return given(place, organisation=tmp_path.name)


def given(place: dict[str, Any], organisation: str = "one", **groups: Any) -> GivenSettings:
    endpoint = f"http://127.0.0.1:9/api/v1.0/orgs/{organisation}/eventmanagement/"
    realtime = {"endpoint": endpoint, "token": "t", "origin": "https://events.example.com"}
    return GivenSettings.model_validate({"realtime": realtime, "outbound": OUTBOUND, "state": place, **groups})


def setting(**parts: Any) -> Setting:
    return Setting(**({"stage": None, "percent": None, "operations": {}, "events": {}} | parts))


def clearing(**parts: Any) -> Clearing:
    return Clearing(**({"latches": [], "all_latches": False, "operations": [], "events": []} | parts))


def kept(settings: GivenSettings) -> Snapshot:
    async def look() -> Snapshot:
        assert settings.state.path is not None
        store = SqliteStore(settings.state.path)
        found = await store.current()
        await store.close()
        assert found is not None
        return found

    return asyncio.run(look())


def test_a_change_is_made_said_and_shown(settings: GivenSettings, capsys: Words) -> None:
    assert run_show(settings, as_json=False) == 0
    assert capsys.readouterr().out == "Nothing is kept yet: the settings decide.\n  stage: realtime\n  percent: 100\n"
    many = setting(stage=Stage.SPLIT, percent=12.5, operations={"list_events": Switch.OFF}, events={"Contoso_*": Switch.REALTIME})
    assert run_change(settings, many, None, "first quarter", None) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Version 1 -> 2",
        "  stage: realtime -> split",
        "  percent: 100 -> 12.5",
        "  operations.list_events: - -> off",
        "  events.contoso_*: - -> realtime",
    ]
    # The rest stays as it is.
    assert run_change(settings, setting(events={"CONTOSO_*": Switch.OFF}), "Ann", "not yet", 2) == 0
    assert capsys.readouterr().out.splitlines() == ["Version 2 -> 3", "  events.contoso_*: realtime -> off"]
    assert run_change(settings, clearing(operations=["list_events"], events=["Contoso_*"]), "Ann", "mended", None) == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["  operations.list_events: off -> -", "  events.contoso_*: off -> -"]
    assert run_show(settings, as_json=False) == 0
    first, *rest = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"Version 4, since \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", first)
    assert rest == [
        "  stage: split",
        "  percent: 12.5",
        "The settings say otherwise about: percent, stage. What is kept wins.",
    ]
    assert run_audit(settings, 2, None, as_json=False) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(", ")[-1] for line in lines if not line.startswith(" ")] == ["Ann: mended", "Ann: not yet"]
    assert run_audit(settings, 10, 3, as_json=True) == 0
    second, initial = json.loads(capsys.readouterr().out)
    assert (second["version"], second["who"], second["why"]) == (2, getpass.getuser(), "first quarter")
    assert second["before"] == {"stage": "realtime", "percent": 100.0, "operations": {}, "events": {}}
    assert (initial["who"], initial["before"]) == ("settings", {})


def test_machines_read_json(settings: GivenSettings, capsys: Words) -> None:
    assert run_show(settings, as_json=True) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown == {"version": 0, "at": None, "state": CutoverState().document(), "settings_differ": []}
    run_change(settings, setting(percent=3), "a", "b", None)
    capsys.readouterr()
    assert run_show(settings, as_json=True) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["version"], shown["state"]["percent"], shown["settings_differ"]) == (2, 3.0, ["percent"])
    assert isinstance(shown["at"], float)


def test_nothing_to_change_is_said(settings: GivenSettings, capsys: Words) -> None:
    assert run_audit(settings, 10, None, as_json=False) == 0
    assert capsys.readouterr().out == "Nothing was changed yet.\n"
    assert run_change(settings, setting(percent=100), "a", "b", None) == 0
    assert capsys.readouterr().out == "Nothing to change: version 1 says so already.\n"


def test_who_expects_another_version_changes_nothing(settings: GivenSettings, capsys: Words) -> None:
    run_change(settings, setting(percent=3), "a", "b", None)
    capsys.readouterr()
    assert run_change(settings, setting(percent=4), "a", "b", 1) == 1
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "The state was changed meanwhile: it is version 2 now\n")


def test_what_is_not_there_cannot_be_cleared(settings: GivenSettings, capsys: Words) -> None:
    for edit, words in (
        (clearing(latches=["list_events"]), "There is no latch list_events\n"),
        (clearing(operations=["list_events", "x"]), "There is no switch of an operation list_events, x\n"),
        (clearing(events=["Contoso_*"]), "There is no switch of an event contoso_*\n"),
    ):
        assert run_change(settings, edit, "a", "b", None) == 1
        assert capsys.readouterr().err == words


def test_latches_are_shown_and_cleared(tmp_path: Path, capsys: Words) -> None:
    settings = given({"path": tmp_path})

    async def latch() -> None:
        store = SqliteStore(tmp_path)
        await store.open(CutoverState(stage=Stage.SPLIT))
        latches = {"*": Latch(at=1.0, reason="all was slow"), "list_events": Latch(at=2.0, reason="9 % failed")}
        await store.change(CutoverState(stage=Stage.SPLIT, latches=latches), 1, "watcher", "rolled back")
        await store.close()

    asyncio.run(latch())
    run_show(settings, as_json=False)
    assert {"  latches.*: all was slow", "  latches.list_events: 9 % failed"} < set(capsys.readouterr().out.splitlines())
    assert run_change(settings, clearing(latches=["list_events"]), "a", "b", None) == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["  latches.list_events: 9 % failed -> -"]
    assert run_change(settings, clearing(all_latches=True), "a", "b", None) == 0
    assert kept(settings).state.latches == {}


def test_what_is_no_state_is_told(settings: GivenSettings) -> None:
    for edit, words in (
        (setting(operations={"nothing": Switch.OFF}), "no such operation: nothing"),
        (setting(events={"a/b": Switch.OFF}), "'a/b' is no readable event id or pattern"),
    ):
        with pytest.raises(typer.BadParameter, match=words):
            run_change(settings, edit, "a", "b", None)


@pytest.mark.parametrize(
    "edit",
    [
        setting(stage=Stage.OUTBOUND),
        setting(stage=Stage.SHADOW),
        setting(stage=Stage.SPLIT),
        setting(operations={"list_events": Switch.OUTBOUND}),
        setting(events={"A_*": Switch.OUTBOUND}),
    ],
)
def test_without_outbound_nothing_that_needs_it_can_be_set(tmp_path: Path, capsys: Words, edit: Setting) -> None:
    settings = given({"path": tmp_path}, outbound=None)
    assert run_change(settings, edit, "a", "b", None) == 1
    assert capsys.readouterr().err.startswith("This needs outbound: EVTMGMT_OUTBOUND__ENDPOINT, __TOKEN and __ORIGIN are not set")
    assert kept(settings).version == 1


def test_without_a_place_there_is_nothing_to_change(capsys: Words) -> None:
    settings = given({}, cutover={"stage": "shadow"})
    assert run_show(settings, as_json=False) == 0
    said = capsys.readouterr().out
    assert said.startswith("There is nothing to change here: without EVTMGMT_STATE__PATH or EVTMGMT_STATE__REDIS_URL")
    assert "  stage: shadow" in said
    assert run_change(settings, setting(percent=3), "a", "b", None) == 1
    assert capsys.readouterr().err.startswith("There is nothing to change here")
    assert run_audit(settings, 5, None, as_json=True) == 1
    assert capsys.readouterr().out == ""


def test_without_redis_everything_says_so(tmp_path: Path, capsys: Words) -> None:
    settings = given({"redis_url": f"unix://:geheim@{tmp_path}/nobody.sock"})
    assert run_show(settings, as_json=True) == 1
    assert run_change(settings, setting(percent=3), "a", "b", None) == 1
    assert run_audit(settings, 5, None, as_json=False) == 1
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "Redis cannot be reached\n" * 3)


def test_who_and_why_are_needed(tmp_path: Path, capsys: Words) -> None:
    assert run_change(given({"path": tmp_path}), setting(percent=3), "a", " \n", None) == 1
    assert capsys.readouterr().err == "Why is missing: each change says who made it and why\n"


def test_a_user_without_a_name_has_a_number(tmp_path: Path, capsys: Words, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 10001")

    monkeypatch.setattr("getpass.getuser", nobody)
    monkeypatch.setattr("os.getuid", lambda: 10_001)
    settings = given({"path": tmp_path})
    run_change(settings, setting(percent=3), None, "b", None)
    run_audit(settings, 1, None, as_json=False)
    assert ", user 10001: b" in capsys.readouterr().out


def test_switches_are_written_with_an_equals_sign() -> None:
    assert switches(["list_events=off", " A=b =OUTBOUND"], "--operation") == {"list_events": Switch.OFF, "A=b": Switch.OUTBOUND}
    for wrong in ("list_events", "list_events=on", "=", "list_events="):
        with pytest.raises(typer.BadParameter, match="write NAME=WHERE, where WHERE is outbound, realtime, off, or for an"):
            switches([wrong], "--operation")
