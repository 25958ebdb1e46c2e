"""The assembly: settings in, a whole application out."""

import pytest

from app.configuration_error import ConfigurationError
from app.hosting.host import Host
from app.main import create_app
from app.settings import GivenSettings

ENDPOINT = "https://public-eur.mkt.dynamics.invalid/api/v1.0/orgs/7/eventmanagement"


def given() -> GivenSettings:
    return GivenSettings.model_validate({"realtime": {"endpoint": ENDPOINT, "token": "t", "origin": "https://portal.invalid"}})


def test_the_application_is_built_from_given_settings() -> None:
    host = create_app(given())
    assert isinstance(host, Host)
    assert host.limits == given().limits


def test_workers_read_the_settings_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("ENDPOINT", ENDPOINT), ("TOKEN", "t"), ("ORIGIN", "https://portal.invalid")):
        monkeypatch.setenv(f"EVTMGMT_REALTIME__{name}", value)
    monkeypatch.setenv("EVTMGMT_LIMITS__CONCURRENCY", "7")
    assert create_app().limits.concurrency == 7


def test_settings_that_cannot_be_used_stop_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EVTMGMT_REALTIME__TOKEN", raising=False)
    with pytest.raises(ConfigurationError):
        create_app()
