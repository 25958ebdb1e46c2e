"""Settings read anew by real processes, from real files."""

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx
import pytest

from sandbox.server import Sandbox, SandboxThread
from tests.app.cli.program import Serving, environment_for, serving
from tests.app.line import Line, ask
from tests.app.outbox.material import KEY
from tests.examples import registration
from tests.service import BASE

TAKEN = "settings were read anew and serve".__eq__
REFUSED = "settings were not taken: those of before serve on".__eq__
SECRET = "EVTMGMT_REALTIME__TOKEN"
NEW = "another-token-of-the-web-application"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with SandboxThread(Sandbox()) as found:
        yield found


@contextmanager
def proxy(sandbox: Sandbox, folder: Path, *arguments: str, **more: str) -> Iterator[tuple[Serving, httpx.Client]]:
    """A proxy whose token is a secret file; files are looked at five times a second."""
    environment = environment_for(sandbox)
    (folder / "secrets").mkdir(exist_ok=True)
    secret = folder / "secrets" / SECRET
    if not secret.exists():
        secret.write_text(environment[SECRET])
    del environment[SECRET]
    (folder / "settings.toml").touch()
    interval = {"EVTMGMT_RELOAD__INTERVAL": "0.2", "EVTMGMT_CONFIG_FILE": str(folder / "settings.toml")}
    with serving(*arguments, folder=folder, **{**environment, **interval, **more}) as process:
        workers = int(arguments[1]) if arguments else 1
        with httpx.Client(base_url=process.ready(workers), timeout=30, trust_env=False) as client:
            yield process, client


def put(file: Path, text: str) -> None:
    """Write as editors do: whole, then in the place of the old one."""
    new = file.with_name(f".{file.name}.new")
    new.write_text(text, encoding="utf-8")
    new.replace(file)


def events(client: httpx.Client) -> httpx.Response:
    return client.get(f"{BASE}events/published")


def configuration(client: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/readyz").json()["configuration"]
    return found


def test_another_token_is_taken_and_nothing_is_forgotten(sandbox: Sandbox, tmp_path: Path) -> None:
    with proxy(sandbox, tmp_path) as (process, client):
        assert events(client).headers["x-evtmgmt-cache"] == "miss"
        before = configuration(client)
        put(tmp_path / "secrets" / SECRET, NEW)
        process.wait_for(TAKEN)
        assert events(client).headers["x-evtmgmt-cache"] == "hit"  # what was kept is kept
        assert configuration(client)["hash"] != before["hash"]
        sandbox.realtime.token = NEW
        assert client.get(f"{BASE}events/Contoso_Open_Day").status_code == 200  # what is new is asked with the new token
        shown = client.get("/metrics").text
        assert "evtmgmt_config_last_reload_successful 1.0" in shown
        assert 'evtmgmt_config_reloads_total{outcome="taken"} 1.0' in shown
        (number,) = re.findall(r"^evtmgmt_config_hash (\S+)$", shown, re.MULTILINE)
        assert float(number) == int(configuration(client)["hash"], 16)
    assert NEW not in str(process.log)


def test_a_link_that_is_put_in_the_place_of_another_is_seen(sandbox: Sandbox, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for name, token in (("..first", sandbox.realtime_token), ("..second", NEW)):  # as Kubernetes mounts secrets
        (secrets / name).mkdir()
        (secrets / name / SECRET).write_text(token)
    (secrets / "..data").symlink_to("..first")
    (secrets / SECRET).symlink_to(f"..data/{SECRET}")
    with proxy(sandbox, tmp_path) as (process, client):
        assert events(client).status_code == 200
        (secrets / "..data_tmp").symlink_to("..second")
        (secrets / "..data_tmp").replace(secrets / "..data")
        process.wait_for(TAKEN)
        sandbox.realtime.token = NEW
        assert client.get(f"{BASE}events/Contoso_Open_Day").status_code == 200


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[limits]\nheader_count = 'many'\n[cache]\nmax_entries = -1\n", ["LIMITS__HEADER_COUNT", "CACHE__MAX_ENTRIES"]),
        ("[limits\n", ["is not TOML"]),
        ("[limts]\nx = 1\n", ["LIMTS"]),
        ("[portals.one]\nhosts = ['one.invalid']\n", ["restart"]),
    ],
    ids=["two mistakes", "half written", "a slip", "a table where there was none"],
)
def test_settings_that_cannot_be_used_change_nothing(sandbox: Sandbox, tmp_path: Path, text: str, told: list[str]) -> None:
    with proxy(sandbox, tmp_path) as (process, client):
        before = configuration(client)
        put(tmp_path / "settings.toml", text)
        (line,) = process.wait_for(REFUSED)
        assert all(word in str(line) for word in told)
        after = configuration(client)
        assert (after["hash"], after["last_reload"]) == (before["hash"], "refused")
        assert "evtmgmt_config_last_reload_successful 0.0" in client.get("/metrics").text
        assert events(client).status_code == 200
        put(tmp_path / "settings.toml", "[limits]\nheader_count = 20\n")
        process.wait_for(TAKEN)
        assert configuration(client)["last_reload"] == "taken"
        assert client.get("/livez", headers={f"x-{number}": "1" for number in range(20)}).status_code == 431


