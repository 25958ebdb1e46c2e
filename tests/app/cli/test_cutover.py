"""The ``cutover`` commands as an operator types them: options, words, exit status."""

import asyncio
import json
from pathlib import Path

import pytest

from app.cutover.live import Live, open_store
from app.cutover.settings import StateSettings
from app.cutover.state import CutoverState
from tests.app.cli.program import run
from tests.app.cutover.stores import SEEN_WITHIN
from tests.redis_server import running_redis

SETTINGS = {
    "EVTMGMT_REALTIME__ENDPOINT": "http://127.0.0.1:9/api/v1.0/orgs/one/eventmanagement/",
    "EVTMGMT_REALTIME__TOKEN": "t",
    "EVTMGMT_REALTIME__ORIGIN": "https://events.example.com",
    "EVTMGMT_OUTBOUND__ENDPOINT": "https://contoso.svc.dynamics.com/EvtMgmt/api/v2.0/",
    "EVTMGMT_OUTBOUND__TOKEN": "the-old-token",
    "EVTMGMT_OUTBOUND__ORIGIN": "https://events.example.com",
}


def test_an_operator_changes_looks_and_clears(tmp_path: Path) -> None:
    settings = SETTINGS | {"EVTMGMT_STATE__PATH": str(tmp_path / "state")}
    options = ["--stage", "split", "--percent", "25", "--operation", "register=outbound", "--event", "Contoso_*=realtime"]
    changed = run("cutover", "set", *options, "--why", "first quarter", "--who", "Ann [1]", folder=tmp_path, **settings)
    assert (changed.returncode, changed.stderr) == (0, "")
    assert changed.stdout.splitlines() == [
        "Version 1 -> 2",
        "  stage: realtime -> split",
        "  percent: 100 -> 25",
        "  operations.register: - -> outbound",
        "  events.contoso_*: - -> realtime",
    ]
    cleared = run(
        "cutover", "clear", "--operation", "register", "--event", "contoso_*", "--why", "b", "--expect", "2",
        folder=tmp_path, **settings,
    )  # fmt: skip
    assert (cleared.returncode, cleared.stderr) == (0, "")
    shown = json.loads(run("cutover", "show", "--json", folder=tmp_path, **settings).stdout)
    assert (shown["version"], shown["state"]["stage"], shown["state"]["operations"]) == (3, "split", {})
    audit = run("cutover", "audit", "--before", "3", "--limit", "1", folder=tmp_path, **settings)
    assert audit.stdout.splitlines()[0].endswith("Z, Ann [1]: first quarter")
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["sqlite", "redis"])
async def test_a_running_process_follows_in_time(tmp_path: Path, kind: str) -> None:
    with running_redis() as redis:
        where = {"path": str(tmp_path / "state")} if kind == "sqlite" else {"redis_url": redis.url}
        live = Live(open_store(StateSettings.model_validate(where), SETTINGS["EVTMGMT_REALTIME__ENDPOINT"]))
        await live.start(CutoverState())
        following = asyncio.create_task(live.run())
        adopted = asyncio.Event()
        live.on_change(lambda _: adopted.set())
        environment = SETTINGS | {f"EVTMGMT_STATE__{name.upper()}": value for name, value in where.items()}
        done = await asyncio.to_thread(run, "cutover", "set", "--percent", "5", "--why", "x", folder=tmp_path, **environment)
        assert (done.returncode, done.stderr) == (0, "")
        await asyncio.wait_for(adopted.wait(), SEEN_WITHIN)
        assert (live.snapshot.version, live.state.percent) == (2, 5.0)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await live.store.close()


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["set", "--percent", "5"], 2, "--why"),
        (["set", "--why", "x"], 2, "nothing is named that should be set"),
        (["clear", "--why", "x"], 2, "nothing is named that should be cleared"),
        (["set", "--why", "x", "--percent", "101"], 2, "100"),
        (["set", "--why", "x", "--stage", "tomorrow"], 2, "tomorrow"),
        (["set", "--why", "x", "--operation", "register"], 2, "NAME=WHERE"),
        (["set", "--why", "x", "--percent", "5"], 1, "There is nothing to change here"),
        (["clear", "--why", "x", "--all-latches"], 1, "There is nothing to change here"),
    ],
)
def test_what_cannot_be_done_is_told(tmp_path: Path, arguments: list[str], status: int, words: str) -> None:
    done = run("cutover", *arguments, folder=tmp_path, **SETTINGS)
    assert done.returncode == status
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_place_that_cannot_be_used_is_a_setting_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run("cutover", "show", folder=tmp_path, EVTMGMT_STATE__PATH=str(tmp_path / "file"), **SETTINGS)
    assert done.returncode == 2
    assert f"EVTMGMT_STATE__PATH: {tmp_path / 'file'} is not a directory" in done.stderr
    secret = SETTINGS | {"EVTMGMT_STATE__REDIS_URL": "redis://user:geheim@127.0.0.1:port/0"}
    done = run("cutover", "show", folder=tmp_path, **secret)
    assert done.returncode == 2
    assert "EVTMGMT_STATE__REDIS_URL: must be an address" in done.stderr
    assert "geheim" not in done.stderr
