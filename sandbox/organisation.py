"""One simulated Dynamics organisation: who may call it, what it holds, and how many requests Dataverse lets through."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from threading import RLock
from typing import Any

from sandbox.data.build import build_events
from sandbox.data.model import Event
from sandbox.data.plans import PLANS, bulk_plans

REALTIME, OUTBOUND = "realtime", "outbound"


@dataclass(slots=True)
class Behaviour:
    """What a test may turn on a running organisation.

    Attributes:
        quota_limit: Requests per window, then 429 (CONTRACT 2: 6,000 per 5 minutes).
        quota_window: Seconds.
        processing_delay: Seconds until the background processes a real-time registration; None: only when told.
        validation_cache: Seconds for which real-time registrations are judged by remembered counts (10 minutes).
        registration_answer: The real-time answer to an accepted registration; CONTRACT 2: a success without a status.
        return_url: Where the payment page leads; None: the registered origin.
        error_key: The field of a real-time error that holds the sentence.
    """

    quota_limit: int = 6000
    quota_window: float = 300.0
    processing_delay: float | None = 0.5
    validation_cache: float = 600.0
    registration_answer: Any = field(default_factory=lambda: {"purchaseId": None})
    return_url: str | None = None
    error_key: str = "Message"

    def change(self, values: dict[str, Any]) -> None:
        """Set several attributes. Raises: KeyError for a name that does not exist; nothing is set then."""
        unknown = set(values) - {item.name for item in fields(self)}
        if unknown:
            raise KeyError(", ".join(sorted(unknown)))
        for name, value in values.items():
            setattr(self, name, value)


class Organisation:
    """The state of one organisation. Hold `lock` while reading or changing several things at once.

    Args:
        backend: `realtime` or `outbound`.
        token: The web application token.
        origin: The origin registered with the token.
        org_id: The organisation's GUID, part of the real-time base.
        clock: Seconds that only grow; replaced in tests of time.
    """

    def __init__(
        self, backend: str, *, token: str, origin: str, org_id: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.backend = backend
        self.token = token
        self.origin = origin
        self.org_id = org_id
        self.clock = clock
        self.lock = RLock()
        self.base_url = ""
        self.behaviour = Behaviour()
        self.events: dict[str, Event] = {}
        self.checkins: list[dict[str, Any]] = []
        self._window_start = clock()
        self._window_used = 0
        self.reset()

    def reset(self) -> None:
        """Return to the generated data and the default behaviour."""
        with self.lock:
            # Only the real-time organisation works in the background (CONTRACT 2).
            self.behaviour = Behaviour(processing_delay=0.5 if self.backend == REALTIME else 0.0)
            self.events = build_events(self.backend)
            self.checkins = []
            self._window_used = 0

    @property
    def endpoint(self) -> str:
        """The base of the API with its trailing slash, as Dynamics shows it."""
        if self.backend == REALTIME:
            return f"{self.base_url}/api/v1.0/orgs/{self.org_id}/eventmanagement/"
        return f"{self.base_url}/EvtMgmt/api/v2.0/"

    def add_bulk_events(self, count: int) -> None:
        """Add `count` plain events, `Bulk_Event_0001` and so on."""
        with self.lock:
            self.events |= build_events(self.backend, bulk_plans(count))

    def recreate(self, readable_id: str) -> None:
        """Add an event that only the other organisation had, as its owner would create it anew.

        Raises:
            KeyError: There is no plan of that readable event id.
        """
        plan = {plan.readable_id: plan for plan in PLANS}[readable_id]
        with self.lock:
            self.events |= build_events(self.backend, (replace(plan, in_realtime=True, in_outbound=True),))

    def take_quota(self) -> int | None:
        """Count one request. Returns the seconds to wait when the window is spent, else None."""
        with self.lock:
            now = self.clock()
            if now - self._window_start >= self.behaviour.quota_window:
                self._window_start, self._window_used = now, 0
            self._window_used += 1
            if self._window_used <= self.behaviour.quota_limit:
                return None
            return max(1, math.ceil(self._window_start + self.behaviour.quota_window - now))

    def event_of_session(self, session_id: str) -> Event | None:
        """Return the listed event that a session (GUID in any letter case) belongs to."""
        return next((event for event in self.events.values() if event.listed and event.session(session_id)), None)

    def event_of_track(self, track_id: str) -> Event | None:
        """Return the listed event that a track (GUID in any letter case) belongs to."""
        wanted = track_id.lower()
        return next((e for e in self.events.values() if e.listed and any(track["id"] == wanted for track in e.tracks)), None)

    def has_part(self, kind: str, part_id: str) -> bool:
        """Whether a listed event has this part; `kind` is `speakers` or `sponsorships`."""
        wanted = part_id.lower()
        return any(item["id"] == wanted for event in self.events.values() if event.listed for item in getattr(event, kind))
