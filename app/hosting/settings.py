"""Settings of the table of portals, and of how settings are read anew. docs/portals.md tells how to use them."""

import re
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from app.setting_types import Group, Seconds, Words, read_words

PORTALS: Final = "portals"
NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
SHORTEST_TOKEN: Final = 8
_LONGEST_NAME: Final = 40
_HOST: Final = re.compile(r"(?=.{1,253}$)[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]")
_SEGMENT: Final = re.compile(r"[A-Za-z0-9._~-]+")
OWN_ROOMS: Final = frozenset({"livez", "readyz", "metrics", "openapi.json", "docs", "admin", "console", PORTALS, "evtmgmt"})
"""First segments of paths that no prefix may begin with: they mean something already."""


def is_portal_name(name: str) -> bool:
    """Whether a portal may be called so: it becomes a part of settings' names, of directories, and a label."""
    return len(name) <= _LONGEST_NAME and NAME.fullmatch(name) is not None


def _secrets(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return (value,)
    return read_words(value)


class Selectors(Group):
    """What selects a portal: the place that a request is sent to, or the client token that it bears."""

    hosts: Words = Field((), description="Names of the host, as the portal calls it.")
    path_prefix: str | None = Field(None, description="What stands before the old base in the path.")
    client_tokens: Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_secrets)] = Field(
        (), description="The portal's old client tokens."
    )

    @field_validator("hosts")
    @classmethod
    def _hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        hosts = tuple(dict.fromkeys(host.lower().rstrip(".") for host in value))
        if bad := [repr(host) for host in hosts if not _HOST.fullmatch(host)]:
            raise ValueError(f"{', '.join(bad)}: must be the name of a host alone, such as events.example.com")
        return hosts

    @field_validator("path_prefix")
    @classmethod
    def _path_prefix(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = [part for part in value.split("/") if part]
        if not all(_SEGMENT.fullmatch(part) and part not in (".", "..") for part in parts):
            raise ValueError("must be a path such as /contoso, of letters, digits, and - . _ ~")
        if parts and parts[0].lower() in OWN_ROOMS:
            raise ValueError(f"/{parts[0]} means something already: choose another one")
        return "/" + "/".join(parts)

    @field_validator("client_tokens")
    @classmethod
    def _client_tokens(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if not all(len(token.get_secret_value()) >= SHORTEST_TOKEN for token in value):
            raise ValueError(f"a token has less than {SHORTEST_TOKEN} characters")
        return value

    @property
    def prefix(self) -> tuple[str, ...]:
        """The segments of the prefix, in lower case."""
        return tuple(part for part in (self.path_prefix or "").lower().split("/") if part)

    @property
    def places(self) -> tuple[tuple[str | None, tuple[str, ...]], ...]:
        """Host (None: any) and prefix of each place; none where only tokens select."""
        if not self.hosts and self.path_prefix is None:
            return ()
        return tuple((host, self.prefix) for host in self.hosts or (None,))


class Reload(Group):
    """How changed settings are taken up while the proxy runs. Times are seconds."""

    enabled: bool = Field(True, description="Whether files are watched. SIGHUP works in any case.")
    interval: Seconds = Field(5, description="Time between two looks at the files.")
    vault_interval: Seconds = Field(300, description="Time between two looks at the key vault.")
