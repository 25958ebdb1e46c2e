"""The form embed of a real-time event, taken apart and written anew for portals that know the old form loader only.

An embed is a placeholder and the script of a loader (Microsoft: "Extend Customer Insights - Journeys marketing forms using
code"). PORTAL-FACTS: an old portal spins for ever before it, and runs the first of several scripts only. So the portal gets a
placeholder with names of our own, which the new loader passes over, and one script: the bridge (``app/bridge/bridge.js``). No
byte of the embed is copied: the output is made of values that have their form, each escaped, so that an embed can bring in no
script and no handler.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from html.parser import HTMLParser
from typing import Final

from translation.grammar import is_event_id, is_guid

MAX_EMBED_LENGTH: Final = 20_000
MAX_ADDRESS_LENGTH: Final = 1_000
_ADDRESS: Final = re.compile(
    r"((?i:https?))://([A-Za-z0-9.-]{1,253})(?::([0-9]{1,5}))?((?:/[A-Za-z0-9\-._~%!$()*+,;=:]*)*)((?:\?[A-Za-z0-9\-._~%!$()*+,;=:/&]*)?)"
)
_LOCAL: Final = re.compile(r"localhost|127(?:\.[0-9]{1,3}){3}")
_LABEL: Final = r"[a-z0-9*](?:[a-z0-9*-]*[a-z0-9*])?"
_PATTERN: Final = re.compile(rf"({_LABEL}(?:\.{_LABEL})*)(?::([0-9]{{1,5}}))?")
_PORTS: Final = {"https": "443", "http": "80"}


def host_pattern(text: str) -> re.Pattern[str]:
    """What matches the hosts that addresses may have, small letters, with a port where it is not the usual one.

    Args:
        text: A host such as ``formui-*.mkt.dynamics.com``. A star stands for letters, digits and hyphens within one label. It
            must not stand in the last two, which anybody may register.

    Raises:
        ValueError: In words, what is wrong.
    """
    found = _PATTERN.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError(f"{text!r} is not a host such as formui-*.mkt.dynamics.com")
    labels = found[1].split(".")
    if "*" in text and (len(labels) < 3 or "*" in "".join(labels[-2:])):
        raise ValueError(f"{text!r}: a star must not stand in the last two parts of the name")
    # The same expression is read by browsers.
    return re.compile(found[0].replace(".", r"\.").replace("*", "[a-z0-9-]+"))


@dataclass(frozen=True, slots=True)
class Bridge:
    """Where the bridge is, and what it may load.

    Attributes:
        script: The address of its script, as browsers reach it.
        loaders: Hosts of form loaders.
        hosts: Hosts of forms, and of the API that takes what visitors enter.
    """

    script: str
    loaders: tuple[re.Pattern[str], ...]
    hosts: tuple[re.Pattern[str], ...]


@dataclass(frozen=True, slots=True)
class Bridged:
    """An embed written anew.

    Attributes:
        html: The placeholder and the script; None for an embed that is not understood.
        trimmed: Whether the embed had more than a placeholder and a loader. It is left out.
    """

    html: str | None
    trimmed: bool = False


@lru_cache(maxsize=512)
def bridge_form(embed: str, event_id: str | None, bridge: Bridge) -> Bridged:
    """Write an embed anew.

    Args:
        embed: The embed as Dynamics gave it.
        event_id: The readable id that Dynamics calls the event by; the embed's own wins.
        bridge: Where the bridge is, and what it may load.
    """
    if len(embed) > MAX_EMBED_LENGTH:
        return Bridged(None)
    reader = _Reader()
    reader.feed(embed)
    reader.close()
    if len(reader.placeholders) != 1:
        return Bridged(None)
    (found,) = reader.placeholders
    loaders = [address for script in reader.scripts if (address := _address(script, bridge.loaders)) is not None]
    form = found["data-form-id"].strip()
    api, content = (_address(found.get(name, ""), bridge.hosts) for name in ("data-form-api-url", "data-cached-form-url"))
    if len(set(loaders)) != 1 or not is_guid(form) or api is None or content is None:
        return Bridged(None)
    values = {"form": form.lower(), "api": api, "content": content, "loader": loaders[0]}
    event = found.get("data-readable-event-id", "").strip() or event_id or ""
    if is_event_id(event):
        values["event"] = event
    attributes = "".join(f' data-evtmgmt-{name}="{escape(value)}"' for name, value in values.items())
    html = f'<div{attributes}></div><script src="{escape(bridge.script)}"></script>'
    return Bridged(html, trimmed=len(reader.scripts) > len(loaders) or reader.others)


class _Reader(HTMLParser):
    """Collects placeholders and scripts, as tolerant of bad markup as a browser is."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.placeholders: list[dict[str, str]] = []
        self.scripts: list[str] = []
        self.others = False

    def handle_starttag(self, tag: str, attrs: Iterable[tuple[str, str | None]]) -> None:
        values: dict[str, str] = {}
        for name, value in attrs:
            values.setdefault(name, value or "")  # of doubled ones the first counts, as in browsers
        if tag == "script":
            self.scripts.append(values.get("src", ""))
        elif "data-form-id" in values:
            self.placeholders.append(values)
        elif tag not in ("div", "p", "br"):
            self.others = True


def _address(text: str, hosts: tuple[re.Pattern[str], ...]) -> str | None:
    """An address in one form when it is on one of the hosts, else None."""
    text = text.strip()
    found = _ADDRESS.fullmatch(f"https:{text}" if text.startswith("//") else text)
    if found is None or len(text) > MAX_ADDRESS_LENGTH:
        return None
    scheme, host, port, path, query = found[1].lower(), found[2].lower(), *found.group(3, 4, 5)
    if scheme == "http" and not _LOCAL.fullmatch(host):
        return None
    if port and port != _PORTS[scheme]:
        host = f"{host}:{port}"
    return f"{scheme}://{host}{path}{query}" if any(pattern.fullmatch(host) for pattern in hosts) else None
