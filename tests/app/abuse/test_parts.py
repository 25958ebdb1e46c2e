"""Tests of app/abuse/parts.py: what settings make; the parts are tested in test_admission.py."""

from typing import Any

import pytest

from app.abuse.challenge import Challenge
from app.abuse.parts import build_addresses, build_admission
from app.metrics import Metrics
from app.settings import GivenSettings
from tests.app.abuse.test_settings import REALTIME

pytestmark = pytest.mark.anyio


def built(**groups: Any) -> tuple[Any, int]:
    settings = GivenSettings.model_validate({"realtime": REALTIME, **groups})
    admission, upstreams = build_admission(settings, build_addresses(settings), Metrics())
    return admission, len(upstreams)


async def test_by_default_there_is_no_challenge_no_token_and_no_connection() -> None:
    admission, connections = built()
    assert (admission._challenge, admission._tokens, admission._sights, connections) == (None, None, None, 0)
    assert admission._limits.counts_reads
    await admission.close()


async def test_a_provider_has_its_own_field_the_portals_hosts_and_a_connection() -> None:
    admission, connections = built(
        challenge={"provider": "recaptcha", "secret": "x"}, portal={"origins": "https://A.example:8443"}
    )
    challenge: Challenge = admission._challenge
    assert connections == 1
    assert challenge._field == "g-recaptcha-response"
    assert challenge._verifier is not None
    assert challenge._verifier._hostnames == {"a.example"}
    assert challenge._verifier._url == "https://www.google.com/recaptcha/api/siteverify"
    assert challenge.sights is None


async def test_a_field_is_looked_for_only_where_somebody_verifies_it() -> None:
    admission, _ = built(challenge={"honeypot": "trap", "field": "attendees"})
    assert admission._challenge._field is None


async def test_redis_is_taken_where_it_is_configured() -> None:
    admission, _ = built(state={"redis_url": "redis://127.0.0.1:1/0"})
    assert admission._limits._shared is not None
    await admission.close()
