"""What an old portal calls on each page, and when 200 visitors open which: PORTAL-FACTS as data. Pure; no clock, no calls.

A page is a list of steps; the calls of a step go out at the same moment, the doubled ones as well, because each component of
the old portal asks for itself. Browsers' own caches are left out for JSON: the worst case for the proxy. Registrations are
left out too: these visitors look.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final
from urllib.parse import quote

LOOK: Final = 0.02
"""The pause before a tab is opened, as a part of the whole time."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One call of a page: a path under the old base. An image carries neither token nor Origin, and is not preflighted."""

    path: str
    image: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """An event as a visitor finds it in the answers.

    Attributes:
        name: The readable event id.
        tracks: GUIDs.
        portraits: Paths of the speakers' images, relative to the base.
        sponsorships: GUIDs.
    """

    name: str
    tracks: tuple[str, ...] = ()
    portraits: tuple[str, ...] = ()
    sponsorships: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """Its path under the base."""
        return f"events/{quote(self.name, safe='')}"


Step = tuple[Ask, ...]
Page = tuple[Step, ...]

_WHO: Final = Ask("users/authenticated")


def home() -> Page:
    """The list of events."""
    return ((_WHO, Ask("events/published")),)


def event_page(event: Event, tabs: Sequence[str] = ()) -> Page:
    """An event's page.

    Args:
        event: The event.
        tabs: Which tabs are opened, of ``sessions``, ``tracks``, ``speakers`` and ``passes``: each asks once more. In
            the tab of tracks the first track is looked at.
    """
    base = event.path
    first = (
        _WHO,
        *[Ask(base)] * 3,
        *[Ask(f"{base}/sessions")] * 2,
        *[Ask(f"{base}/passes")] * 2,
        *(Ask(f"{base}/{part}") for part in ("tracks", "speakers", "sponsorships")),
    )
    steps: list[Step] = [first, tuple(Ask(f"sponsorships/{one}/logo", image=True) for one in event.sponsorships)]
    for tab in tabs:
        steps.append((Ask(f"{base}/{tab}"),))
        if tab == "speakers":
            steps.append(tuple(Ask(portrait, image=True) for portrait in event.portraits))
        if tab == "tracks" and event.tracks:
            steps.append((Ask(f"tracks/{event.tracks[0]}/sessions"),))
    return tuple(step for step in steps if step)


def registration_page(event: Event) -> Page:
    """The form of a registration."""
    base = event.path
    return (
        (
            _WHO,
            *[Ask(base)] * 2,
            *[Ask(f"{base}/passes")] * 4,
            Ask(f"{base}/sessions"),
            *[Ask(f"{base}/registrations/count")] * 2,
            Ask(f"{base}/custom-registration-fields"),
        ),
    )


def visit(event: Event) -> tuple[Page, ...]:
    """The five pages of one visitor: the list, the event with its tabs, the form, the list again, the event again."""
    tabs = ("tracks", "speakers", "passes")
    return (home(), event_page(event, tabs), registration_page(event), home(), event_page(event))


@dataclass(frozen=True, slots=True)
class Visitor:
    """One visitor: which event, and the second at which each of the five pages is opened."""

    event: Event
    times: tuple[float, ...]


def schedule(events: Sequence[Event], visitors: int, seconds: float, seed: int = 2026) -> list[Visitor]:
    """Who opens what when: pages at random moments, as independent people do; the same at each run.

    Args:
        events: The first is looked at most, the second half as often, the third a third as often.
        visitors: How many.
        seconds: From the first page to the last.
        seed: Of the random numbers.
    """
    random = Random(seed)
    weights = [1 / rank for rank in range(1, len(events) + 1)]
    chosen = random.choices(events, weights, k=visitors)
    return [Visitor(event, tuple(sorted(random.uniform(0, seconds) for _ in range(5)))) for event in chosen]


def calls(pages: Iterable[Page]) -> Counter[Ask]:
    """How often each call is made on some pages."""
    return Counter(ask for page in pages for step in page for ask in step)
