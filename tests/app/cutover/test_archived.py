"""What the archive has to do with a request, told without its file."""

from typing import Any

import pytest

from app.cutover.archived import Archived
from app.cutover.decision import Facts, Source
from app.cutover.places import Places
from translation.aliases import Aliases
from translation.operations import BY_NAME

THING = "0e3b2b6a-0000-4000-8000-00000000000a"
ALIASES = Aliases.of({"Annual_Forum": "Annual_Forum_2031"}, {}, {}, {})


class Held:
    def __init__(self, **events: str) -> None:
        self.events = events
        self.things = {THING: "old_fair"}


def archived(**more: Any) -> Archived:
    held = Held(old_fair="Old_Fair", annual_forum="Annual_Forum")
    return Archived(held, (Source.REALTIME,), **{"listed": True, "whole": True, **more})


def places(*names: str) -> Places:
    found = Places(ALIASES)
    found.learn(Source.REALTIME, "list_events", {}, [{"readableEventId": name} for name in names])
    return found


@pytest.mark.parametrize(
    ("operation", "asked", "source"),
    [
        ("get_event", ("Old_FAIR",), Source.ARCHIVE),
        ("get_event", ("Gala",), Source.REALTIME),
        ("get_event", ("Annual_Forum",), Source.REALTIME),
        ("get_event_qrcode", ("Old_Fair",), Source.REALTIME),
        ("get_speaker_image", (THING.upper(),), Source.ARCHIVE),
        ("get_speaker_image", (THING.replace("a", "b"),), Source.REALTIME),
        ("list_events", (), Source.REALTIME_AND_ARCHIVE),
        ("get_user", (), Source.REALTIME),
    ],
)
def test_who_answers_what_real_time_would_answer(operation: str, asked: tuple[str, ...], source: Source) -> None:
    assert archived().at_once(operation, asked, places("Gala")) is source


def test_nothing_is_sure_before_the_list_is_known() -> None:
    assert archived().at_once("get_event", ("Old_Fair",), Places(ALIASES)) is Source.REALTIME
    assert archived().at_once("get_event", ("Old_Fair",), places("old_FAIR")) is Source.REALTIME
    live = places("Gala")
    live.learn(Source.REALTIME, "list_speakers", {"event": "Gala"}, [{"id": THING}])
    assert archived().at_once("get_speaker_image", (THING,), live) is Source.REALTIME
    assert archived(listed=False).at_once("list_events", (), live) is Source.REALTIME


def test_whether_the_list_shows_any() -> None:
    assert archived().lists
    assert not archived(listed=False).lists
    assert not Archived(Held(), (Source.REALTIME,), listed=True, whole=True).lists


@pytest.mark.parametrize(
    ("thing", "known", "whole", "told"),
    [
        ("old_fair", ("Gala",), True, ("Old_Fair", False, True)),
        ("old_fair", ("OLD_FAIR",), True, ("Old_Fair", False, False)),
        ("old_fair", None, True, ("Old_Fair", False, False)),
        ("old_fair", ("Gala",), False, ("Old_Fair", False, False)),
        (THING.upper(), (), True, ("Old_Fair", False, True)),
        ("Annual_Forum", (), True, ("Annual_Forum", True, True)),
        ("Gala", ("Gala",), True, (None, False, False)),
    ],
)
def test_what_it_tells(thing: str, known: tuple[str, ...] | None, whole: bool, told: tuple[Any, ...]) -> None:
    live = Places(ALIASES) if known is None else places(*known)
    found = archived(whole=whole).told(Facts(BY_NAME["get_event"], thing), thing, live)
    assert (found.archived, found.recreated, found.gone) == told
