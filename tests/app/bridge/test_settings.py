"""How browsers reach the bridge, and what it may load."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from app.bridge.settings import FORM_HOSTS, LOADER_HOSTS, public_url
from app.settings import Answers, GivenSettings, Portal
from translation.form_embed import host_pattern


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("https://events-api.example.com", "https://events-api.example.com"),
        (" https://Events-API.example.com/ ", "https://events-api.example.com"),
        ("https://example.com/events/", "https://example.com/events"),
        ("https://example.com/EvtMgmt/api/v2.0/", "https://example.com"),
        ("https://example.com/a/evtmgmt/API/v1.0", "https://example.com/a"),
        ("http://localhost:8080", "http://localhost:8080"),
    ],
)
def test_the_public_address(given: str, address: str) -> None:
    assert public_url(given) == address
    assert Portal.model_validate({"public_url": given}).public_url == address


@pytest.mark.parametrize("given", ["example.com", "http://example.com", "https://example.com/?x", "https://u:p@example.com"])
def test_an_address_that_is_none(given: str) -> None:
    with pytest.raises(ValidationError, match="the public address"):
        Portal.model_validate({"public_url": given})


def test_the_hosts_are_patterns() -> None:
    for host in (*LOADER_HOSTS, *FORM_HOSTS):
        host_pattern(host)
    given = Answers.model_validate(
        {"form_loaders": "CDN.example.com, formui-*.mkt.dynamics.com", "form_hosts": ["127.0.0.1:9000"]}
    )
    assert given.form_loaders == ("cdn.example.com", "formui-*.mkt.dynamics.com")
    assert given.form_hosts == ("127.0.0.1:9000",)
    assert Answers().form_loaders == LOADER_HOSTS


def test_all_mistakes_are_told_together() -> None:
    with pytest.raises(ValidationError) as caught:
        Answers.model_validate({"form_loaders": ["*.com", "https://x.com"]})
    assert "'*.com': a star" in str(caught.value)
    assert "'https://x.com' is not a host" in str(caught.value)


REALTIME = {
    "endpoint": "https://public-eur.mkt.dynamics.invalid/api/v1.0/orgs/7/eventmanagement",
    "token": "t",
    "origin": "https://portal.invalid",
}
OUTBOUND = {"endpoint": "https://a.svc.dynamics.invalid/EvtMgmt/api/v2.0/", "token": "t", "origin": "https://portal.invalid"}
BRIDGE = {"realtime": REALTIME, "answers": {"registration_form": "Bridge"}}


def test_the_bridge_needs_to_be_reached(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="EVTMGMT_PORTAL__PUBLIC_URL"):
        GivenSettings.model_validate(BRIDGE)
    mine = {"portal": {"public_url": "https://mine.invalid"}}
    theirs = {"outbound": {**OUTBOUND, "public_url": "https://theirs.invalid/EvtMgmt/api/v2.0/"}}
    (tmp_path / "index.html").touch()
    same = {"portal": {"static_dir": tmp_path}}
    bases = [GivenSettings.model_validate(BRIDGE | groups).bridge_base for groups in (mine, theirs, mine | theirs, same)]
    assert bases == ["https://mine.invalid", "https://theirs.invalid", "https://mine.invalid", ""]
    with pytest.raises(ValidationError, match="EVTMGMT_PORTAL__PUBLIC_URL"):
        GivenSettings.model_validate(BRIDGE | {"outbound": OUTBOUND})
