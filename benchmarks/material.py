"""What is asked for and what is answered: ids, tokens, and bodies made of the sandbox's data.

The bodies are real-time answers as the sandbox gives them (CONTRACT 2, fields left out that are null), made longer by their
descriptions only: 8 KB for an event, 1 MB for a list of 500, as the figures to reach say. The translation so has all the
work that it has in life.
"""

from dataclasses import dataclass
from typing import Any, Final

import orjson

from sandbox.organisation import REALTIME, Organisation
from sandbox.realtime import RealtimeApi
from sandbox.registrations import Desk
from translation.shapes import BLANKS

OLD_BASE: Final = "/EvtMgmt/api/v2.0/"
NEW_BASE: Final = "/api/v1.0/orgs/5f1c2b7e-0000-4000-8000-00000000be9c/eventmanagement/"
ORIGIN: Final = "https://portal.invalid"
"""The portal's origin, registered with the server's token."""
CLIENT_TOKEN: Final = "the-old-token-of-the-portal"
SERVER_TOKEN: Final = "-".join(["token", *(f"{number:04x}" for number in range(0, 65_000, 2_500))])
"""Long and opaque like a real one, but of characters that need no quoting in five configuration languages."""

EVENT: Final = "Contoso_Ltd_Conference"
SPEAKER: Final = "5f1c2b7e-0000-4000-8000-0000000000c1"
LISTED: Final = 500
EVENT_BYTES: Final = 8_000
LISTED_BYTES: Final = 2_050
IMAGE_BYTES: Final = 200 * 10**6
PNG: Final = b"\x89PNG\r\n\x1a\n"

REGISTRATION: Final = orjson.dumps(
    {
        "attendees": [
            {
                "firstName": "Ann",
                "lastName": "Example",
                "email": "ann@example.com",
                "passId": "",
                "waitlisted": False,
                "autoRegister": False,
                "responses": [{"id": "jobtitle", "value": "Baker", "values": None}],
                "attendeeSessions": [],
            }
        ]
    }
)
ACCEPTED: Final = b'{"purchaseId":null}'
"""What the real-time API answers to an accepted registration: a success without a status (CONTRACT 2)."""


@dataclass(frozen=True, slots=True)
class Bodies:
    """The bodies of a run, as JSON bytes.

    Attributes:
        event: One event, as the upstream answers it.
        events: The list of 500.
        event_old: The same event in the old form.
        events_old: The same list in the old form.
    """

    event: bytes
    events: bytes
    event_old: bytes
    events_old: bytes


def make_bodies() -> Bodies:
    """The bodies, the same in every run."""
    organisation = Organisation(REALTIME, token=SERVER_TOKEN, origin=ORIGIN, org_id="any")
    api = RealtimeApi(organisation, Desk(organisation))
    event = _lengthened(api.shape_event(organisation.events[EVENT]), EVENT_BYTES)
    organisation.events.clear()
    organisation.add_bulk_events(LISTED)
    events = [_lengthened(api.shape_event(one), LISTED_BYTES) for one in organisation.events.values()]
    return Bodies(*map(orjson.dumps, (event, events, old_form(event), [old_form(one) for one in events])))


def old_form(event: dict[str, Any]) -> dict[str, Any]:
    """An event as old portals expect it: every field of CONTRACT 1.2 is there.

    Written again, on purpose: what the contestants answer is not compared with the product's own translation. The events of
    this module need no other repair.
    """
    whole: dict[str, Any] = {**BLANKS["Event"], **event}
    for name, shape in (("building", "Building"), ("room", "Room")):
        if whole[name] is not None:
            whole[name] = {**BLANKS[shape], **whole[name]}
    return whole


def _lengthened(event: dict[str, Any], size: int) -> dict[str, Any]:
    sentence = "<p>Talks in the morning, <b>workshops</b> in the afternoon, and time to meet.</p>"
    missing = size - len(orjson.dumps(event))
    return event | {"description": event["description"] + sentence * (missing // len(sentence) + 1)}
