"""Tests of app/admin/views/overview.py."""

from app.admin.gauges import Gauges
from app.admin.views.overview import show_overview
from app.cutover.decision import Source
from app.cutover.traffic import Traffic
from tests.app.admin.rig import GAUGES, NOW, invented_traffic


def test_an_hour_without_calls() -> None:
    shown = show_overview(Traffic(lambda: NOW), Gauges())
    assert shown.shares is None
    assert shown.hit_percent is None
    assert shown.figures[Source.REALTIME].error_percent is None


def test_who_answered() -> None:
    traffic = Traffic(lambda: NOW)
    for backend, count in (("realtime", 1), ("outbound", 2), ("realtime+outbound", 1), ("none", 7)):
        for _ in range(count):
            traffic.answered(backend, "list_events", 200)
    shown = show_overview(traffic, GAUGES)
    assert shown.shares == {"realtime": 25.0, "both": 25.0, "outbound": 50.0}
    assert shown.minutes[-1].answers == {"realtime": 1, "both": 1, "outbound": 2}
    assert shown.hit_percent is not None
    assert round(shown.hit_percent, 1) == 89.7


def test_recent_calls_of_all_operations_are_added_up() -> None:
    shown = show_overview(invented_traffic(), GAUGES)
    realtime = shown.figures[Source.REALTIME]
    window = invented_traffic().window(300)
    assert realtime.calls == sum(tally.calls for (_, name), tally in window.items() if name == "realtime")
    assert realtime.p95 == max(tally.p95 or 0 for (_, name), tally in window.items() if name == "realtime")
    assert len(shown.minutes) in (60, 61)
