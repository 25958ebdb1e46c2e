"""Tests of app/abuse/settings.py, and of what the portal's group has of it."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.abuse.settings import ChallengeSettings, Rates
from app.setting_groups import Portal
from app.settings import GivenSettings

REALTIME = {
    "endpoint": "https://public-eur.mkt.dynamics.com/api/v1.0/orgs/1/eventmanagement/",
    "token": "t",
    "origin": "https://portal.example.com",
}


@pytest.mark.parametrize(
    ("group", "given", "sentence"),
    [
        (Rates, {"reads_per_client": "10"}, "must be a number per time"),
        (ChallengeSettings, {"provider": "turnstile"}, "belong together"),
        (ChallengeSettings, {"secret": "x"}, "belong together"),
        (ChallengeSettings, {"provider": "turnstile", "secret": ""}, "is empty"),
        (ChallengeSettings, {"provider": "other", "secret": "x"}, "'turnstile', 'recaptcha' or 'hcaptcha'"),
        (ChallengeSettings, {"field": "a..b"}, "parted by dots"),
        (ChallengeSettings, {"header": "X_Challenge"}, "name of a header"),
        (ChallengeSettings, {"hostnames": "https://x.example"}, "is not a host name"),
        (ChallengeSettings, {"honeypot": ""}, "1 to 100"),
        (ChallengeSettings, {"url": "http://verifier.example/"}, "must use https"),
        (Portal, {"client_tokens": "short"}, "at least 8 characters"),
        (Portal, {"trusted_proxies": "everybody"}, "is not a network"),
        (Portal, {"trusted_proxies": 0}, "must be 1 to 20"),
    ],
)
def test_mistakes_are_told(group: Any, given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError) as error:
        group.model_validate(given)
    assert sentence in str(error.value)


def test_numbers_lists_and_words_are_taken() -> None:
    assert Portal(trusted_proxies=1).trusted_proxies == ("1",)  # type: ignore[arg-type]
    assert Portal(trusted_proxies="10.0.0.0/8, fd00::/8").trusted_proxies == ("10.0.0.0/8", "fd00::/8")  # type: ignore[arg-type]
    portal = Portal(client_tokens='["a token, with a comma", "second-token"]')  # type: ignore[arg-type]
    assert [token.get_secret_value() for token in portal.client_tokens] == ["a token, with a comma", "second-token"]
    assert "comma" not in repr(portal)
    assert ChallengeSettings(hostnames="Events.Example.com, *").hostnames == ("events.example.com", "*")  # type: ignore[arg-type]


def test_client_tokens_and_the_secret_of_the_challenge_are_secrets() -> None:
    settings = GivenSettings.model_validate(
        {
            "realtime": REALTIME,
            "portal": {"client_tokens": ["first-token", "second-token"]},
            "challenge": {"provider": "hcaptcha", "secret": "of-the-site"},
        }
    )
    assert {"first-token", "second-token", "of-the-site"} <= set(settings.secrets)
    assert not any(secret in repr(settings) for secret in ("first-token", "of-the-site"))