def test_a_file_that_is_gone_changes_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    with proxy(sandbox, tmp_path) as (process, client):
        (tmp_path / "settings.toml").unlink()
        process.wait_for(REFUSED)
        (tmp_path / "secrets" / SECRET).unlink()
        process.wait_for(REFUSED, 2)
        assert events(client).status_code == 200


def test_what_the_server_takes_at_its_start_is_named(sandbox: Sandbox, tmp_path: Path) -> None:
    with proxy(sandbox, tmp_path) as (process, _):
        put(tmp_path / "settings.toml", "[limits]\nkeep_alive = 7\n")
        (line,) = process.wait_for("these settings are taken at the next start".__eq__)
        assert line["settings"] == ["EVTMGMT_LIMITS__KEEP_ALIVE"]


def test_a_signal_is_enough_and_no_worker_is_restarted(sandbox: Sandbox, tmp_path: Path) -> None:
    with proxy(sandbox, tmp_path, "--workers", "2", EVTMGMT_RELOAD__ENABLED="false") as (process, client):
        put(tmp_path / "settings.toml", "[limits]\nheader_count = 20\n")
        os.kill(process.process.pid, signal.SIGHUP)
        process.wait_for(TAKEN, 2)
        assert len(process.wait_for("Application startup complete.".__eq__)) == 2
        for _ in range(6):
            with httpx.Client(base_url=client.base_url, trust_env=False) as visitor:
                assert visitor.get("/livez", headers={f"x-{number}": "1" for number in range(20)}).status_code == 431


def test_nobody_notices_a_reload(sandbox: Sandbox, tmp_path: Path) -> None:
    """Many reloads while visitors ask: every request is answered, and one under way is finished by what it began with."""
    ended = Event()
    statuses: list[int] = []
    with proxy(sandbox, tmp_path, EVTMGMT_CACHE__ENABLED="false", EVTMGMT_UPSTREAM__BUDGET="off") as (process, client):

        def visit() -> None:
            with httpx.Client(base_url=client.base_url, timeout=30, trust_env=False) as visitor:
                while not ended.is_set():
                    statuses.append(visitor.get(f"{BASE}events/published").status_code)

        visitors = [Thread(target=visit) for _ in range(4)]
        for visitor in visitors:
            visitor.start()
        try:
            for number in range(1, 9):
                # Other connections each time: nothing is handed on but the cache.
                put(tmp_path / "settings.toml", f"[upstream]\nread_timeout = {number}\n")
                os.kill(process.process.pid, signal.SIGHUP)
                process.wait_for(TAKEN, number)
        finally:
            ended.set()
            for visitor in visitors:
                visitor.join(30)
        assert len(statuses) > 8
        assert set(statuses) == {200}
        assert process.stop(signal.SIGTERM) == 0
    assert not [line for line in process.log if line["level"] == "error"]


def test_what_waits_in_the_outbox_is_sent_with_the_new_token_alone(sandbox: Sandbox, tmp_path: Path) -> None:
    outbox = {
        "EVTMGMT_STATE__PATH": str(tmp_path / "state"),
        "EVTMGMT_OUTBOX__ENABLED": "true",
        "EVTMGMT_OUTBOX__KEY": KEY,
        "EVTMGMT_OUTBOX__UNKNOWN_PASSES": "take",
        "EVTMGMT_OUTBOX__BACKOFF_FIRST": "0.05",
        "EVTMGMT_OUTBOX__BACKOFF_MOST": "0.05",
        "EVTMGMT_FAULTS__BREAKER": "false",
        "EVTMGMT_UPSTREAM__READ_TIMEOUT": "600",
        "EVTMGMT_UPSTREAM__TOTAL_TIMEOUT": "600",
    }
    with proxy(sandbox, tmp_path, **outbox) as (process, client), Line(client.base_url.port or 0) as reader:
        # What serves now is not let go of before this is answered.
        sandbox.faults.add("hang", operation="list_speakers")
        reader.send(ask(f"{BASE}events/Contoso_Open_Day/speakers"))
        sandbox.recorder.wait(operation="list_speakers", timeout=30)
        sandbox.faults.add("status", operation="register", status=503, times=None)
        told = client.post(f"{BASE}events/Contoso_Open_Day/registrations", json=registration())
        assert told.headers["x-evtmgmt-outbox"] == "stored"
        put(tmp_path / "secrets" / SECRET, NEW)
        process.wait_for(TAKEN)
        # Two: the one before let go of the lock, and the next one took it.
        process.wait_for("this process delivers what is in the outbox".__eq__, 2)
        sandbox.realtime.token = NEW
        sandbox.faults.clear()
        process.wait_for("registration delivered".__eq__)
        assert sandbox.recorder.find(operation="list_speakers", outcome="pending")
    assert len(sandbox.control.registrations()) == 1
    assert 401 not in [record.status for record in sandbox.recorder.find(operation="register")]
