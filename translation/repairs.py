"""What is mended in events, sessions and speakers so that old portals do not break.

Each rule names the line of CONTRACT or PORTAL-FACTS that asks for it.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from translation.form_embed import Bridge, bridge_form
from translation.grammar import is_guid
from translation.shapes import BLANKS

NESTED: Final[dict[str, dict[str, str]]] = {
    "Event": {"building": "Building", "room": "Room"},
    "Session": {"building": "Building", "room": "Room", "speakers": "Speaker"},
    "Pass": {"sessions": "Session"},
    "Speaker": {"sessions": "Session"},
}
"""Fields that hold further shapes, one object or a list."""

_WITH_CUSTOM_FIELDS: Final = frozenset({"Event", "Pass"})
_IMAGE_PATH: Final = re.compile(r"speakers/([^/?#]+)/image(?:\?[^#]*)?", re.IGNORECASE)
_UNSAFE_MARKS: Final = " ()\"'\t\r\n"
_UNSAFE_IN_IMAGE: Final = {ord(mark): f"%{ord(mark):02X}" for mark in _UNSAFE_MARKS}


@dataclass(frozen=True, slots=True)
class Repairs:
    """What to mend and how.

    Attributes:
        keep_registration_form: Hand an event's ``registrationForm`` on; else it is null, so that the portal shows its own.
        bridge: Write ``registrationForm`` anew so that an old portal can show it; null where that cannot be done.
        keep_anonymous: Hand ``allowAnonymousRegistrations`` on; else it is true.
        captcha: Whether a captcha can be had; else ``enableCaptcha`` is false.
        upstream_hosts: Lower-case host names of the upstream, which must not be seen by visitors.
    """

    keep_registration_form: bool = False
    keep_anonymous: bool = False
    captcha: bool = False
    upstream_hosts: frozenset[str] = field(default_factory=frozenset)
    bridge: Bridge | None = None


AS_IT_IS: Final = Repairs(keep_registration_form=True, keep_anonymous=True, captcha=True)
"""For answers of the old API itself: only blanks and dates are filled."""


def repair_event(raw: Mapping[str, Any], repairs: Repairs, done: Counter[str]) -> dict[str, Any]:
    """One event in the old form.

    Args:
        raw: The event as upstream gave it.
        repairs: What to mend and how.
        done: Counts, by repair, what was mended that an operator should know.
    """
    event = repair_item(raw, "Event", repairs)
    # PORTAL-FACTS: a list ends at the card without startDate or endDate.
    _date(event, "startDate", ("startDateUTC", "endDate", "endDateUTC"), done)
    _date(event, "endDate", ("startDate",), done)
    _date(event, "endDateUTC", ("startDateUTC",), done)
    if not repairs.captcha:
        event["enableCaptcha"] = False
    if repairs.bridge is not None:
        event["registrationForm"] = _bridged(event, repairs.bridge, done)
    elif not repairs.keep_registration_form:
        event["registrationForm"] = None  # PORTAL-FACTS: a real-time embed spins for ever
    if not repairs.keep_anonymous:
        event["allowAnonymousRegistrations"] = True  # PORTAL-FACTS: without it the portal shows no form
    event["image"] = _event_image(event["image"], repairs)
    return event


def repair_item(raw: Mapping[str, Any], shape: str | None, repairs: Repairs) -> dict[str, Any]:
    """One object in the old form: missing fields are null (CONTRACT 1), unknown fields are kept, nested shapes as well."""
    if shape is None:
        return dict(raw)
    item: dict[str, Any] = BLANKS[shape] | raw  # type: ignore[operator]
    if shape in _WITH_CUSTOM_FIELDS and not isinstance(item["customFields"], dict):
        item["customFields"] = {}  # CONTRACT 1.2: portals read customFields.<name> and throw when it is missing
    if shape == "Speaker":
        item["imageUrl"] = _speaker_image(item, repairs)
    for name, nested in NESTED.get(shape, {}).items():
        value = item[name]
        if isinstance(value, dict):
            item[name] = repair_item(value, nested, repairs)
        elif isinstance(value, list):
            item[name] = [repair_item(part, nested, repairs) if isinstance(part, dict) else part for part in value]
    return item


def _date(event: dict[str, Any], name: str, substitutes: tuple[str, ...], done: Counter[str]) -> None:
    if isinstance(event[name], str) and event[name]:
        return
    event[name] = None
    for substitute in substitutes:
        value = event[substitute]
        if isinstance(value, str) and value:
            # Portals read a date without offset; one borrowed from a UTC field loses its mark.
            event[name] = value if name.endswith("UTC") else value.removesuffix("Z")
            done["event_date_filled"] += 1
            return


def _bridged(event: Mapping[str, Any], bridge: Bridge, done: Counter[str]) -> str | None:
    embed, identity = event["registrationForm"], event["readableEventId"]
    if embed is None or (isinstance(embed, str) and not embed.strip()):
        return None
    if not isinstance(embed, str):
        done["event_form_unknown"] += 1
        return None
    bridged = bridge_form(embed, identity if isinstance(identity, str) else None, bridge)
    if bridged.html is None:
        done["event_form_unknown"] += 1
    elif bridged.trimmed:
        done["event_form_trimmed"] += 1
    return bridged.html


def _speaker_image(speaker: Mapping[str, Any], repairs: Repairs) -> str | None:
    """The image relative to the base: the portal prints ``${apiEndpoint}${imageUrl}`` (CONTRACT 1.2, PORTAL-FACTS)."""
    url = speaker["imageUrl"]
    if not isinstance(url, str) or not url.strip():
        return None
    found = _IMAGE_PATH.search(url)
    if found and is_guid(found[1]):
        return f"speakers/{found[1]}/image"
    own = speaker["id"]
    return f"speakers/{own}/image" if isinstance(own, str) and is_guid(own) else None


def _event_image(image: Any, repairs: Repairs) -> Any:
    """PORTAL-FACTS: an absolute URL or data URI; parentheses or blanks in it drop the image."""
    if not isinstance(image, str) or not image.strip():
        return None if isinstance(image, str) else image
    image = image.strip()
    if image[:5].lower() != "data:":
        try:
            host = (urlsplit(image).hostname or "").lower()
        except ValueError:
            return None
        if host in repairs.upstream_hosts:
            return None
    # A search for eight characters costs a part of what a translation does, and images are long.
    return image.translate(_UNSAFE_IN_IMAGE) if any(map(image.__contains__, _UNSAFE_MARKS)) else image
