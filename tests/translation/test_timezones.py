"""translation/timezones.py: the table against CLDR and tzdata, and local times as UTC."""

from datetime import UTC, datetime, timedelta
from importlib import resources
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from translation.timezones import TIME_ZONES, UTC_INDEX, to_utc, zone

WITHOUT_CLDR_NAME = {13, 30, 75, 251, 256, 266}


@pytest.mark.parametrize("iana", sorted({row.iana for row in TIME_ZONES.values()}))
def test_every_zone_is_in_the_tzdata_package(iana: str) -> None:
    path = resources.files("tzdata").joinpath("zoneinfo", *iana.split("/"))
    with path.open("rb") as file:
        assert ZoneInfo.from_file(file, iana).utcoffset(datetime(2026, 1, 1)) is not None  # noqa: DTZ001
    assert ZoneInfo(iana).key == iana


@pytest.mark.parametrize("index", sorted(TIME_ZONES.keys() - WITHOUT_CLDR_NAME))
def test_a_zone_keeps_the_time_that_cldr_gives_its_windows_name(index: int) -> None:
    row = TIME_ZONES[index]
    ours, cldr = ZoneInfo(row.iana), ZoneInfo(WINDOWS_TO_OLSON[row.windows])
    for days in range(0, 15 * 365, 30):
        moment = datetime(2016, 1, 1, tzinfo=UTC) + timedelta(days=days)
        assert moment.astimezone(ours).utcoffset() == moment.astimezone(cldr).utcoffset()


def test_the_names_missing_from_cldr_are_the_ones_known() -> None:
    assert {index for index, row in TIME_ZONES.items() if row.windows not in WINDOWS_TO_OLSON} == WITHOUT_CLDR_NAME


# Rows of "Microsoft Time Zone Index Values", decimal.
@pytest.mark.parametrize(
    ("index", "name"),
    [
        (0, "Etc/GMT+12"),
        (2, "Pacific/Honolulu"),
        (4, "America/Los_Angeles"),
        (10, "America/Denver"),
        (20, "America/Chicago"),
        (35, "America/New_York"),
        (60, "America/St_Johns"),
        (85, "Europe/London"),
        (UTC_INDEX, "Etc/UTC"),
        (105, "Europe/Paris"),
        (110, "Europe/Berlin"),
        (145, "Europe/Moscow"),
        (190, "Asia/Kolkata"),
        (193, "Asia/Kathmandu"),
        (235, "Asia/Tokyo"),
        (255, "Australia/Sydney"),
        (290, "Pacific/Auckland"),
        (300, "Pacific/Tongatapu"),
    ],
)
def test_known_indexes(index: int, name: str) -> None:
    assert str(zone(index)) == name


@pytest.mark.parametrize("index", ["110", " 110 ", 110.0, "110.0"])
def test_an_index_in_another_form(index: object) -> None:
    assert str(zone(index)) == "Europe/Berlin"


@pytest.mark.parametrize(
    "index",
    [None, "", "Berlin", -1, 14, 303, 99999, "1e2", "١١٠", True, False, 110.5, float("nan"), float("inf"), [110], {}],
)
def test_what_is_no_index(index: object) -> None:
    assert zone(index) is None


@pytest.mark.parametrize(
    ("local", "index", "expected"),
    [
        ("2017-08-10T08:00:00", 110, "2017-08-10T06:00:00"),
        ("2017-01-10T08:00:00", "110", "2017-01-10T07:00:00"),
        ("2017-08-10T08:00:00", 190, "2017-08-10T02:30:00"),
        ("2017-08-10T08:00:00", UTC_INDEX, "2017-08-10T08:00:00"),
        ("2017-08-10T08:00:00Z", 110, "2017-08-10T08:00:00"),
        ("2017-08-10T08:00:00z", None, "2017-08-10T08:00:00"),
        ("2017-08-10T08:00:00+02:00", None, "2017-08-10T06:00:00"),
        ("2017-08-10T08:00:00-0500", 110, "2017-08-10T13:00:00"),
        ("2017-08-10T08:00:00.5000000", 110, "2017-08-10T06:00:00.500000"),
        ("2017-08-10T08:00", 110, "2017-08-10T06:00:00"),
        (" 2017-08-10 08:00:00 ", 110, "2017-08-10T06:00:00"),
        ("2017-08-10", 110, "2017-08-09T22:00:00"),
        # Skipped by the clock change of 26 March 2017: read with the offset before it.
        ("2017-03-26T02:30:00", 110, "2017-03-26T01:30:00"),
        # Twice on 29 October 2017: the first.
        ("2017-10-29T02:30:00", 110, "2017-10-29T00:30:00"),
        ("2017-11-05T01:30:00", 35, "2017-11-05T05:30:00"),
    ],
)
def test_a_time_as_utc(local: str, index: object, expected: str) -> None:
    moment = to_utc(local, index)
    assert moment == datetime.fromisoformat(expected).replace(tzinfo=UTC)
    assert moment is not None
    assert moment.tzinfo is UTC


@pytest.mark.parametrize(
    ("local", "index"),
    [
        ("2017-08-10T08:00:00", None),
        ("2017-08-10T08:00:00", 14),
        ("", 110),
        ("soon", 110),
        ("2017-13-01T08:00:00", 110),
        ("2017-02-29T08:00:00", 110),
        ("2017-08-10T25:00:00", 110),
        ("2017-08-10T08:00:00+99:99", 110),
        ("2017-W32-4", 110),
        ("20170810T080000", 110),
        ("2017-08-10T08:00:00 Europe/Berlin", 110),
        ("٢٠١٧-08-10T08:00:00", 110),
        ("0001-01-01T00:00:00", 110),
        ("0001-01-01T00:00:00Z", None),
        ("9999-12-31T23:59:59-12:00", None),
        ("2017-08-10T08:00:00\n2018-01-01", 110),
    ],
)
def test_what_is_no_time(local: str, index: object) -> None:
    assert to_utc(local, index) is None


@given(
    st.datetimes(min_value=datetime(1753, 1, 1), max_value=datetime(9998, 1, 1)),  # noqa: DTZ001
    st.sampled_from(sorted(TIME_ZONES)),
)
def test_every_time_in_every_zone_is_within_a_day_of_utc(local: datetime, index: int) -> None:
    moment = to_utc(local.isoformat(), index)
    assert moment is not None
    assert abs(moment.replace(tzinfo=None) - local) < timedelta(hours=24)


@given(st.text(max_size=40), st.one_of(st.none(), st.integers(), st.floats(), st.text(max_size=6)))
def test_no_text_raises(local: str, index: object) -> None:
    to_utc(local, index)
