"""Visitors, callers that leave, and a Dynamics that fails and recovers, in any order: what must hold after each step."""

import struct
from collections import Counter
from contextlib import ExitStack
from socket import AF_INET, SO_LINGER, SOCK_STREAM, SOL_SOCKET, socket

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.clock import Clock, running_at, until
from tests.hostile.case import BASE, EVENT, LIST, get, post
from tests.hostile.fault_case import CUT, OK
from tests.hostile.test_faults import read_one
from tests.service import Service

READS = tuple(BASE + b"events/" + EVENT.encode() + rest for rest in (b"", b"/sessions", b"/passes", b"/registrations/count"))
KINDS = (
    "close", "close_after", "close_mid_headers", "empty", "gzip", "gzip_lie", "hang", "html", "latency", "null", "redirect",
    "reset", "set_cookie", "status", "truncate", "truncate_chunked", "wrap", "wrong_json", "wrong_length",
)  # fmt: skip
"""Faults after which a success is a success: none of them says so of a registration that was not carried out."""
BODY = '{"attendees":[{"firstName":"Nia","lastName":"Madeup","email":"%s","passId":""}]}'


class Portal(RuleBasedStateMachine):
    """A proxy with a cache whose clock stands still until it is told to go on, and the sandbox."""

    @initialize()
    def begin(self) -> None:
        self.clock = CLOCK
        self.service = SERVICE[0]
        self.clock.go(200_000)  # nothing that was kept before is given any more
        self.service.sandbox.control.reset()
        self.acknowledged: set[str] = set()
        self.up = True

    @rule(path=st.sampled_from((LIST, *READS)))
    def read(self, path: bytes) -> None:
        told, _, _ = read_one(self.service.raw(get(path), timeout=30))
        assert told[0] in (200, 400, 404, 502, 503, 504), told
        assert told != CUT

    @rule()
    def register(self) -> None:
        email = next_visitor()
        told, _, body = read_one(self.service.raw(post((BODY % email).encode()), timeout=30))
        if told == OK:
            assert b'"status":"Success"' in body
            self.acknowledged.add(email)
        else:
            assert told[0] in (400, 404, 502, 503, 504), told

    @rule(path=st.sampled_from((LIST, *READS)), registers=st.booleans())
    def leave(self, path: bytes, registers: bool) -> None:
        """A caller that goes before the answer; whether its registration arrives is open, but not twice."""
        email = next_visitor() if registers else ""
        with socket(AF_INET, SOCK_STREAM) as connection:
            connection.connect(("127.0.0.1", self.service.port))
            connection.sendall(post((BODY % email).encode()) if registers else get(path))
            connection.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))

    @rule(
        kind=st.sampled_from(KINDS),
        operation=st.sampled_from((None, "list_events", "get_event", "register")),
        times=st.integers(1, 3),
        effect=st.booleans(),
        status=st.sampled_from((400, 404, 500, 502, 503)),
    )
    def fail(self, kind: str, operation: str | None, times: int, effect: bool, status: int) -> None:
        more = {"status": status} if kind == "status" else {}
        self.service.sandbox.faults.add(kind, operation=operation, times=times, effect=effect, seconds=0.05, **more)

    @rule()
    def recover(self) -> None:
        self.service.sandbox.faults.clear()

    @precondition(lambda self: self.up)
    @rule()
    def go_down(self) -> None:
        self.service.upstream.stop()
        self.up = False

    @precondition(lambda self: not self.up)
    @rule()
    def come_up(self) -> None:
        self.service.upstream.start()
        self.up = True

    @rule(seconds=st.sampled_from((1, 31, 61, 601, 90_000)))
    def pass_time(self, seconds: int) -> None:
        self.clock.go(seconds)

    @invariant()
    def each_acknowledged_registration_arrived_once_and_nothing_else_did(self) -> None:
        if not hasattr(self, "up"):
            return
        arrived = Counter(item["attendee"]["email"] for item in self.service.sandbox.control.registrations())
        assert self.acknowledged <= set(arrived)
        assert set(arrived) <= SENT
        assert not arrived or max(arrived.values()) == 1

    def teardown(self) -> None:
        if not hasattr(self, "up"):
            return
        self.service.sandbox.faults.clear()
        if not self.up:
            self.service.upstream.start()
        until(lambda: not self.service.sandbox.recorder.find(outcome="pending"))
        self.clock.go(90_000)
        until(self._is_served)
        self.each_acknowledged_registration_arrived_once_and_nothing_else_did()

    def _is_served(self) -> bool:
        self.clock.go(61)  # the longest backoff
        return read_one(self.service.raw(get(LIST)))[0] == OK and read_one(self.service.raw(get(READS[0])))[0] == OK


def next_visitor() -> str:
    SENT.add(email := f"visitor-{len(SENT)}@example.com")
    return email


CLOCK = Clock()
SENT: set[str] = set()
"""All that anybody sent, in all examples: who leaves may be heard of in the next one."""
SERVICE: list[Service] = []
"""The one that serves all examples; ``serving`` fills it."""


class Serving(ExitStack):
    """The service that the machine plays with, while the context lasts."""

    def __enter__(self) -> "Serving":
        upstream = {"read_timeout": 0.2, "total_timeout": 1}
        SERVICE.append(self.enter_context(running_at(CLOCK, {"stale_wait": 0.1}, upstream=upstream)))
        return self

    def __exit__(self, *words: object) -> None:  # type: ignore[override]
        SERVICE.clear()
        super().__exit__(*words)  # type: ignore[arg-type]
