from typing import Any

import pytest

from sandbox.data.build import build_events
from sandbox.validation import RefusedError, Seats, read_attendees
from tests.sandbox.conftest import attendee, attendees

EVENTS = build_events("realtime")


def refused(event_id: str, body: Any) -> RefusedError:
    event = EVENTS[event_id]
    with pytest.raises(RefusedError) as caught:
        read_attendees(event, body, Seats.of(event))
    return caught.value


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"attendees": []},
        {"attendees": ["x"]},
        attendees(attendee(firstName=" ")),
        attendees(attendee(lastName=None)),
        attendees(attendee(email="no at sign")),
        attendees(attendee(passId="9d1d0b4e-0000-4000-8000-000000000000")),
        attendees(attendee(attendeeSessions=[{"sessionId": "x"}])),
        attendees(attendee(responses=[{"id": "unheard_of", "value": "x"}])),
        attendees(attendee(responses="x")),
        attendees(attendee(), attendee()),
    ],
)
def test_malformed_registrations_are_refused(body: Any) -> None:
    assert refused("Contoso_Open_Day", body).malformed


def test_several_attendees_where_the_event_allows_them() -> None:
    event = EVENTS["Family_Day"]
    assert len(read_attendees(event, attendees(attendee(), attendee()), Seats.of(event))) == 2


def test_required_answers() -> None:
    answers = [{"id": "jobtitle", "value": "Baker"}, {"id": "new_shirtsize", "value": "M"}]
    event = EVENTS["Survey_Seminar"]
    assert read_attendees(event, attendees(attendee(responses=answers)), Seats.of(event))
    assert "size of shirt" in refused("Survey_Seminar", attendees(attendee(responses=answers[:1]))).message


def test_room_and_time() -> None:
    assert not refused("Pottery_Workshop", attendees()).malformed
    assert not refused("Closed_Symposium", attendees()).malformed
    event = EVENTS["Winter_Gala"]
    assert read_attendees(event, attendees(), Seats.of(event)), "the waitlist is open"


def test_passes() -> None:
    passes = EVENTS["Contoso_Ltd_Conference"].passes
    event = EVENTS["Contoso_Ltd_Conference"]
    assert read_attendees(event, attendees(attendee(passId=passes[0]["passId"])), Seats.of(event))
    assert refused("Contoso_Ltd_Conference", attendees()).malformed
    assert not refused("Contoso_Ltd_Conference", attendees(attendee(passId=passes[2]["passId"]))).malformed
