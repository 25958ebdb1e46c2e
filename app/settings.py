"""All settings: typed, validated, with words for each mistake.

Names are ``EVTMGMT_`` plus the path with ``__`` between the levels. docs/settings.md describes each; a test compares.
The groups are in ``app/setting_groups.py`` and in the packages of the parts that they belong to. Where values come from is
told by ``app/settings_sources.py``.
"""

from collections.abc import Iterator
from typing import Any, Literal, Self
from urllib.parse import unquote, urlsplit

from pydantic import Field, PrivateAttr, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from app.abuse.settings import ChallengeSettings, Rates
from app.archive.settings import ArchiveSettings
from app.bridge.settings import public_url
from app.caching.settings import CacheSettings
from app.cutover.settings import Admin, Cutover, Outbound, Rollback, Shadow, StateSettings
from app.cutover.state import Stage, Switch
from app.faults.settings import Faults
from app.hosting.settings import Reload
from app.outbox.settings import OutboxSettings
from app.setting_groups import AliasTable, Answers, Limits, Portal, Realtime, Scraping, Upstream
from app.setting_types import Group
from app.settings_sources import PREFIX, sources
from app.telemetry.settings import TelemetrySettings
from translation.messages import Messages

__all__ = ["AliasTable", "Answers", "GivenSettings", "Limits", "Portal", "Realtime", "Settings", "Upstream"]


class Settings(BaseSettings):
    """The whole configuration of one process."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        nested_model_default_partial_update=True,
    )

    _portal_name: str = PrivateAttr("")

    realtime: Realtime
    portal: Portal = Portal()
    upstream: Upstream = Upstream()
    faults: Faults = Faults()
    answers: Answers = Answers()
    cache: CacheSettings = CacheSettings()
    aliases: AliasTable = AliasTable()
    messages: dict[str, dict[str, str]] = Field({}, description="Visitors' sentences per language and error code.")
    limits: Limits = Limits()
    rates: Rates = Rates()
    challenge: ChallengeSettings = ChallengeSettings()
    outbound: Outbound | None = None
    cutover: Cutover = Cutover()
    shadow: Shadow = Shadow()
    rollback: Rollback = Rollback()
    admin: Admin = Admin()
    state: StateSettings = StateSettings()
    outbox: OutboxSettings = OutboxSettings()
    archive: ArchiveSettings = ArchiveSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    reload: Reload = Reload()
    portals: dict[str, dict[str, Any]] = Field({}, description="Several portals, each with what is its own. See docs/portals.md.")
    metrics: Scraping = Scraping()
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged.")

    @field_validator("log_level", mode="before")
    @classmethod
    def _level(cls, value: Any) -> Any:
        return value.strip().lower() if isinstance(value, str) else value

    @field_validator("messages")
    @classmethod
    def _messages(cls, value: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        Messages(value)  # raises what is wrong
        return value

    @model_validator(mode="after")
    def _outbound_where_needed(self) -> "Settings":
        switches = (*self.cutover.operations.values(), *self.cutover.events.values())
        if self.outbound is None and (self.cutover.stage is not Stage.REALTIME or Switch.OUTBOUND in switches):
            raise ValueError("the cutover needs EVTMGMT_OUTBOUND__ENDPOINT, __TOKEN and __ORIGIN in every stage but realtime")
        return self

    @model_validator(mode="after")
    def _archive_where_needed(self) -> "Settings":
        if self.archive.path is None and Switch.ARCHIVE in self.cutover.events.values():
            raise ValueError("an event is switched to the archive, and there is none: set EVTMGMT_ARCHIVE__PATH")
        return self

    @model_validator(mode="after")
    def _outbox_has_a_place(self) -> "Settings":
        if self.outbox.enabled and self.state.path is None:
            raise ValueError("the outbox needs a place that outlives the process: set EVTMGMT_STATE__PATH")
        return self

    @model_validator(mode="after")
    def _bridge_where_browsers_reach_it(self) -> "Settings":
        if self.answers.registration_form == "bridge" and self.bridge_base is None:
            raise ValueError(
                "EVTMGMT_ANSWERS__REGISTRATION_FORM=bridge needs EVTMGMT_PORTAL__PUBLIC_URL: how browsers reach the proxy, "
                "such as https://events-api.example.com"
            )
        return self

    @property
    def bridge_base(self) -> str | None:
        """What stands before the address of the bridge's script; empty where the proxy serves the portal itself."""
        if self.portal.public_url is not None:
            return self.portal.public_url
        if self.outbound is not None and self.outbound.public_url is not None:
            return public_url(self.outbound.public_url)
        return "" if self.portal.static_dir is not None else None

    @property
    def portal_name(self) -> str:
        """The portal's name in the table of portals; empty where there is none."""
        return self._portal_name

    def named(self, name: str) -> Self:
        """The same, as those of a portal of the table."""
        named = self.model_copy()
        named._portal_name = name
        return named

    @property
    def origins(self) -> frozenset[str]:
        """The origins that browsers may call from; the registered one when none is named."""
        return frozenset(self.portal.origins or (self.realtime.origin,))

    @property
    def secrets(self) -> tuple[str, ...]:
        """All values that must never be seen, of every secret setting; of an address its password as well."""
        found = [value.get_secret_value() for name in type(self).model_fields for value in _secrets(getattr(self, name))]
        found += self.outbox.keys  # each by itself as well
        # Only these are known to be addresses: a token is opaque, whatever it looks like.
        addresses = (self.upstream.proxy, self.state.redis_url)
        passwords = [urlsplit(address.get_secret_value()).password for address in addresses if address is not None]
        return (*found, *(form for password in passwords if password for form in (password, unquote(password))))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, environment, .env, secret files, settings file: the first that has a value wins."""
        return (init_settings, *sources(settings_cls))


def _secrets(value: Any) -> Iterator[SecretStr]:
    """The secrets in a setting, or in a group of them."""
    if isinstance(value, SecretStr):
        yield value
    elif isinstance(value, Group):
        for _, inner in value:
            yield from _secrets(inner)
    elif isinstance(value, (tuple, dict)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _secrets(inner)


class GivenSettings(Settings):
    """Settings from arguments alone: for the demo and for tests, which must not depend on the environment."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments only."""
        return (init_settings,)
