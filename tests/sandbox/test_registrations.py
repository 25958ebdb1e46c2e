import pytest

from sandbox.organisation import Organisation
from sandbox.registrations import Desk
from sandbox.validation import RefusedError
from tests.sandbox.conftest import attendee, attendees


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(clock: Clock) -> Desk:
    return Desk(Organisation("realtime", token="t", origin="http://o", org_id="x", clock=clock))


def test_counts_grow_when_the_background_gets_there(desk: Desk, clock: Clock) -> None:
    event = desk.organisation.events["Contoso_Open_Day"]
    before = event.registered
    desk.take_in(event, [attendee()], 0.5)
    desk.settle()
    assert event.registered == before
    clock.now = 0.5
    desk.settle()
    assert event.registered == before + 1


def test_only_force_processes_without_a_delay(desk: Desk, clock: Clock) -> None:
    desk.take_in(desk.organisation.events["Contoso_Open_Day"], [attendee()], None)
    clock.now = 1e9
    assert desk.settle() == 0
    assert desk.settle(force=True) == 1


def test_capacity_waitlist_and_moving_up(desk: Desk) -> None:
    gala, workshop = desk.organisation.events["Winter_Gala"], desk.organisation.events["Pottery_Workshop"]
    gala.registered = 39
    first, second, third = (desk.take_in(gala, [attendee(autoRegister=n == 2)], 0)[0] for n in range(3))
    rejected = desk.take_in(workshop, [attendee()], 0)[0]
    desk.settle()
    assert [first.state, second.state, third.state] == ["registered", "waitlisted", "waitlisted"]
    assert rejected.state == "rejected"
    desk.cancel(first)
    assert [first.state, second.state, third.state] == ["cancelled", "waitlisted", "registered"]
    assert gala.registered == 40


def test_validation_remembers_counts_for_a_while(desk: Desk, clock: Clock) -> None:
    event = desk.organisation.events["Pottery_Workshop"]
    event.registered = 7
    desk.validate(event, attendees(), cached=True)
    event.registered = 8
    desk.validate(event, attendees(), cached=True)
    clock.now = 600.0
    with pytest.raises(RefusedError):
        desk.validate(event, attendees(), cached=True)


def test_a_purchase_takes_people_in_once(desk: Desk) -> None:
    event = desk.organisation.events["Payment_Masterclass"]
    purchase = desk.open_purchase(event, [attendee(passId=event.passes[0]["passId"])])
    assert purchase.price == 75.5
    assert purchase.return_url == "http://o/"
    desk.pay(purchase, 0)
    desk.pay(purchase, 0)
    desk.settle()
    assert len(desk.registrations) == 1
    assert (event.passes[0]["numberOfPassesLeft"], event.passes[0]["numberOfPassesSold"]) == (29, 1)


def test_a_full_session_does_not_cost_the_seat(desk: Desk) -> None:
    event = desk.organisation.events["Agenda_Summit"]
    full, free = event.sessions[0]["id"], event.sessions[1]["id"]
    event.session_registered[full] = 25
    wanted = [{"sessionId": full}, {"sessionId": free}]
    registration = desk.take_in(event, [attendee(attendeeSessions=wanted)], 0)[0]
    desk.settle()
    assert registration.state == "registered"
    assert registration.sessions == [free]
    assert event.session_registered[full] == 25
