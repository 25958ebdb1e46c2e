"""Tests that the systemd unit fits the program, and what systemd itself says of it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.settings import Settings
from app.settings_sources import CONFIG_FILE, SECRETS_DIR
from tests.deploying import DEPLOY, NAMES, SECRETS, longest_stop, names_in, parse, settings_of

UNIT = DEPLOY / "systemd" / "evtmgmt-proxy.service"
TEXT = UNIT.read_text(encoding="utf-8")
LINES = [line.partition("=")[::2] for line in TEXT.splitlines() if "=" in line and not line.startswith("#")]


def said(name: str) -> list[str]:
    return [value for key, value in LINES if key == name]


def test_names_of_settings_exist_and_each_credential_is_a_secret() -> None:
    assert names_in(TEXT) <= NAMES
    credentials = re.findall(r"^#?LoadCredential=(\w+):(\S+)$", TEXT, re.MULTILINE)
    assert [name for name, _ in credentials] == [Path(path).name for _, path in credentials]
    assert {name for name, _ in credentials} <= SECRETS
    assert not SECRETS & {value.partition("=")[0] for value in said("Environment")}


def test_its_settings_load_as_the_service_sees_them_and_it_has_time_to_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = dict(value.partition("=")[::2] for value in said("Environment"))
    assert environment[SECRETS_DIR] == "%d"
    assert environment["EVTMGMT_STATE__PATH"] == f"%S/{said('StateDirectory')[0]}"
    (tmp_path / "EVTMGMT_REALTIME__TOKEN").write_text("the token\n", encoding="utf-8")
    example = re.search(r"```toml\n(.*?)```", (DEPLOY.parent / "docs" / "systemd.md").read_text(encoding="utf-8"), re.DOTALL)
    assert example
    (tmp_path / "settings.toml").write_text(example[1], encoding="utf-8")
    environment |= {SECRETS_DIR: str(tmp_path), CONFIG_FILE: str(tmp_path / "settings.toml")}
    environment["EVTMGMT_STATE__PATH"] = str(tmp_path)
    settings: Settings = settings_of(environment, tmp_path, monkeypatch)
    assert settings.realtime.token.get_secret_value() == "the token"
    assert int(said("TimeoutStopSec")[0].removesuffix("s")) >= longest_stop(settings) + 10


def test_it_starts_the_program_and_hands_sighup_on() -> None:
    program, *words = said("ExecStart")[0].split()
    assert Path(program).name == "evtmgmt-proxy"
    assert parse(words)["host"] == "127.0.0.1"
    assert said("ExecReload") == ["/bin/kill -HUP $MAINPID"]
    assert said("RestartPreventExitStatus") == ["2"]  # settings that cannot be used


def test_systemd_understands_every_line_and_finds_little_exposed(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if not analyze:
        pytest.skip("systemd-analyze is not installed")
    unit = tmp_path / UNIT.name
    unit.write_text(re.sub(r"(?m)^ExecStart=\S+", f"ExecStart={sys.executable}", TEXT), encoding="utf-8")
    verified = subprocess.run([analyze, "verify", str(unit)], capture_output=True, text=True, timeout=60, check=False)
    # What it says of other units of the machine is none of our business.
    assert [line for line in verified.stderr.splitlines() if UNIT.name in line] == []
    judged = subprocess.run(
        [analyze, "security", "--offline=true", "--threshold=20", "--no-pager", str(unit)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert judged.returncode == 0, judged.stdout[-500:]
