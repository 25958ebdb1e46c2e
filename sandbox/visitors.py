"""People who use a portal: they look at events all the while and register now and then, and keep account of it.

Each makes the calls of an old portal's pages, one page after the other, as long as they are there.
"""

import itertools
import json
import random
from collections import Counter
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from threading import Condition, Event, Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit

_PAGES = ("", "/passes", "/sessions", "/speakers", "/sponsorships", "/tracks", "/registrations/count")
_QUESTIONS = ("passes", "custom-registration-fields")
_EVERY = 5
"""Each so many pages, somebody registers."""


_READING = 0.02
"""Seconds between two pages: quick readers."""


@dataclass(frozen=True, slots=True)
class Mishap:
    """A call that a page needed and that failed."""

    path: str
    status: int
    message: str


def event_path(event: str) -> str:
    """Where visitors ask for an event."""
    return f"events/{quote(event, safe='')}"


class Visitors:
    """Some people in threads of their own: `with Visitors(base, 8) as visitors`.

    Args:
        base: The address that the portal calls, with its slash at the end.
        number: How many people.
        header: The header that tells them apart.
        seed: What their choices are drawn from.

    Attributes:
        pages: Pages that were looked at.
        mishaps: Calls that failed.
        listed: The ids of the events that were listed last.
        answered: What was answered well until now, each path with the backend.
        registered: E-mail addresses that were told "Success", and the backend that said so.
        backends: Answers by backend.
    """

    def __init__(self, base: str, number: int, header: str = "X-Visitor", seed: int = 2026) -> None:
        parts = urlsplit(base)
        assert parts.hostname is not None
        self._address = parts.hostname, parts.port
        self._path = parts.path
        self._header = header
        self._seed = seed
        self._stop = Event()
        self._changed = Condition()
        self._names = itertools.count(1)
        self._threads = [Thread(target=self._visit, args=(person,), daemon=True) for person in range(number)]
        self.pages = 0
        self.mishaps: list[Mishap] = []
        self.listed: list[str] = []
        self.answered: set[tuple[str, str]] = set()
        self.registered: dict[str, str] = {}
        self.backends: Counter[str] = Counter()

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def look(self, pages: int, seconds: float = 60) -> Counter[str]:
        """Wait until so many more pages were looked at. Returns the answers since then by backend.

        Raises:
            TimeoutError: It takes longer than `seconds`.
        """
        with self._changed:
            before, wanted = self.backends.copy(), self.pages + pages
            if not self._changed.wait_for(lambda: self.pages >= wanted, seconds):
                raise TimeoutError(f"only {self.pages} pages of {wanted}")
            return self.backends - before

    def _visit(self, person: int) -> None:
        choices = random.Random(self._seed + person)
        while not self._stop.is_set():
            connection = HTTPConnection(*self._address, timeout=30)
            try:
                while not self._stop.wait(_READING):
                    self._page(connection, person, choices)
            except (OSError, HTTPException) as failure:
                self._note("", Mishap("(connection)", 0, type(failure).__name__))
            finally:
                connection.close()

    def _page(self, connection: HTTPConnection, person: int, choices: random.Random) -> None:
        listed = self._call(connection, person, "GET", "events/published")
        if not listed:
            return
        self.listed = [event["readableEventId"] for event in listed]
        event = choices.choice(listed)
        for part in _PAGES:
            self._call(connection, person, "GET", f"{event_path(event['readableEventId'])}{part}")
        hurdles = ("enableCaptcha", "isCapacityRestricted", "setRegistrationEndDate")
        free = event["allowAnonymousRegistrations"] and not any(event[hurdle] for hurdle in hurdles)
        with self._changed:
            self.pages += 1
            turn = self.pages % _EVERY == 0
            self._changed.notify_all()
        if turn and free:
            self._register(connection, person, event["readableEventId"])

    def _register(self, connection: HTTPConnection, person: int, event: str) -> None:
        path = event_path(event)
        if any(self._call(connection, person, "GET", f"{path}/{part}") != [] for part in _QUESTIONS):
            return  # it costs money, or asks what these people do not know
        email = f"visitor-{next(self._names)}@example.com"
        attendee = {
            "firstName": "Vera",
            "lastName": "Visitor",
            "email": email,
            "passId": "",
            "responses": [],
            "attendeeSessions": [],
        }
        result = self._call(connection, person, "POST", f"{path}/registrations", {"attendees": [attendee]})
        if isinstance(result, dict) and result.get("status") == "Success":
            with self._changed:
                self.registered[email] = result["backend"]

    def _call(self, connection: HTTPConnection, person: int, method: str, path: str, body: Any = None) -> Any:
        headers = {self._header: f"person {person}", "Content-Type": "application/json"}
        connection.request(method, f"{self._path}{path}", None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        content = answer.read()
        backend = answer.headers.get("X-EvtMgmt-Backend", "")
        value = json.loads(content)
        failed = answer.status >= 400 or (method == "POST" and value.get("status") != "Success")
        self._note(backend, Mishap(path, answer.status, str(value)[:200]) if failed else None)
        if failed:
            return None
        self.answered.add((path, backend))
        return value | {"backend": backend} if method == "POST" else value

    def _note(self, backend: str, mishap: Mishap | None) -> None:
        with self._changed:
            self.backends[backend] += 1
            if mishap is not None:
                self.mishaps.append(mishap)
