"""Tests of app/admin/charts.py."""

from xml.etree.ElementTree import fromstring

import pytest

from app.admin.charts import HEIGHT, WIDTH, Column, bar, scale, stacked


@pytest.mark.parametrize(
    ("largest", "top"), [(0, 1), (1, 1), (7, 8), (9, 10), (10, 10), (11, 20), (218, 300), (999_999, 1_000_000)]
)
def test_the_scale_ends_at_a_round_number(largest: int, top: int) -> None:
    assert scale(largest) == top


def test_columns_are_stacked_to_scale() -> None:
    columns = [Column("10:00", {"a": 5, "b": 5}), Column("10:01", {"a": 0, "b": 10}), Column("10:02", {})]
    drawn = fromstring(stacked("x", "Calls", "Some <calls> & more", columns, ("a", "b")))
    bars = [each for each in drawn if each.tag == "rect"]
    assert [each.get("class") for each in bars] == ["series-a", "series-b", "series-b"]
    assert [float(each.get("height", 0)) for each in bars] == [HEIGHT / 2, HEIGHT / 2, HEIGHT]
    assert [float(each.get("y", 0)) for each in bars] == [HEIGHT / 2, 0, 0]
    assert all(0 <= float(each.get("x", 0)) < WIDTH for each in bars)
    assert drawn.find("desc").text == "Some <calls> & more"  # type: ignore[union-attr]
    assert drawn.get("aria-labelledby") == "x-title x-text"


def test_nothing_is_drawn_of_nothing() -> None:
    assert "<rect" not in stacked("x", "Calls", "None", [], ("a",))


def test_a_bar_is_parted() -> None:
    drawn = fromstring(bar([("a", 25.0), ("b", 75.0)]))
    assert [(each.get("class"), each.get("x"), each.get("width")) for each in drawn][1:] == [
        ("series-a", "0.00", "25.00"),
        ("series-b", "25.00", "75.00"),
    ]


def test_names_are_text_not_markup() -> None:
    assert "<script>" not in stacked("x", "<script>", "<script>", [Column("", {"<script>": 1})], ("<script>",))
    assert "<script>" not in bar([("<script>", 1.0)])
