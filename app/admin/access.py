"""Who asks: the admin token as Bearer, as the password of HTTP Basic, or a session in a cookie that sign-in has set."""

from base64 import b64decode
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from app.abuse.addresses import ClientAddresses
from app.admin.attempts import Attempts, client_of
from app.admin.credentials import SESSION_SECONDS, Credentials, Means, Person
from app.admin.problems import AdminError, Kind

COOKIE: Final = "evtmgmt-console"
HOST_COOKIE: Final = f"__Host-{COOKIE}"
"""Its name where the browser came over https: no other host and no plain connection can set it (RFC 6265bis, 4.1.3.2)."""


class Access:
    """Lets in, or does not.

    Args:
        credentials: Checks tokens and sessions.
        attempts: Counts failures; one for all pages of a process.
        addresses: Finds clients' addresses where proxies are trusted.
    """

    def __init__(
        self, credentials: Credentials, attempts: Attempts | None = None, addresses: ClientAddresses | None = None
    ) -> None:
        self.credentials = credentials
        self._attempts = attempts or Attempts()
        self._addresses = addresses

    def visitor(self, request: Request) -> Person | None:
        """Whose session the request bears, or who gives the token with it; None when it says nothing of the kind.

        Raises:
            AdminError: A wrong token was given, or too many were.
        """
        session = request.cookies.get(_cookie_name(request))
        person = self.credentials.of_session(session) if session else None
        said = request.headers.get("authorization")
        if person is not None or said is None:
            return person
        scheme, _, rest = said.partition(" ")
        given = rest.strip().encode("latin-1")
        who = ""
        means = Means.BEARER
        if scheme.lower() == "basic":
            means = Means.BASIC
            name, _, given = _decoded(given).partition(b":")
            who = name.decode("utf-8", "replace")
        elif scheme.lower() != "bearer":
            given = b""
        self._check(request, given)
        return Person(who, means, who)

    def person(self, request: Request) -> Person:
        """The same, where nobody else is let in.

        Raises:
            AdminError: Nothing, or something wrong, was given.
        """
        person = self.visitor(request)
        if person is None:
            raise AdminError(Kind.NotSignedIn)
        return person

    def sign_in(self, request: Request, token: str, who: str) -> str:
        """A new session for somebody who gave the token.

        Raises:
            AdminError: The token is wrong, or too many were.
        """
        self._check(request, token.strip().encode("utf-8", "replace"))
        return self.credentials.session(who)

    def _check(self, request: Request, given: bytes) -> None:
        client = self._client(request)
        wait = self._attempts.wait(client)
        if wait:
            # Refused unseen: else the right one would be found among many all the same.
            raise AdminError(Kind.TooManyAttempts, f"Try again in {wait} s.", {"Retry-After": str(wait)})
        if not self.credentials.admits(given):
            self._attempts.failed(client)
            raise AdminError(Kind.NotSignedIn)

    def _client(self, request: Request) -> str:
        if self._addresses is not None and self._addresses.trusted:
            return self._addresses.of(request.scope, request.headers.raw).key
        address = request.client.host if request.client is not None else ""
        return client_of(address, request.headers.get("x-forwarded-for"))


def set_session(request: Request, response: Response, session: str) -> None:
    """Have the browser keep a session."""
    _set_cookie(request, response, session, SESSION_SECONDS)


def end_session(request: Request, response: Response) -> None:
    """Have the browser forget its session."""
    _set_cookie(request, response, "", 0)


def _set_cookie(request: Request, response: Response, value: str, seconds: int) -> None:
    name = _cookie_name(request)
    secure = "; Secure" if name == HOST_COOKIE else ""
    cookie = f"{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
    response.headers.append("set-cookie", cookie)


def _cookie_name(request: Request) -> str:
    forwarded = request.headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower()
    return HOST_COOKIE if "https" in (request.scope["scheme"], forwarded) else COOKIE


def _decoded(given: bytes) -> bytes:
    try:
        return b64decode(given, validate=True)
    except ValueError:
        return b""
