"""Settings of the staged cutover. docs/settings.md describes each; docs/cutover.md tells how to use them."""

import re
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator

from app.addresses import base_address
from app.cutover.state import CutoverState, Stage, Switch
from app.setting_types import Group, Seconds, WebApplication, Words
from translation.comparison import Rules


class Outbound(WebApplication):
    """The old outbound-marketing API itself, while it still answers."""

    endpoint: str = Field(description="Its base address, as the portal's `apiEndpoint` was.")
    token: SecretStr = Field(description="The old web application's token.")
    origin: str = Field(description="The origin registered with that token.")
    public_url: str | None = Field(
        None,
        description="How browsers reach the proxy's old base. When set, the old base address in answers is replaced by it.",
    )

    @field_validator("endpoint")
    @classmethod
    def _endpoint(cls, value: str) -> str:
        address = base_address(value, "the endpoint").rstrip("/")
        path = urlsplit(address).path.lower()
        if not path.endswith(("/evtmgmt/api/v2.0", "/evtmgmt/api/v1.0")):
            raise ValueError("the endpoint must look like https://<alias>.svc.dynamics.com/EvtMgmt/api/v2.0/")
        return address + "/"

    @field_validator("public_url")
    @classmethod
    def _public_url(cls, value: str | None) -> str | None:
        return None if value is None else base_address(value, "the public address").rstrip("/") + "/"


class Cutover(Group):
    """Where the migration stands at the start. What was changed at runtime since then wins, where it is kept."""

    stage: Stage = Field(Stage.REALTIME, description="`outbound`, `shadow`, `split` or `realtime`.")
    percent: float = Field(100, ge=0, le=100, description="Visitors whose reads real-time serves in the stage `split`.")
    operations: dict[str, Switch] = Field({}, description="`outbound`, `realtime` or `off` by operation.")
    events: dict[str, Switch] = Field(
        {}, description="`outbound`, `realtime`, `archive` or `off` by readable event id or pattern."
    )
    sticky_header: str | None = Field(
        None, description="Header that tells visitors apart, such as X-Forwarded-For. Default: the address of the connection."
    )
    salt: str = Field("evtmgmt", description="What visitors are hashed with: another one draws other visitors.")
    page_memory: Seconds = Field(3_600, description="How long a registration goes where the event's page came from.")

    @field_validator("operations", "events")
    @classmethod
    def _usable(cls, value: dict[str, Switch], info: ValidationInfo) -> dict[str, Switch]:
        try:
            CutoverState.model_validate({info.field_name: value})
        except ValidationError as invalid:
            raise ValueError("\n".join(error["msg"].removeprefix("Value error, ") for error in invalid.errors())) from None
        return value

    @field_validator("sticky_header")
    @classmethod
    def _header(cls, value: str | None) -> str | None:
        # Headers with underscores never get past the guard.
        if value is not None and not re.fullmatch(r"[A-Za-z0-9-]+", value):
            raise ValueError("must be the name of a header, of letters, digits and hyphens")
        return value

    def state(self) -> CutoverState:
        """The state at the start."""
        return CutoverState(stage=self.stage, percent=self.percent, operations=self.operations, events=self.events)


class Shadow(Group):
    """How reads are sent to real-time as well, and compared. Times are seconds."""

    sample: float = Field(10, ge=0, le=100, description="Percent of the reads that are compared in the stage `shadow`.")
    noise: float = Field(10, ge=0, le=100, description="Percent of those for which outbound is compared with itself.")
    queue: int = Field(200, ge=1, le=10_000, description="Comparisons that may wait. More are dropped and counted.")
    connections: int = Field(4, ge=1, le=64, description="Calls at once.")
    timeout: Seconds = Field(10, description="Longest time of a call.")
    max_answer_bytes: int = Field(4 * 2**20, ge=1_024, le=2**26, description="Largest answer that is compared.")
    ignore: Words = Field((), description="Fields that are not compared, such as `list_events:[].description`.")

    @field_validator("ignore")
    @classmethod
    def _rules(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        Rules.of(value)  # raises what is wrong
        return value


class Rollback(Group):
    """When the watcher moves back to outbound by itself. Times are seconds."""

    enabled: bool = Field(True, description="Whether it does, where outbound is configured.")
    scope: Literal["operation", "stage"] = Field("operation", description="What is moved back: `operation` or `stage`.")
    window: Seconds = Field(60, description="How long back it looks.")
    minimum: int = Field(50, ge=10, le=100_000, description="Calls of real-time in the window before it judges.")
    error_percent: float = Field(5, gt=0, le=100, description="Failed calls, in percentage points above outbound's.")
    latency_factor: float = Field(3, gt=0, le=100, description="How many times outbound's 95th percentile is too slow.")
    latency_floor: Seconds = Field(1, description="Answers faster than this are never too slow.")


class Admin(Group):
    """Who may change the cutover while the proxy runs."""

    token: SecretStr | None = Field(None, description="Credential of the admin API and the console. Without it both are off.")

    @field_validator("token")
    @classmethod
    def _long(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 16:
            raise ValueError("must have at least 16 characters: it may be tried from the network")
        return value


class StateSettings(Group):
    """Where what changes at runtime is kept."""

    path: Path | None = Field(None, description="Directory for the state. Without it, changes are forgotten at the end.")
    redis_url: SecretStr | None = Field(None, description="Redis or Valkey that shares the cutover among replicas.")

    @field_validator("redis_url")
    @classmethod
    def _redis_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must be an address such as rediss://user:password@redis.example.com:6380/0")
        return value
