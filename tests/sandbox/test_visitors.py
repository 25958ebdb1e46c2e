"""The simulated visitors: what they look at, what they count, and that nothing that goes wrong escapes them."""

import pytest

from sandbox.visitors import Visitors
from tests.service import BASE, running_both


def test_they_look_and_register_and_keep_account() -> None:
    with running_both("outbound", log_level="error") as service:
        with Visitors(f"{service.url}{BASE}", 3) as visitors:
            answered = visitors.look(60)
        assert visitors.pages >= 60
        assert sum(answered.values()) >= 60 * 8
        assert set(visitors.backends) == {"outbound"}
        assert visitors.mishaps == []
        held = [entry["attendee"]["email"] for entry in service.sandbox.control.registrations()]
        assert sorted(held) == sorted(visitors.registered) != []
        assert {record.request.header("x-visitor") for record in service.sandbox.recorder.find()} == {None}


def test_they_tell_of_each_call_that_fails() -> None:
    with running_both("outbound", log_level="error") as service:
        service.sandbox.faults.add("status", status=500, operation="list_speakers", times=3)
        service.sandbox.faults.add("status", status=500, operation="register", times=1)
        with Visitors(f"{service.url}{BASE}", 1) as visitors:  # two could share one failed call
            visitors.look(60)
        failed = [(mishap.path.rpartition("/")[2], mishap.status) for mishap in visitors.mishaps]
        assert sorted(failed) == [("registrations", 500), *[("speakers", 500)] * 3]


def test_they_wait_no_longer_than_told() -> None:
    with Visitors("http://127.0.0.1:1/EvtMgmt/api/v2.0/", 1) as visitors, pytest.raises(TimeoutError, match="only 0 pages"):
        visitors.look(1, seconds=0.2)
