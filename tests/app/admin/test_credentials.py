"""Tests of app/admin/credentials.py."""

from base64 import urlsafe_b64encode
from typing import Any

import orjson
import pytest

from app.admin import credentials as module
from app.admin.credentials import LONGEST_SESSION, SESSION_SECONDS, Credentials, Means, Person
from tests.app.admin.rig import TOKEN
from tests.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def credentials(clock: Clock) -> Credentials:
    return Credentials(TOKEN, clock)


def test_only_the_token_is_admitted(credentials: Credentials) -> None:
    assert credentials.admits(TOKEN.encode())
    for wrong in (b"", TOKEN.encode()[:-1], TOKEN.encode() + b"\0", TOKEN.upper().encode(), b"\xff" * 100):
        assert not credentials.admits(wrong)


def test_a_session_tells_who_and_ends(credentials: Credentials, clock: Clock) -> None:
    value = credentials.session("Änn <b>")
    person = credentials.of_session(value)
    assert person is not None
    assert (person.who, person.means) == ("Änn <b>", Means.SESSION)
    clock.go(SESSION_SECONDS - 1)
    assert credentials.of_session(value) is not None
    clock.go(1)
    assert credentials.of_session(value) is None


def test_no_character_of_a_session_may_be_another(credentials: Credentials) -> None:
    value = credentials.session("Ann")
    for place, character in enumerate(value):
        changed = value[:place] + ("A" if character != "A" else "B") + value[place + 1 :]
        assert credentials.of_session(changed) is None


def test_a_session_cannot_be_prolonged_or_made_up(credentials: Credentials) -> None:
    content = urlsafe_b64encode(orjson.dumps({"until": 9e12, "who": "Eve", "id": "x"})).decode()
    signature = credentials.session("Ann").rpartition(".")[2]
    own = Credentials("another-token-of-some-length").session("Eve")
    for value in ("", ".", "..", f"{content}.", f"{content}.{signature}", own, "é.é", "x" * 100_000, content):
        assert credentials.of_session(value) is None


def test_another_token_ends_all_sessions(credentials: Credentials, clock: Clock) -> None:
    value = credentials.session("Ann")
    assert Credentials(TOKEN, clock).of_session(value) is not None  # another worker
    assert Credentials(TOKEN + "!", clock).of_session(value) is None


def test_a_long_name_makes_no_session_that_is_refused(credentials: Credentials) -> None:
    value = credentials.session("\U0001f600" * 500)
    assert len(value) <= LONGEST_SESSION
    assert credentials.of_session(value) is not None


def test_form_tokens_are_those_of_one_session(credentials: Credentials) -> None:
    ann, bo = (credentials.of_session(credentials.session(who)) for who in ("Ann", "Ann"))
    assert ann is not None
    assert bo is not None
    token = credentials.form_token(ann)
    assert credentials.is_form_token(ann, token)
    assert not credentials.is_form_token(bo, token)
    for wrong in ("", token[:-1], "é", ann.seal):
        assert not credentials.is_form_token(ann, wrong)
    assert credentials.form_token(Person("Ann", Means.BASIC, "Ann")) != credentials.form_token(Person("Ann", Means.BEARER, "Ann"))


def test_a_session_is_no_form_token_and_the_other_way_round(credentials: Credentials) -> None:
    person = credentials.of_session(credentials.session("Ann"))
    assert person is not None
    assert credentials.of_session(f"{person.seal}.{credentials.form_token(person)}") is None


def test_everything_is_compared_in_constant_time(credentials: Credentials, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[Any, Any]] = []

    def watched(left: Any, right: Any) -> bool:
        compared.append((left, right))
        return bool(left == right)

    value = credentials.session("Ann")
    person = credentials.of_session(value)
    assert person is not None
    monkeypatch.setattr(module, "compare_digest", watched)
    credentials.admits(b"short")
    credentials.of_session(value)
    credentials.is_form_token(person, "short")
    assert len(compared) == 3
    # Digests have one length: the time does not tell that of the token either.
    assert len(compared[0][0]) == len(compared[0][1]) == 32
