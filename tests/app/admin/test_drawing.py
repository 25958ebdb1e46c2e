"""Tests of app/admin/drawing.py."""

from app.admin.drawing import answers_chart
from app.admin.views.overview import Minute
from tests.app.admin.rig import NOW


def minutes(*counts: tuple[int, int, int]) -> list[Minute]:
    start = NOW - 60 * len(counts)
    names = ("realtime", "both", "outbound")
    return [Minute(start + 60 * number, dict(zip(names, each, strict=True))) for number, each in enumerate(counts)]


def test_nothing_answered_is_no_chart() -> None:
    assert answers_chart([]) is None
    assert answers_chart(minutes((0, 0, 0))) is None


def test_the_table_tells_what_the_chart_shows() -> None:
    drawn = answers_chart(minutes(*[(1, 2, 3)] * 60))
    assert drawn is not None
    assert len(drawn.rows) == 12
    assert drawn.rows[0] == ("15:00", [5, 10, 15])
    assert (drawn.top, drawn.half) == (6, 3.0)
    assert drawn.ticks == ["15:00", "15:15", "15:30", "15:45", "15:59"]
    assert "From 15:00 to 15:59 UTC: 60 by realtime, 120 by both, 180 by outbound." in drawn.svg
