"""Tests of ``config``: every effective setting, secrets masked, and where each came from."""

from pathlib import Path

from app.settings import Settings
from app.settings_sources import known_names
from tests.app.cli.program import run

TOKEN = "s3cr3t Zt+9/q=="


def shown(folder: Path, **environment: str) -> dict[str, tuple[str, str]]:
    """Value and source by name; no secret is in the output."""
    done = run("config", folder=folder, **environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert "s3cr3t" not in done.stdout
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in done.stdout.splitlines() if line.startswith("│")]
    return {name: (value, source) for name, value, source in rows}


def test_config_shows_every_setting_with_its_source(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "EVTMGMT_REALTIME__TOKEN").write_text(TOKEN + "\n")
    (tmp_path / ".env").write_text("EVTMGMT_REALTIME__ORIGIN=https://portal.example.com\nEVTMGMT_LOG_LEVEL=debug\n")
    settings_file = tmp_path / "settings.toml"
    settings_file.write_text('log_level = "error"\n[upstream]\nread_timeout = 7\n[aliases.events]\n"Old [bold]" = "New"\n')
    table = shown(
        tmp_path,
        EVTMGMT_CONFIG_FILE=str(settings_file),
        EVTMGMT_REALTIME__ENDPOINT="http://127.0.0.1:9/api/v1.0/orgs/x/eventmanagement",
        EVTMGMT_PORTAL__ORIGINS="https://a.example.com,https://b.example.com",
        EVTMGMT_UPSTREAM__PROXY="http://user:s3cr3t@127.0.0.1:3128",
        EVTMGMT_ALIASES__EVENTS='{"A": "B"}',
    )
    assert list(table) == [name for name, _ in known_names(Settings)]
    assert table["EVTMGMT_REALTIME__ENDPOINT"] == ("http://127.0.0.1:9/api/v1.0/orgs/x/eventmanagement/", "environment")
    assert table["EVTMGMT_REALTIME__TOKEN"] == ("********", "secret file")
    assert table["EVTMGMT_REALTIME__ORIGIN"] == ("https://portal.example.com", ".env")
    assert table["EVTMGMT_LOG_LEVEL"] == ("debug", ".env")
    assert table["EVTMGMT_PORTAL__ORIGINS"] == ("https://a.example.com, https://b.example.com", "environment")
    assert table["EVTMGMT_UPSTREAM__PROXY"] == ("********", "environment")
    assert table["EVTMGMT_UPSTREAM__READ_TIMEOUT"] == ("7", "settings file")
    assert table["EVTMGMT_UPSTREAM__CA_FILE"] == ("-", "default")
    assert table["EVTMGMT_ANSWERS__REGISTRATION_FORM"] == ("null", "default")
    assert table["EVTMGMT_ALIASES__EVENTS"] == ("Old [bold] -> New, A -> B", "environment, settings file")
    assert table["EVTMGMT_ALIASES__PASSES"] == ("-", "default")
    assert table["EVTMGMT_MESSAGES"] == ("-", "default")
    assert table["EVTMGMT_OUTBOX__RETENTION"] == ("2592000", "default")
