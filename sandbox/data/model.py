"""One event as an organisation stores it: its answer fields in the old shape, and what steers the simulation."""

from dataclasses import dataclass, field
from typing import Any

from sandbox.data.plans import Plan

Fields = dict[str, Any]


@dataclass(slots=True)
class Event:
    """An event with its parts. The dictionaries hold every field of CONTRACT 1.2, blank ones as None.

    Attributes:
        plan: What is particular to the event.
        readable_id: Readable event id in this organisation.
        fields: The event itself.
        session_tracks: Track ids by session id.
        registered: Attendees with a seat, processed ones only.
        session_registered: The same by session id.
    """

    plan: Plan
    readable_id: str
    fields: Fields
    passes: list[Fields] = field(default_factory=list)
    sessions: list[Fields] = field(default_factory=list)
    tracks: list[Fields] = field(default_factory=list)
    speakers: list[Fields] = field(default_factory=list)
    sponsorships: list[Fields] = field(default_factory=list)
    questions: list[Fields] = field(default_factory=list)
    session_tracks: dict[str, list[str]] = field(default_factory=dict)
    registered: int = 0
    session_registered: dict[str, int] = field(default_factory=dict)

    @property
    def capacity(self) -> int | None:
        """Seats, or None for an event without a limit."""
        return self.plan.capacity

    @property
    def has_waitlist(self) -> bool:
        """Whether people may queue for a seat."""
        return bool(self.fields["showWaitlist"])

    @property
    def listed(self) -> bool:
        """Whether the API shows the event at all: live and published (CONTRACT 2)."""
        return self.plan.live and self.plan.published

    def session(self, session_id: str) -> Fields | None:
        """Return the session with this GUID, if it belongs to the event."""
        return next((item for item in self.sessions if item["id"] == session_id.lower()), None)

    def event_pass(self, pass_id: str) -> Fields | None:
        """Return the pass with this GUID, if it belongs to the event."""
        return next((item for item in self.passes if item["passId"] == pass_id.lower()), None)

    def sessions_of(self, track_id: str) -> list[Fields]:
        """Return the sessions of a track (GUID in lower case)."""
        return [item for item in self.sessions if track_id in self.session_tracks.get(item["id"], ())]
