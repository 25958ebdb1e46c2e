"""Settings of the outbox. docs/settings.md describes each; docs/outbox.md tells what it does. Times are seconds."""

from base64 import urlsafe_b64decode
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from app.rates import read_rate
from app.setting_types import Group

Days = Annotated[float, Field(ge=60, le=366 * 86_400)]


class OutboxSettings(Group):
    """Whether registrations are stored when Dynamics cannot be reached, and what becomes of them."""

    enabled: bool = Field(False, description="Whether they are.")
    key: SecretStr | None = Field(None, description="What they are encrypted with; several with commas while a key is changed.")
    max_age: Days = Field(86_400, description="How long a registration is tried, from its acceptance.")
    window: float = Field(600, ge=0, le=86_400, description="How long an identical one is the same, after it was delivered.")
    unknown_passes: Literal["refuse", "take"] = Field(
        "refuse", description="What becomes of registrations for events whose passes were never read: they may be paid ones."
    )
    max_entries: int = Field(10_000, ge=1, le=1_000_000, description="Most registrations that are kept.")
    max_bytes: int = Field(256 * 2**20, ge=2**16, le=2**36, description="Most bytes of all that are kept, encrypted.")
    rate: str = Field("5/s", description="Deliveries per time, of all workers together. `off`: no bound.")
    backoff_first: float = Field(2, ge=0.05, le=3_600, description="Wait after the first failed delivery; it doubles.")
    backoff_most: float = Field(60, ge=0.05, le=3_600, description="Longest wait after a failed delivery.")
    oldest_ready: Days = Field(900, description="Age of the oldest waiting one from which the readiness says `degraded`.")
    when_degraded: Literal["degrade", "fail"] = Field(
        "degrade", description="Whether `/readyz` then still answers 200 (`degrade`) or 503 (`fail`)."
    )
    retention: Days = Field(30 * 86_400, description="How long dead and parked ones are kept.")

    @field_validator("key")
    @classmethod
    def _usable(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            keys = _parted(value)
            if not keys:
                raise ValueError("the key is empty")
            for number, key in enumerate(keys, 1):
                if not _is_key(key):
                    raise ValueError(f"key {number} is none: make one with `evtmgmt-proxy outbox key`")
        return value

    @field_validator("rate")
    @classmethod
    def _rate(cls, value: str) -> str:
        read_rate(value)  # raises what is wrong
        return value

    @model_validator(mode="after")
    def _complete(self) -> "OutboxSettings":
        if self.enabled and self.key is None:
            raise ValueError("the outbox needs a key: set EVTMGMT_OUTBOX__KEY (make one with `evtmgmt-proxy outbox key`)")
        if self.backoff_most < self.backoff_first:
            raise ValueError("backoff_most is less than backoff_first")
        return self

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys, the one that encrypts first."""
        return () if self.key is None else _parted(self.key)


def _is_key(text: str) -> bool:
    """Whether it is a Fernet key: 32 bytes in URL-safe base64. Not tried out: the library takes a tenth of a second to load."""
    try:
        return len(urlsafe_b64decode(text.encode("ascii"))) == 32
    except ValueError:
        return False


def _parted(value: SecretStr) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.get_secret_value().split(",") if part.strip())
