"""What the comparison knows of the old contract's shapes: how things are told apart, what is never compared, what is personal.

Sources: CONTRACT 1.2 (shapes), CONTRACT 2 (events have to be created anew, so GUIDs are new), ``translation/repairs.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from translation.shapes import BLANKS


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How things of one shape are compared.

    Attributes:
        identity: The field that tells them apart.
        title: Their name: what they are known by when ids are new.
        beside: What tells things of the same name apart, or None.
        aliases: The table of ``Aliases`` that leads from old ids to new ones, or None when there is none.
        parts: Fields that hold further things, and their kinds.
        never: Fields that are not compared, with the reason.
        known: The fields of the contract; empty when it does not say.
    """

    identity: str = "id"
    title: str = "name"
    beside: str | None = None
    aliases: str | None = None
    parts: Mapping[str, str] = field(default_factory=dict)
    never: Mapping[str, str] = field(default_factory=dict)
    known: frozenset[str] = frozenset()


_NEW_ID: Final = "created anew in real-time journeys under another GUID; no address that visitors keep holds it"
_COUNTED: Final = "changes with each registration, and each organisation counts its own"
_VISITORS: Final = "depends on the signed-in visitor, and real-time journeys have none"
_PLACES: Final = {"building": "Building", "room": "Room"}

KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "Event": Kind(
            identity="readableEventId",
            title="eventName",
            beside="startDate",
            aliases="events",
            parts=_PLACES,
            never={
                "eventId": _NEW_ID,
                "enableCaptcha": "answered false by design: real-time journeys have no captcha",
                "registrationForm": "another form by design: old portals cannot show the embed of the new one",
            },
            known=frozenset(BLANKS["Event"]),
        ),
        "Session": Kind(
            beside="startTime",
            aliases="sessions",
            parts={**_PLACES, "speakers": "Speaker"},
            never={"registrationCount": _COUNTED, "alreadyRegistered": _VISITORS, "userEligibleToRegister": _VISITORS},
            known=frozenset(BLANKS["Session"]),
        ),
        "Pass": Kind(
            identity="passId",
            title="passName",
            beside="price",
            aliases="passes",
            parts={"sessions": "Session"},
            never={"eventId": _NEW_ID, "numberOfPassesLeft": _COUNTED, "numberOfPassesSold": _COUNTED},
            known=frozenset(BLANKS["Pass"]),
        ),
        "CustomRegistrationField": Kind(
            identity="customRegistrationFieldId",
            title="text",
            beside="type",
            aliases="fields",
            known=frozenset(BLANKS["CustomRegistrationField"]),
        ),
        "SessionTrack": Kind(
            parts={"sessions": "Session"}, never={"id": _NEW_ID}, known=frozenset(BLANKS["SessionTrack"])
        ),
        "Speaker": Kind(
            beside="title", parts={"sessions": "Session"}, never={"id": _NEW_ID}, known=frozenset(BLANKS["Speaker"])
        ),
        "Sponsorship": Kind(
            title="sponsorName",
            beside="sponsorshipTopic",
            never={"id": _NEW_ID, "sponsorId": _NEW_ID},
            known=frozenset(BLANKS["Sponsorship"]),
        ),
        "Building": Kind(never={"id": _NEW_ID}, known=frozenset(BLANKS["Building"])),
        "Room": Kind(never={"id": _NEW_ID}, known=frozenset(BLANKS["Room"])),
    }
)  # fmt: skip
"""The kinds by the name of their shape."""

THING: Final = Kind()
"""A thing of which the contract says nothing."""

PERSONAL: Final = frozenset(
    {
        "blog", "contact", "email", "firstname", "lastname", "linkedin", "telephone1", "telephone2", "telephone3", "twitter",
        "wifipassword",
    }
)  # fmt: skip
"""Fields of the contract, in lower case, whose values are never shown. Speakers' names are public."""

_SOUNDS_PERSONAL: Final = (
    "account", "birth", "contact", "firstname", "fullname", "lastname", "mail", "mobile", "passport", "password", "phone",
    "secret", "surname", "token",
)  # fmt: skip
_CONTRACT: Final = frozenset(name.casefold() for kind in KINDS.values() for name in kind.known)
OTHERS: Final = "*"
"""Stands in a path for names that are not told: deep inside what the contract does not know, or no names for a path."""


def is_personal(path: str) -> bool:
    """Whether the values of a field must not be shown.

    It is a row of ``PERSONAL``, a field unknown to the contract that sounds like one, or a field whose name is not told.

    Args:
        path: The field's path, such as ``[].building.telephone1``.
    """
    parts = path.replace("[]", "").casefold().split(".")
    last = parts[-1]
    if last == OTHERS or not PERSONAL.isdisjoint(parts):
        return True
    return last not in _CONTRACT and any(word in last.replace("_", "") for word in _SOUNDS_PERSONAL)
