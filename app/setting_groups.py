"""The groups of settings that every portal has: its organisation, its portal, and how both are treated."""

import re
import ssl
from collections.abc import Callable, Iterable
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from app.abuse.addresses import Trusted
from app.addresses import base_address, origin_of
from app.bridge.settings import FORM_HOSTS, LOADER_HOSTS, Hosts, PublicUrl
from app.portal_files.settings import PortalFolder
from app.rates import read_rate
from app.setting_types import Bytes, Group, Seconds, Secrets, WebApplication, Words
from translation.grammar import is_event_id, is_guid

_REALTIME_PATH: Final = re.compile(r"(?:/[\w.~\-]+)*/orgs/[\w.~\-]+/eventmanagement", re.ASCII | re.IGNORECASE)
_OUTBOUND_HOST: Final = re.compile(r"\.svc(?:-[a-z0-9]+)?\.dynamics\.com$", re.ASCII)
_FROM: Final = "from Settings > Event management > Web applications in Dynamics"
_SHORTEST_TOKEN: Final = 8
_BEARER: Final = re.compile(r"[A-Za-z0-9._~+/-]{16,}=*")
"""What a bearer token may be (RFC 6750 2.1), and no shorter."""


def _must(fits: Callable[[str], bool], noun: str, values: Iterable[str]) -> None:
    """Raise ValueError with all values that are not what ``noun`` says."""
    bad = [repr(value) for value in values if not fits(value)]
    if bad:
        raise ValueError(f"{', '.join(bad)} {f'is not a {noun}' if len(bad) == 1 else f'are not {noun}s'}")


class Realtime(WebApplication):
    """The real-time organisation, as Dynamics shows it under Event management > Web applications."""

    endpoint: str = Field(description="The endpoint, pasted as Dynamics shows it.")
    token: SecretStr = Field(description="The web application's token. Taken as it is, whatever it holds.")
    origin: str = Field(description="The origin registered with the token.")
    webapp_id: str | None = Field(None, description="GUID of the web application: the list then shows only its events.")
    business_unit_id: str | None = Field(None, description="GUID of a business unit: the list then shows only its events.")

    @field_validator("endpoint")
    @classmethod
    def _endpoint(cls, value: str) -> str:
        address = base_address(value, "the endpoint").rstrip("/")
        parts = urlsplit(address)
        path = parts.path.lower()
        if "/evtmgmt/api/" in path + "/" or _OUTBOUND_HOST.search(parts.hostname or ""):
            raise ValueError(
                f"the endpoint is the old outbound one; copy the real-time one, which stands beside the token, {_FROM}"
            )
        if not _REALTIME_PATH.fullmatch(path) or {".", ".."} & set(path.split("/")):
            looks = "https://public-<geo>.mkt.dynamics.com/api/v1.0/orgs/<id>/eventmanagement/"
            raise ValueError(f"the endpoint must look like {looks}; copy it again, the whole of it, {_FROM}")
        return address + "/"

    @field_validator("webapp_id", "business_unit_id")
    @classmethod
    def _guid(cls, value: str | None) -> str | None:
        if value is not None and not is_guid(value):
            raise ValueError("must be a GUID such as 00000000-0000-0000-0000-000000000000")
        return value

    @property
    def configured(self) -> dict[str, str]:
        """Query parameters that the list of events is asked with, by lower-case name, as they travel (CONTRACT 2.1)."""
        given = (("webapp_id", "webappId"), ("business_unit_id", "businessUnitId"))
        return {spelled.lower(): f"{spelled}={value}" for name, spelled in given if (value := getattr(self, name))}


