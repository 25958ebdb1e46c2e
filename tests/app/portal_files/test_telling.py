"""What is told of the portal's folder at the start."""

from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.portal_files.telling import MAX_FILE_BYTES, old_endpoints, tell_of_the_portal
from app.rooms import SERVICE
from app.settings import GivenSettings

OLD = "https://contoso.svc.dynamics.com/EvtMgmt/api/v2.0/"


def settings(folder: Path | None) -> GivenSettings:
    endpoint = "https://public-eur.mkt.dynamics.invalid/api/v1.0/orgs/7/eventmanagement"
    realtime = {"endpoint": endpoint, "token": "t", "origin": "https://portal.invalid"}
    return GivenSettings.model_validate({"realtime": realtime, "portal": {"static_dir": folder}})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "index.html").write_text("<script src=main.js></script>")
    return tmp_path


def told(folder: Path | None) -> dict[str, Any]:
    with capture_logs() as lines:
        tell_of_the_portal(settings(folder), SERVICE)
    return {line["event"]: line for line in lines}


@pytest.mark.parametrize(
    "text",
    [
        OLD,
        OLD.replace("/", "\\/"),
        OLD.replace("/", "\\\\/"),
        OLD.upper(),
        "http://a-1.svc-tip.dynamics.com/EvtMgmt/api/v1.0/",
    ],
)
def test_an_old_endpoint_is_found_in_every_form(folder: Path, text: str) -> None:
    (folder / "assets").mkdir()
    (folder / "assets" / "main.js").write_text(f'e={{apiEndpoint:"{text}"}}')
    (folder / "main.css").write_text(text)
    line = told(folder)["portal_calls_the_old_endpoint"]
    assert (line["files"], line["count"]) == (["assets/main.js"], 1)
    assert "evtmgmt-proxy repoint" in line["hint"]


@pytest.mark.parametrize(
    "text", ["/EvtMgmt/api/v2.0/", "https://public-eur.mkt.dynamics.com/", "https://svc.dynamics.company.com/"]
)
def test_other_addresses_are_nothing_to_tell(folder: Path, text: str) -> None:
    (folder / "main.js").write_text(text)
    assert told(folder).keys() == {"portal_is_served"}


def test_much_is_not_read(folder: Path) -> None:
    (folder / "big.js").write_bytes(b" " * MAX_FILE_BYTES + OLD.encode())
    assert list(old_endpoints(folder)) == []


def test_names_that_the_proxy_answers_itself_are_told(folder: Path) -> None:
    for name in ("docs", "metrics", "assets"):
        (folder / name).mkdir()
    assert told(folder)["portal_files_hidden"]["names"] == ["docs", "metrics"]


def test_without_a_folder_nothing_is_told() -> None:
    assert told(None) == {}
