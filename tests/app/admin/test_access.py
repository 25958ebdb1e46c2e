"""Tests of app/admin/access.py: the whole way is tested with the routes; here is what a request may bear."""

from base64 import b64encode
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from app.admin.access import COOKIE, HOST_COOKIE, Access, end_session, set_session
from app.admin.attempts import Attempts
from app.admin.credentials import Credentials, Means
from app.admin.problems import AdminError, Kind
from tests.app.admin.rig import TOKEN
from tests.clock import Clock

CREDENTIALS = Credentials(TOKEN)


def request(scheme: str = "http", client: str = "192.0.2.1", **headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    scope: dict[str, Any] = {"type": "http", "scheme": scheme, "headers": raw, "client": (client, 1), "path": "/console"}
    return Request(scope)


def basic(text: bytes) -> str:
    return "Basic " + b64encode(text).decode()


@pytest.fixture
def access() -> Access:
    return Access(CREDENTIALS, Attempts(Clock()))


def test_bearer_basic_and_session_are_taken(access: Access) -> None:
    assert access.person(request(authorization=f"Bearer {TOKEN}")).means is Means.BEARER
    person = access.person(request(authorization=basic(f"Änn:{TOKEN}".encode())))
    assert (person.who, person.means) == ("Änn", Means.BASIC)
    cookie = f"{COOKIE}={CREDENTIALS.session('Bo')}"
    assert access.person(request(cookie=cookie)).who == "Bo"


def test_a_token_in_any_script_is_taken() -> None:
    token = "ein-schlüssel-für-alle-türen"
    access = Access(Credentials(token), Attempts(Clock()))
    assert access.person(request(authorization="Bearer " + token.encode().decode("latin-1")))
    assert access.person(request(authorization=basic(f"a:{token}".encode())))


@pytest.mark.parametrize(
    "said",
    ["Bearer", "Bearer ", "Bearer wrong", f"Bearer {TOKEN}x", "Basic", "Basic !!!", basic(b"no colon"), f"Digest {TOKEN}", TOKEN,
     basic(f"{TOKEN}:wrong".encode())],
)  # fmt: skip
def test_anything_else_is_refused_and_counted(access: Access, said: str) -> None:
    for _ in range(5):
        with pytest.raises(AdminError) as error:
            access.person(request(authorization=said))
        assert error.value.kind is Kind.NotSignedIn
        assert error.value.headers["WWW-Authenticate"].startswith("Bearer ")
    with pytest.raises(AdminError) as error:
        access.person(request(authorization=said))
    assert error.value.kind is Kind.TooManyAttempts


def test_whoever_says_nothing_is_not_counted(access: Access) -> None:
    for _ in range(20):
        with pytest.raises(AdminError):
            access.person(request())
    assert access.visitor(request()) is None
    assert access.person(request(authorization=f"Bearer {TOKEN}"))


def test_once_held_up_the_right_token_is_refused_too_but_a_session_goes_on(access: Access) -> None:
    for _ in range(5):
        with pytest.raises(AdminError):
            access.sign_in(request(), "wrong", "Ann")
    with pytest.raises(AdminError) as error:
        access.person(request(authorization=f"Bearer {TOKEN}"))
    assert int(error.value.headers["Retry-After"]) > 0
    assert access.person(request(cookie=f"{COOKIE}={CREDENTIALS.session('Bo')}"))
    assert access.person(request(client="192.0.2.2", authorization=f"Bearer {TOKEN}"))


@pytest.mark.parametrize(
    ("asked", "name", "secure"),
    [
        (request(), COOKIE, False),
        (request("https"), HOST_COOKIE, True),
        (request(x_forwarded_proto="https"), HOST_COOKIE, True),
        (request(x_forwarded_proto="HTTPS, http"), HOST_COOKIE, True),
        (request(x_forwarded_proto="http"), COOKIE, False),
    ],
)
def test_the_cookie_is_kept_from_scripts_and_other_sites(asked: Request, name: str, secure: bool) -> None:
    response = Response()
    set_session(asked, response, "value")
    cookie = response.headers["set-cookie"]
    assert cookie.startswith(f"{name}=value; ")
    flags = set(cookie.split("; ")[1:])
    assert flags == {"Path=/", "Max-Age=28800", "HttpOnly", "SameSite=Strict"} | ({"Secure"} if secure else set())


def test_a_plain_cookie_does_not_count_over_https(access: Access) -> None:
    cookie = f"{COOKIE}={CREDENTIALS.session('Bo')}"
    assert access.visitor(request("https", cookie=cookie)) is None


def test_sign_out_ends_the_cookie() -> None:
    response = Response()
    end_session(request(), response)
    assert response.headers["set-cookie"].startswith(f"{COOKIE}=; Path=/; Max-Age=0;")
