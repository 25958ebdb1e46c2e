"""``init`` as a script and a person use it: files, modes, questions, nothing written over."""

import os
import pty
import select
import stat
import subprocess
import tomllib
from pathlib import Path

from sandbox.server import Sandbox, SandboxThread
from tests.app.cli.program import PATIENCE, PROGRAM, run

ENDPOINT = "https://public-eur.mkt.dynamics.com/api/v1.0/orgs/00000000-0000-0000-0000-000000000000/eventmanagement/"
ORIGIN = "https://events.example.com"


def init(folder: Path, *options: str, token: bytes = b"the-t0ken\n") -> subprocess.CompletedProcess[str]:
    (folder / "token").write_bytes(token)
    given = ("--endpoint", ENDPOINT, "--origin", ORIGIN, "--token-file", "token")
    return run("init", "new", *given, *options, folder=folder, COLUMNS="300")


def test_files_that_serve_at_once(tmp_path: Path) -> None:
    with SandboxThread(Sandbox()) as sandbox:
        (tmp_path / "token").write_text(sandbox.realtime_token)
        options = ("--endpoint", sandbox.realtime_endpoint, "--origin", sandbox.realtime_origin, "--token-file", "token")
        done = run("init", "new", *options, folder=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert sandbox.realtime_token not in done.stdout
        names = {"EVTMGMT_CONFIG_FILE": "new/settings.toml", "EVTMGMT_SECRETS_DIR": "new/secrets"}
        assert all(f"{name}={value}" in done.stdout for name, value in names.items())
        checked = run("check", folder=tmp_path, **names)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "A portal would work." in checked.stdout
    secret = tmp_path / "new" / "secrets" / "EVTMGMT_REALTIME__TOKEN"
    assert secret.read_text() == sandbox.realtime_token
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert stat.S_IMODE(secret.parent.stat().st_mode) == 0o700
    assert (secret.parent / ".gitignore").read_text().endswith("*\n")
    assert sandbox.realtime_token not in (tmp_path / "new" / "settings.toml").read_text()
    assert (tmp_path / "new" / "compose.yaml").is_file()


def test_nothing_is_written_over_unless_it_is_forced(tmp_path: Path) -> None:
    assert init(tmp_path).returncode == 0
    settings = tmp_path / "new" / "settings.toml"
    settings.write_text("mine")
    (tmp_path / "new" / "secrets" / "EVTMGMT_REALTIME__TOKEN").chmod(0o644)
    done = init(tmp_path)
    assert done.returncode == 2
    assert "new/settings.toml" in done.stderr
    assert "--force writes over it" in done.stderr
    assert settings.read_text() == "mine"
    assert init(tmp_path, "--force").returncode == 0
    assert tomllib.loads(settings.read_text())["realtime"]["endpoint"] == ENDPOINT
    assert stat.S_IMODE((tmp_path / "new" / "secrets" / "EVTMGMT_REALTIME__TOKEN").stat().st_mode) == 0o600


def test_what_cannot_be_used_is_told_and_nothing_is_written(tmp_path: Path) -> None:
    for options, words in (
        (("--endpoint", "http://public-eur.mkt.dynamics.com/"), "must use https"),
        (("--origin", "https://events.example.com/portal"), "an origin has no path"),
        (("--token-file", "gone"), "gone cannot be read: No such file"),
    ):
        done = init(tmp_path, *options)
        assert done.returncode == 2
        assert words in done.stderr
    done = run("init", "new", "--endpoint", ENDPOINT, "--origin", ORIGIN, folder=tmp_path, COLUMNS="300")
    assert (done.returncode, "no terminal to ask at" in done.stderr) == (2, True)
    assert not (tmp_path / "new").exists()


def test_a_quoted_token_is_taken_and_told(tmp_path: Path) -> None:
    done = init(tmp_path, token=b"'quoted'")
    assert (done.returncode, "begins or ends with a quote" in done.stderr) == (0, True)
    assert (tmp_path / "new" / "secrets" / "EVTMGMT_REALTIME__TOKEN").read_bytes() == b"'quoted'"


def test_a_person_is_asked_until_it_can_be_used(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    environment = {"PATH": "/usr/bin:/bin", "TERM": "dumb", "HOME": str(tmp_path)}
    process = subprocess.Popen([PROGRAM, "init"], cwd=tmp_path, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen = ""

    def answer(question: str, text: str) -> None:
        nonlocal seen
        while question not in seen:
            assert select.select([ours], [], [], PATIENCE)[0], seen
            seen += os.read(ours, 4_096).decode()
        seen = seen.partition(question)[2]
        os.write(ours, f"{text}\n".encode())

    try:
        answer("Event management > Web applications.\r\nEndpoint: ", "https://contoso.svc.dynamics.com/EvtMgmt/api/v2.0/")
        answer("the old outbound one", "")
        answer("Endpoint: ", ENDPOINT)
        answer("Token (not shown): ", "the-t0ken")
        answer("Origin registered with the token: ", ORIGIN)
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        os.close(ours)
    assert "the-t0ken" not in seen
    assert (tmp_path / "secrets" / "EVTMGMT_REALTIME__TOKEN").read_text() == "the-t0ken"
