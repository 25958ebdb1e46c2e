"""What stands on the disk: unreadable without the key, and told apart by digests."""

from dataclasses import replace

import pytest
from cryptography.fernet import Fernet

from app.outbox.sealing import Letter, SealError, Sealing
from tests.app.outbox.material import EVENT, KEY, SEALING, body, digests
from tests.examples import TRACEPARENT

LETTER = Letter(EVENT, body(firstName="Zoë «علي» 東"), "request-1")
OTHER = Fernet.generate_key().decode()


def test_what_is_sealed_is_unreadable_and_comes_out_as_it_went_in() -> None:
    sealed = SEALING.seal(LETTER)
    assert SEALING.open(sealed, EVENT) == LETTER
    assert not any(word in sealed for word in (b"example.com", b"Madeup", EVENT.encode()))
    assert SEALING.seal(LETTER) != sealed
    assert "example.com" not in repr(LETTER)


def test_a_key_is_changed_by_putting_the_new_one_first() -> None:
    old, new = SEALING.seal(LETTER), Sealing([OTHER, KEY])
    assert new.open(old, EVENT) == LETTER
    assert Sealing([OTHER]).open(new.seal(LETTER), EVENT) == LETTER
    with pytest.raises(SealError):
        Sealing([OTHER]).open(old, EVENT)
    assert set(new.digests(EVENT, LETTER.body).people) > set(SEALING.digests(EVENT, LETTER.body).people)


def test_contents_that_were_changed_or_moved_to_another_event_are_refused() -> None:
    sealed = SEALING.seal(LETTER)
    with pytest.raises(SealError):
        SEALING.open(sealed[:-8] + b"AAAAAAA=", EVENT)
    with pytest.raises(SealError):
        SEALING.open(sealed, "Family_Day")


def test_digests_tell_people_and_contents_apart() -> None:
    first = digests()
    assert digests(" NIA@Example.com ", firstName="nia ").people == first.people
    assert digests(event=EVENT.upper()) == first
    corrected = digests(passId="", autoRegister=True)
    assert (corrected.people == first.people, corrected.contents == first.contents) == (True, False)
    assert digests("ida@example.com").people != first.people
    assert digests(lastName="Other").people != first.people
    assert digests(event="Family_Day").people != first.people
    assert Sealing([OTHER]).digests(EVENT, body()).people != first.people


def test_attendees_without_an_address_are_told_apart_by_all_they_sent() -> None:
    assert digests("").people == digests("").people
    assert digests("").people != digests("", responses=[{"id": "q", "value": "a"}]).people


def test_the_trace_of_a_request_is_kept_where_there_is_one() -> None:
    traced = replace(LETTER, traceparent=TRACEPARENT)
    sealed = SEALING.seal(traced)
    assert SEALING.open(sealed, EVENT) == traced
    assert SEALING.open(SEALING.seal(LETTER), EVENT).traceparent is None
    assert TRACEPARENT.encode() not in sealed
