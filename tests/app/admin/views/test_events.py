"""Tests of app/admin/views/events.py."""

from app.admin.views.events import EventRow, show_events
from app.cutover.decision import Source
from app.cutover.places import Places
from app.cutover.state import CutoverState, Latch, Stage, Switch
from tests.app.admin.rig import SPLIT, Desk
from translation.aliases import NO_ALIASES


def rows(state: CutoverState = SPLIT) -> dict[str, EventRow]:
    return {row.event: row for row in show_events(state, Desk().places, both=True).events}


def test_each_event_stands_once_by_its_start() -> None:
    shown = rows()
    assert list(shown) == ["Autumn_Fair_2026", "Contoso_Ltd_Conference", "Winter_Gala", "Data_Day", "Spring_Launch"]
    assert shown["Autumn_Fair_2026"].old_event == "Herbstmesse_2026"
    assert shown["Autumn_Fair_2026"].listed == [Source.REALTIME, Source.OUTBOUND]
    assert shown["Data_Day"].old_event is None


def test_where_each_is_served_is_told_as_the_rules_decide() -> None:
    shown = rows()
    assert shown["Data_Day"].served == "real-time for 25 %"
    assert (shown["Winter_Gala"].served, shown["Winter_Gala"].why) == ("outbound", "only outbound publishes the event")
    assert shown["Spring_Launch"].served == "off"
    assert (shown["Autumn_Fair_2026"].served, shown["Autumn_Fair_2026"].switched_by) == ("realtime", "autumn_*")
    latched = SPLIT.model_copy(update={"latches": {"get_event": Latch(at=1, reason="x")}})
    assert rows(latched)["Data_Day"].served == "outbound"
    assert rows(CutoverState())["Winter_Gala"].served == "realtime"


def test_a_switch_by_the_old_name_counts() -> None:
    state = CutoverState(stage=Stage.SPLIT, events={"herbstmesse_2026": Switch.OFF})
    assert rows(state)["Autumn_Fair_2026"].switched_by == "herbstmesse_2026"
    assert rows(state)["Autumn_Fair_2026"].served == "off"
    assert not rows(state)["Autumn_Fair_2026"].by_pattern
    assert rows()["Autumn_Fair_2026"].by_pattern


class Held:
    """An archive with an event of the past, one that is still listed, and one under its old id."""

    events = {"old_fair": "Old_Fair", "data_day": "Data_Day", "herbstmesse_2026": "Herbstmesse_2026"}  # noqa: RUF012
    things: dict[str, str] = {}  # noqa: RUF012


def test_events_of_the_archive_are_shown_where_they_are() -> None:
    state = SPLIT.model_copy(update={"events": {"winter_gala": Switch.ARCHIVE}})
    table = show_events(state, Desk().places, Held(), both=True)
    shown = {row.event: row for row in table.events}
    assert (table.archived, len(shown)) == (3, 6)
    assert (shown["Old_Fair"].listed, shown["Old_Fair"].served) == ([Source.ARCHIVE], "archive")
    assert shown["Old_Fair"].why == "no organisation lists the event, and the archive holds it"
    assert shown["Data_Day"].listed == [Source.REALTIME, Source.OUTBOUND, Source.ARCHIVE]
    assert shown["Data_Day"].served == "real-time for 25 %"
    assert shown["Autumn_Fair_2026"].listed[-1] is Source.ARCHIVE
    assert shown["Winter_Gala"].served == "archive"
    assert show_events(state, Desk().places, both=True).archived is None


def test_lists_that_were_not_read_and_switches_without_events_are_told() -> None:
    state = CutoverState(events={"gone": Switch.OFF})
    shown = show_events(state, Places(NO_ALIASES), both=True)
    assert [each.seconds_ago for each in shown.lists] == [None, None]
    assert shown.unused_switches == {"gone": Switch.OFF}
    assert show_events(SPLIT, Desk().places, both=True).unused_switches == {}
    assert [each.backend for each in show_events(state, Places(NO_ALIASES), both=False).lists] == [Source.REALTIME]
