"""Settings that are valid and yet look like mistakes, for ``evtmgmt-proxy check``. docs/check.md lists the names."""

import re
from collections.abc import Collection, Iterator
from typing import Final
from urllib.parse import urlsplit

from app.addresses import is_loopback
from app.checkup.report import Smell
from app.settings import Settings

REALTIME_HOSTS: Final = ".mkt.dynamics.com"
"""How the host of a real-time endpoint ends (CONTRACT 2)."""

_MORE: Final = re.compile(r"^\W*(?:https?://|bearer\s|<.*>\W*$)|emApplicationtoken=", re.IGNORECASE)

SMELLS: Final = (
    "token_quoted",
    "token_with_more",
    "endpoint_host",
    "portal_origins_default",
    "origin_not_of_portal",
    "list_narrowed_to_nothing",
    "alias_to_unlisted_event",
)
"""The names of all that can be found."""


def settings_smells(settings: Settings) -> Iterator[Smell]:
    """What can be said without calling anybody. Never tells the token or a part of it."""
    yield from token_smells(settings.realtime.token.get_secret_value())
    host = urlsplit(settings.realtime.endpoint).hostname or ""
    if not host.endswith(REALTIME_HOSTS) and not is_loopback(host):
        yield Smell(
            "endpoint_host",
            f"The host in EVTMGMT_REALTIME__ENDPOINT does not end in {REALTIME_HOSTS}, as those of real-time journeys do. "
            "Compare it with Dynamics, unless this is a sovereign cloud or a gateway of your own.",
        )
    origins, registered = settings.portal.origins, settings.realtime.origin
    if not origins:
        yield Smell(
            "portal_origins_default",
            f"EVTMGMT_PORTAL__ORIGINS is not set: browsers may call from the registered origin only, {registered}",
        )
    elif registered not in origins:
        yield Smell(
            "origin_not_of_portal",
            f"EVTMGMT_REALTIME__ORIGIN ({registered}) is not among EVTMGMT_PORTAL__ORIGINS ({', '.join(origins)}). That is "
            "right when the portal has moved since the token was made; otherwise one of them is a slip.",
        )


def token_smells(token: str) -> Iterator[Smell]:
    """What of a token is hardly one. Never tells the token or a part of it.

    Args:
        token: As it would be sent.
    """
    if token != token.strip().strip("\"'"):
        yield Smell(
            "token_quoted",
            "EVTMGMT_REALTIME__TOKEN begins or ends with a quote or a blank, which is sent as part of it. Take it away unless "
            "the token in Dynamics has it.",
        )
    if _MORE.search(token):
        yield Smell(
            "token_with_more",
            "EVTMGMT_REALTIME__TOKEN is an address or a placeholder, or has `Bearer` or `emApplicationtoken=` in it. "
            "Write down the token alone.",
        )


def list_smells(settings: Settings, listed: Collection[str]) -> Iterator[Smell]:
    """What the list of events shows about the settings.

    Args:
        settings: The settings.
        listed: The readable ids of all listed events.
    """
    narrowed = [
        name
        for name, value in (
            ("EVTMGMT_REALTIME__WEBAPP_ID", settings.realtime.webapp_id),
            ("EVTMGMT_REALTIME__BUSINESS_UNIT_ID", settings.realtime.business_unit_id),
        )
        if value
    ]
    if narrowed and not listed:
        yield Smell(
            "list_narrowed_to_nothing",
            f"The list is empty and narrowed by {' and '.join(narrowed)}. Take it away and check again: if events appear, "
            "the id is another.",
        )
    unlisted = sorted({new for new in settings.aliases.events.values() if new not in listed})
    if unlisted:
        yield Smell(
            "alias_to_unlisted_event",
            f"[aliases.events] leads to events that are not listed: {', '.join(unlisted)}. They are not live and published, or "
            "are written another way.",
        )