class Portal(Group):
    """The portals that call the proxy."""

    origins: Words = Field((), description="Origins of the portals, as JSON list or with commas. Default: the registered origin.")
    public_url: PublicUrl = Field(None, description="How browsers reach the proxy, such as https://events-api.example.com.")
    static_dir: PortalFolder = Field(None, description="Folder of the built portal, when the proxy shall serve it.")
    source_maps: bool = Field(False, description="Whether the portal's source maps are served as well.")
    client_tokens: Secrets = Field((), description="Tokens of which portals must send one. Default: none is demanded.")
    trusted_proxies: Words = Field((), description="Proxies whose X-Forwarded-For is believed: networks, or their number.")

    @field_validator("client_tokens")
    @classmethod
    def _client_tokens(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if any(len(token.get_secret_value()) < _SHORTEST_TOKEN for token in value):
            raise ValueError(f"a token must have at least {_SHORTEST_TOKEN} characters")
        return value

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _number(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value  # TOML has numbers

    @field_validator("trusted_proxies")
    @classmethod
    def _trusted_proxies(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        Trusted.read(value)  # raises what is wrong
        return value

    @field_validator("origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        origins: dict[str, None] = {}
        mistakes = []
        for number, origin in enumerate(value, 1):
            try:
                origins[origin_of(origin, f"origin {number}")] = None
            except ValueError as mistake:
                mistakes.append(str(mistake))
        if mistakes:
            raise ValueError("\n".join(mistakes))
        return tuple(origins)


class Upstream(Group):
    """How Dynamics is called. Times are seconds."""

    connect_timeout: Seconds = Field(5, description="Time to open a connection.")
    read_timeout: Seconds = Field(20, description="Longest silence while waiting for, or reading, an answer.")
    pool_timeout: Seconds = Field(5, description="Longest wait for a free connection.")
    total_timeout: Seconds = Field(30, description="Longest time for a whole call, images apart.")
    budget: str = Field("15/s", description="Calls per time to Dynamics that last, of all workers together. `off`: no bound.")
    budget_burst: int = Field(200, ge=1, le=100_000, description="Calls at once after a quiet time.")
    budget_wait: float = Field(2, ge=0, le=60, description="Longest wait of a read for its turn, when the budget is spent.")
    connections: int = Field(48, ge=1, le=10_000, description="Calls at once.")
    keep_alive: Seconds = Field(55, description="How long an idle connection is kept.")
    max_answer_bytes: Bytes = Field(16 * 2**20, description="Largest JSON answer, unpacked.")
    max_image_bytes: Bytes = Field(10 * 2**20, description="Largest image.")
    proxy: SecretStr | None = Field(
        None, description="An HTTP proxy to reach Dynamics through. HTTP_PROXY and the like are not read."
    )
    ca_file: str | None = Field(None, description="PEM file with further certificate authorities to trust.")

    @field_validator("budget")
    @classmethod
    def _budget(cls, value: str) -> str:
        read_rate(value)  # raises what is wrong
        return value

    @field_validator("proxy")
    @classmethod
    def _proxy(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        try:
            parts = urlsplit(value.get_secret_value())
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            raise ValueError("must be an address such as http://proxy.example.com:3128")
        return value

    @field_validator("ca_file")
    @classmethod
    def _ca_file(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=value)
            except ssl.SSLError:
                raise ValueError(f"{value} is not a PEM file with certificates") from None
            except OSError as refused:
                raise ValueError(f"{value} cannot be read: {refused.strerror}") from None
        return value


class Answers(Group):
    """How answers are mended for old portals."""

    registration_form: Literal["null", "keep", "bridge"] = Field(
        "null",
        description="`null`: portals show their own form. `keep`: the real-time form embed is handed on. "
        "`bridge`: it is written anew so that old portals can show it.",
    )
    form_loaders: Hosts = Field(LOADER_HOSTS, description="Hosts that the bridge may load the form loader from.")
    form_hosts: Hosts = Field(FORM_HOSTS, description="Hosts that the bridge may load forms from and send them to.")
    allow_anonymous_registrations: Literal["true", "keep"] = Field(
        "true", description="`true`: always answered as true, as the real-time API knows no other kind. `keep`: as Dynamics says."
    )
    allow_query: Words = Field((), description="Further query parameters that travel upstream.")

    @field_validator("allow_anonymous_registrations", "registration_form", mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        # TOML and JSON have true and null of their own.
        if value is True:
            return "true"
        if value is None:
            return "null"
        return value.strip().lower() if isinstance(value, str) else value

    @field_validator("allow_query")
    @classmethod
    def _lower(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(name.lower() == "emapplicationtoken" for name in value):
            raise ValueError("the client's token never travels upstream")
        return tuple(name.lower() for name in value)


class AliasTable(Group):
    """Ids changed by the migration: old id to new id. Best written in the settings file."""

    events: dict[str, str] = Field({}, description="Readable event ids.")
    sessions: dict[str, str] = Field({}, description="Session GUIDs.")
    passes: dict[str, str] = Field({}, description="Pass GUIDs.")
    fields: dict[str, str] = Field({}, description="Ids of custom registration fields.")

    @field_validator("events")
    @classmethod
    def _event_ids(cls, value: dict[str, str]) -> dict[str, str]:
        _must(is_event_id, "readable event id", (*value, *value.values()))
        return value

    @field_validator("sessions", "passes")
    @classmethod
    def _guids(cls, value: dict[str, str]) -> dict[str, str]:
        _must(is_guid, "GUID", (*value, *value.values()))
        return value

    @model_validator(mode="after")
    def _one_meaning(self) -> "AliasTable":
        for name in ("events", "sessions", "passes", "fields"):
            table: dict[str, str] = getattr(self, name)
            if len({old.casefold() for old in table}) < len(table):
                raise ValueError(f"{name} has the same old id twice in different letter case")
        return self


class Limits(Group):
    """Bounds that hold from the first byte. Times are seconds."""

    target_bytes: int = Field(8_192, ge=256, le=65_000, description="Longest path and query together.")
    header_count: int = Field(100, ge=10, le=1_000, description="Most headers of a request.")
    header_bytes: int = Field(32_768, ge=1_024, le=65_536, description="Largest headers of a request together.")
    body_bytes: int = Field(2**20, ge=1_024, le=64 * 2**20, description="Largest body of a request.")
    concurrency: int = Field(1_000, ge=1, le=100_000, description="Requests at once, per worker. More are refused at once.")
    registration_reserve: int = Field(
        100, ge=0, le=100_000, description="Registrations at once beyond `concurrency`, per worker."
    )
    connections: int = Field(10_000, ge=10, le=1_000_000, description="Clients' connections at once, per worker.")
    backlog: int = Field(2_048, ge=1, le=65_535, description="Connections that wait to be accepted.")
    header_timeout: Seconds = Field(10, description="Longest time for the headers of a request to arrive.")
    request_timeout: Seconds = Field(15, description="Longest time for the body of a request to arrive.")
    answer_timeout: Seconds = Field(120, description="Longest time for an image or a large answer to be taken by the client.")
    drain_delay: float = Field(
        0, ge=0, le=600, description="Time between SIGTERM, from which on `/readyz` says no, and the last new request."
    )
    shutdown_timeout: int = Field(20, ge=1, le=600, description="Longest wait for requests in flight when stopping.")
    keep_alive: int = Field(65, ge=1, le=3_600, description="How long an idle client connection is kept.")


class Scraping(Group):
    """Who may read the metrics."""

    token: SecretStr | None = Field(None, description="What who reads `/metrics` has to show as a bearer token.")

    @field_validator("token")
    @classmethod
    def _long(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _BEARER.fullmatch(value.get_secret_value()):
            raise ValueError("must be at least 16 of the letters, the digits and - . _ ~ + /, with = at its end if need be")
        return value
