"""Tests of app/abuse/parts.py: what settings make; the parts are tested in test_admission.py."""

from typing import Any

import pytest

from app.abuse.challenge import Challenge
from app.abuse.parts import build_addresses, build_admission
from app.hosting.life import Life
from app.metrics import Metrics
from app.settings import GivenSettings
from app.shared.parts import build_line
from tests.app.abuse.test_settings import REALTIME

pytestmark = pytest.mark.anyio


def built(before: Life | None = None, **groups: Any) -> tuple[Any, Life]:
    settings = GivenSettings.model_validate({"realtime": REALTIME, **groups})
    life = Life(before)
    return build_admission(settings, build_addresses(settings), Metrics(), life), life


async def test_by_default_there_is_no_challenge_no_token_and_no_connection() -> None:
    admission, life = built()
    assert (admission._challenge, admission._tokens, admission._sights) == (None, None, None)
    assert admission._limits.counts_reads
    assert list(life._parts) == ["rates"]


async def test_a_provider_has_its_own_field_the_portals_hosts_and_a_connection() -> None:
    admission, life = built(challenge={"provider": "recaptcha", "secret": "x"}, portal={"origins": "https://A.example:8443"})
    challenge: Challenge = admission._challenge
    assert list(life._parts) == ["rates", "upstream verifier"]
    assert challenge._field == "g-recaptcha-response"
    assert challenge._verifier is not None
    assert challenge._verifier._hostnames == {"a.example"}
    assert challenge._verifier._url == "https://www.google.com/recaptcha/api/siteverify"
    assert challenge.sights is None


async def test_a_field_is_looked_for_only_where_somebody_verifies_it() -> None:
    admission, _ = built(challenge={"honeypot": "trap", "field": "attendees"})
    assert admission._challenge._field is None


async def test_redis_is_taken_where_it_is_configured() -> None:
    settings = GivenSettings.model_validate({"realtime": REALTIME, "state": {"redis_url": "redis://127.0.0.1:1/0"}})
    life, metrics = Life(), Metrics()
    line = build_line(settings, metrics, life)
    admission: Any = build_admission(settings, build_addresses(settings), metrics, life, line)
    assert admission._limits._shared is not None
    assert built()[0]._limits._shared is None
    await life.close()


async def test_counts_outlive_a_change_of_settings_and_remembered_tokens_do_not() -> None:
    first, life = built(portal={"client_tokens": ["first-token"]}, challenge={"minimum_age": 3})
    second, _ = built(
        life, portal={"client_tokens": ["second-token"]}, challenge={"minimum_age": 3}, rates={"reads_per_client": "1/s"}
    )
    assert second._limits._windows is first._limits._windows
    assert second._sights is first._sights
    assert second._tokens is not first._tokens
