"""Settings of what keeps abuse away. docs/settings.md describes each; docs/abuse.md tells how to use them."""

import re
from enum import StrEnum
from typing import Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from app.abuse.rates import read_limit
from app.addresses import base_address
from app.setting_types import Group, Seconds, Words


class Provider(StrEnum):
    """Who checks whether a person asks."""

    TURNSTILE = "turnstile"
    RECAPTCHA = "recaptcha"
    HCAPTCHA = "hcaptcha"


class Rates(Group):
    """How often clients may ask. What is kept is given without being counted."""

    registrations_per_client: str = Field("60/minute", description="Registrations per client address. `off`: no limit.")
    registrations_per_event: str = Field("600/minute", description="Registrations per event, of all clients. `off`: no limit.")
    reads_per_client: str = Field("3000/minute", description="Everything else per client address. `off`: no limit.")

    @field_validator("registrations_per_client", "registrations_per_event", "reads_per_client")
    @classmethod
    def _limit(cls, value: str) -> str:
        read_limit(value)  # raises what is wrong
        return value


class ChallengeSettings(Group):
    """What a registration has to pass, in place of the lost captcha. Times are seconds."""

    honeypot: str | None = Field(None, description="Name of a field that people do not see, so that only programs fill it in.")
    minimum_age: float = Field(0, ge=0, le=300, description="Least time from a client's first read of an event to its form.")
    provider: Literal["turnstile", "recaptcha", "hcaptcha"] | None = Field(
        None, description="Whose answer is verified: `turnstile`, `recaptcha` or `hcaptcha`."
    )
    secret: SecretStr | None = Field(None, description="The secret key that the provider gave for the site.")
    field: str | None = Field(None, description="Where the answer stands in the body, with dots. Default: the provider's name.")
    header: str | None = Field(None, description="A header that may hold the answer instead.")
    hostnames: Words = Field((), description="Hosts of pages where it may be solved. Default: those of the portals. `*`: any.")
    minimum_score: float = Field(0.5, ge=0, le=1, description="Least score of reCAPTCHA v3.")
    url: str | None = Field(None, description="Address that verifies, if not the provider's own.")
    timeout: Seconds = Field(5, description="Longest wait for the provider.")
    when_unavailable: Literal["refuse", "admit"] = Field(
        "refuse", description="What becomes of a registration when the provider does not answer."
    )

    @field_validator("honeypot")
    @classmethod
    def _name(cls, value: str | None) -> str | None:
        if value is not None and not 1 <= len(value) <= 100:
            raise ValueError("must have 1 to 100 characters")
        return value

    @field_validator("field")
    @classmethod
    def _path(cls, value: str | None) -> str | None:
        if value is not None and (len(value) > 200 or not all(value.split("."))):
            raise ValueError("must be names parted by dots, such as hipObject.Solution")
        return value

    @field_validator("header")
    @classmethod
    def _header(cls, value: str | None) -> str | None:
        # Headers with underscores never get past the guard.
        if value is not None and not re.fullmatch(r"[A-Za-z0-9-]+", value):
            raise ValueError("must be the name of a header, of letters, digits and hyphens")
        return value

    @field_validator("hostnames")
    @classmethod
    def _hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if bad := [name for name in value if "/" in name or (":" in name and not name.startswith("["))]:
            raise ValueError(f"{bad[0]!r} is not a host name such as events.example.com")
        return tuple(name.lower() for name in value)

    @field_validator("url")
    @classmethod
    def _url(cls, value: str | None) -> str | None:
        return None if value is None else base_address(value, "the address")

    @field_validator("secret")
    @classmethod
    def _secret(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value():
            raise ValueError("the secret is empty")
        return value

    @model_validator(mode="after")
    def _together(self) -> "ChallengeSettings":
        if (self.provider is None) is not (self.secret is None):
            raise ValueError("EVTMGMT_CHALLENGE__PROVIDER and EVTMGMT_CHALLENGE__SECRET belong together")
        return self
