from sandbox.data.zones import ZONES, to_utc


def test_local_times_become_utc_with_summer_time() -> None:
    assert to_utc("2031-01-10T09:00:00", ZONES["Berlin"]) == "2031-01-10T08:00:00Z"
    assert to_utc("2031-07-10T09:00:00", ZONES["Berlin"]) == "2031-07-10T07:00:00Z"
    assert to_utc("2031-07-10T09:00:00", ZONES["Tokyo"]) == "2031-07-10T00:00:00Z"
