"""Spellings that mean the same, and those that do not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.translation.strategies import JSON
from translation.sameness import blank, named, normal_html, same, same_image_path

LONDON, NEW_YORK = 85, 35
GUID = "3c1f1d0a-0000-4000-8000-000000000001"
OTHER = "3c1f1d0a-0000-4000-8000-000000000002"


@pytest.mark.parametrize("value", [None, "", " \r\n\t", [], {}, {"a": None}])
def test_blank(value: Any) -> None:
    assert blank(value)


@pytest.mark.parametrize("value", [0, 0.0, False, "x", [None], {"a": ""}])
def test_not_blank(value: Any) -> None:
    assert not blank(value)


@pytest.mark.parametrize(
    ("name", "left", "right"),
    [
        ("name", "One\r\ntwo ", " One\ntwo"),
        ("description", "<P>A&nbsp;&amp;&#32;B</P>\r\n<br/>", "<p>A\u00a0&amp; B</p><br>"),
        ("description", "<p>\n  one\n  two\n</p>\n\n<ul>\n<li>x</li></ul>", "<p>one two</p><ul><li>x</li></ul>"),
        ("description", "Fish &amp; chips", "Fish & chips"),
        ("new_text", "<p class='a' id=b>x</p>", '<p id="b" class="a">x</p>'),
        ("price", 75.5, "75.50"),
        ("price", 299, 299.0),
        ("price", "299.00", "299"),
        ("startDate", "2031-03-04T09:00:00", "2031-03-04T09:00:00.0000000"),
        ("startDate", "2031-03-04T09:00:00", "2031-03-04 09:00"),
        ("startDateUTC", "2031-03-04T14:00:00", "2031-03-04T14:00:00Z"),
        ("startDateUTC", "2031-03-04T14:00:00Z", "2031-03-04T14:00:00.000+00:00"),
        ("startDate", "2031-03-04T09:00:00", "2031-03-04T14:00:00Z"),
        ("startDate", "2031-03-04T09:00:00-05:00", "2031-03-04T09:00:00"),
        ("startDate", "2031-03-04T09:00:00-05:00", "2031-03-04T15:00:00+01:00"),
        ("maxCapacity", 2**70, 2**70),
    ],
)
def test_the_same(name: str, left: Any, right: Any) -> None:
    assert same(name, left, right, (NEW_YORK, NEW_YORK))
    assert same(name, right, left, (NEW_YORK, NEW_YORK))


@pytest.mark.parametrize(
    ("name", "left", "right"),
    [
        ("name", "One", "one"),
        ("eventName", "Fish &amp; chips", "Fish & chips"),  # a portal shows the entity in plain text
        ("description", "a <b>b</b>", "a<b>b</b>"),
        ("description", "&lt;b&gt;x", "<b>x"),
        ("description", "<p>x</p>", "<div>x</div>"),
        ("description", '<a href="/one">x</a>', '<a href="/two">x</a>'),
        ("postalCode", "00000", "0"),
        ("postalCode", "0100", "010"),
        ("price", "75.5", 75.51),
        ("price", "many", 1),
        ("flag", True, 1),
        ("flag", False, 0),
        ("flag", "true", True),
        ("startDate", "2031-03-04T09:00:00", "2031-03-04T09:00:00Z"),
        ("startDate", "2031-03-04T09:00:00", "2031-03-04T09:01:00"),
        ("startDateUTC", "2031-03-04T09:00:00", "2031-03-04T14:00:00Z"),
        ("startDate", "2031-03-04T09:00:00", "2031-99-04T09:00:00"),
        ("maxCapacity", 2**70, 2**70 + 1),
    ],
)
def test_not_the_same(name: str, left: Any, right: Any) -> None:
    assert not same(name, left, right, (NEW_YORK, NEW_YORK))
    assert not same(name, right, left, (NEW_YORK, NEW_YORK))


def test_a_local_time_is_in_the_zone_of_its_own_side_or_else_of_the_other() -> None:
    assert same("startDate", "2031-03-04T09:00:00", "2031-03-04T14:00:00Z", (NEW_YORK, LONDON))
    assert same("startDate", "2031-03-04T09:00:00", "2031-03-04T14:00:00Z", (None, NEW_YORK))
    assert not same("startDate", "2031-03-04T09:00:00", "2031-03-04T14:00:00Z", (LONDON, NEW_YORK))
    assert not same("startDate", "2031-03-04T09:00:00", "2031-03-04T14:00:00Z")


def test_very_long_texts_are_not_read_as_html() -> None:
    paragraph = "<p>x</p>" * 30_000
    assert same("description", paragraph, paragraph + "\r\n")
    assert not same("description", paragraph, paragraph.replace("<p>", "<P>"))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (f"speakers/{GUID}/image", f"https://org.invalid/EvtMgmt/api/v2.0/speakers/{GUID.upper()}/image"),
        (f"speakers/{GUID}/image", f"/speakers/{OTHER}/image"),  # each its own id
        ("https://one.invalid/ann.png", "//two.invalid/ann.png"),
    ],
)
def test_image_paths(left: str, right: str) -> None:
    assert same_image_path(left, right, (GUID, OTHER if OTHER in right else GUID))


def test_other_image_paths() -> None:
    assert not same_image_path(f"speakers/{GUID}/image", f"speakers/{OTHER}/image", (GUID, GUID))
    assert not same_image_path("ann.png", "ben.png", (None, None))
    assert not same_image_path("ann.png", None, (None, None))


def test_names() -> None:
    assert named(" Öpening\tKEYNOTE ") == named("öpening keynote") == "öpening keynote"
    assert named(None) == named(3) == ""


def test_html_in_one_spelling_keeps_text_and_markup_apart() -> None:
    assert normal_html("<b>") != normal_html("&lt;b&gt;")
    assert normal_html("x <i>y</i> z") != normal_html("x<i>y</i>z")
    assert normal_html("  <div> x </div>  ") == normal_html("<div>x</div>")


@given(st.sampled_from(["description", "startDate", "startDateUTC", "price", "imageUrl"]), JSON, JSON, st.tuples(JSON, JSON))
def test_nothing_raises(name: str, left: Any, right: Any, zones: tuple[Any, Any]) -> None:
    assert same(name, left, right, zones) == same(name, right, left, (zones[1], zones[0]))
    same_image_path(left, right, zones)
    blank(left)
    named(left)


@given(st.text(alphabet="<>&;=\"' \n/apx#1é", max_size=60))
def test_html_is_idempotent_in_what_it_forgives(text: str) -> None:
    assert same("description", text, f" {text}\r\n")
    assert same("description", text, text)


@given(st.sampled_from(["NaN", "Infinity"]) | st.text(max_size=20), st.floats() | st.integers(-(10**400), 10**400))
def test_numbers_as_text(text: str, number: float) -> None:
    same("price", text, number)
