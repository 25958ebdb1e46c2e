"""Whatever Dynamics does: an answer of the closed list or one that is cut off, and the next visitor is served."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from socket import AF_INET, SOCK_STREAM, socket
from time import sleep
from typing import Any
from urllib.parse import quote

import pytest

from sandbox.recorder import ANSWERED, Record
from sandbox.server import Sandbox
from tests.clock import until
from tests.examples import event_of
from tests.hostile import faults_answers, faults_framing, faults_heads, faults_phases
from tests.hostile.case import BASE, BODY, LIST, get, post
from tests.hostile.fault_case import BUSY, CUT, OK, TIMEOUT, FaultCase
from tests.hostile.test_hostile import arrived, outcome
from tests.service import Service, running_service
from translation.errors import ERRORS

GROUPS = {
    "phases": faults_phases.CASES,
    "framing": faults_framing.CASES,
    "answers": faults_answers.CASES,
    "heads": faults_heads.CASES,
}
NAMED = {f"{group}: {case.name}": case for group, cases in GROUPS.items() for case in cases}
ANSWER_HEADERS = {
    b"access-control-allow-origin", b"access-control-expose-headers", b"age", b"allow", b"cache-control", b"connection",
    b"content-language", b"content-length", b"content-security-policy", b"content-type", b"cross-origin-resource-policy",
    b"date", b"etag", b"location", b"retry-after", b"transfer-encoding", b"vary", b"x-content-type-options",
    b"x-evtmgmt-backend", b"x-evtmgmt-cache", b"x-request-id",
}  # fmt: skip
OPERATIONS = {"read": "list_events", "register": "register", "image": "get_speaker_image"}
EMAIL = b"nia@example.com"
BROKEN_OFF = "ASGI callable returned without completing response."
"""What uvicorn says when an answer is cut off."""


@dataclass
class Scene:
    """The service, a place that must never be asked, and what a good list looks like."""

    service: Service
    forbidden: socket
    honest: bytes

    def values(self, case: FaultCase) -> dict[str, Any]:
        """The fault, its placeholders filled."""
        host, port = self.forbidden.getsockname()
        return {key: self._filled(value, f"{host}:{port}") for key, value in case.fault.items()}

    def _filled(self, value: Any, address: str) -> Any:
        if isinstance(value, dict):
            return {key: self._filled(item, address) for key, item in value.items()}
        if isinstance(value, str):
            return value.replace("{forbidden}", address).replace("{token}", self.service.sandbox.realtime_token)
        return value

    def request(self, call: str) -> bytes:
        if call == "read":
            return get(LIST)
        if call == "register":
            return post(BODY)
        speaker = event_of(self.service).speakers[0]["id"]
        return get(f"{BASE.decode()}speakers/{speaker}/image".encode())

    def forbidden_was_asked(self) -> bool:
        try:
            self.forbidden.accept()[0].close()
        except BlockingIOError:
            return False
        return True


@contextmanager
def set_up(**timeouts: float) -> Iterator[Scene]:
    upstream = {"max_answer_bytes": 2**20, "max_image_bytes": 2**18, **timeouts}
    # A read is made once more, as ever: the next visitor may meet a connection that is about to be closed.
    faults = {"breaker": False, "retry_percent": 100, "retry_burst": 1_000}
    with (
        running_service(upstream=upstream, faults=faults, log_level="debug") as running,
        socket(AF_INET, SOCK_STREAM) as place,
    ):
        place.bind(("127.0.0.1", 0))
        place.listen()
        place.setblocking(False)
        yield Scene(running, place, read_one(running.raw(get(LIST)))[2])


@pytest.fixture(scope="module")
def patient() -> Iterator[Scene]:
    with set_up() as scene:
        yield scene


@pytest.fixture(scope="module")
def hurried() -> Iterator[Scene]:
    """A proxy that gives up soon: where that is expected."""
    with set_up(read_timeout=0.25, total_timeout=0.6) as scene:
        yield scene


def read_one(raw: bytes) -> tuple[tuple[int, str | None], dict[bytes, bytes], bytes]:
    """The only answer on a connection: what it says, its headers with small names, its body."""
    top, end, rest = raw.partition(b"\r\n\r\n")
    assert end, "closed without an answer"
    line, *lines = top.split(b"\r\n")
    status = int(line.split(b" ")[1])
    headers = {name.lower(): value.strip() for name, _, value in (item.partition(b":") for item in lines)}
    if b"content-length" in headers:
        whole, body = len(rest) == int(headers[b"content-length"]), rest
        assert len(rest) <= int(headers[b"content-length"])
    elif headers.get(b"transfer-encoding") == b"chunked":
        whole, body = unchunked(rest)
    else:
        whole, body = rest == b"", b""
    return (outcome(status, headers, body) if whole else CUT), headers, body


def unchunked(rest: bytes) -> tuple[bool, bytes]:
    """Whether a chunked body is whole, and what there is of it."""
    parts = []
    while found := re.match(rb"([0-9a-f]+)\r\n", rest):
        size = int(found[1], 16)
        data, rest = rest[found.end() : found.end() + size], rest[found.end() + size :]
        if size == 0:
            assert rest == b"\r\n"
            return True, b"".join(parts)
        parts.append(data)
        if rest[:2] != b"\r\n":
            return False, b"".join(parts)
        rest = rest[2:]
    return False, b"".join(parts)


def secrets_of(sandbox: Sandbox) -> set[str]:
    token = sandbox.realtime_token
    return {token[:30], quote(token, safe="")[:40], token.rstrip("=")[-30:], EMAIL.decode(), "Madeup"}


def check_records(scene: Scene, case: FaultCase, records: list[Record]) -> None:
    """Only what was meant went upstream: a registration once, a read twice at most."""
    targets = {arrived(scene.service, record) for record in records}
    assert len(targets) == 1
    assert {record.operation for record in records} == {OPERATIONS[case.call]}
    assert len(records) == 1 or (case.call != "register" and len(records) == 2)
    for record in records:
        assert record.request.header("cookie") is None


@pytest.mark.parametrize("case", NAMED.values(), ids=list(NAMED))
def test_hostile_dynamics(
    patient: Scene, hurried: Scene, case: FaultCase, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = hurried if case.by_clock else patient
    service = scene.service
    service.sandbox.recorder.clear()
    fault = service.sandbox.faults.add(**scene.values(case), operation=OPERATIONS[case.call], times=None)
    raw = service.raw(scene.request(case.call), timeout=60)
    service.sandbox.faults.clear(fault.number)
    if case.fault.get("ending") == "keep":  # what comes too much has to be there before the next request
        service.sandbox.recorder.wait(outcome=ANSWERED)
        sleep(0.02)
    told, headers, body = read_one(raw)
    assert told in case.told, case.why
    assert set(headers) <= ANSWER_HEADERS
    assert b"location" not in headers
    assert headers[b"x-request-id"] != b"evil"
    if told == OK and case.call == "register":
        assert b'"status":"Success"' in body
    check_records(scene, case, service.sandbox.recorder.find())
    # The next visitor, on whatever is left of the connection, reads their own answer.
    if BUSY in case.told:
        until(lambda: read_one(service.raw(get(LIST)))[0] == OK)
    next_told, body = TIMEOUT, b""
    while next_told == TIMEOUT:  # a machine that stands still for a moment is too slow for those in a hurry
        next_told, _, body = read_one(service.raw(get(LIST)))
    assert (next_told, body) == (OK, scene.honest)
    assert not scene.forbidden_was_asked()
    complaints = [line.getMessage() for line in caplog.records if line.levelno >= logging.ERROR]
    assert complaints == ([BROKEN_OFF] * len(complaints) if told is CUT else [])
    written = capsys.readouterr()
    seen = raw.decode("latin-1") + written.out + written.err + caplog.text
    assert [secret for secret in secrets_of(service.sandbox) if secret in seen] == []
    assert '"defect"' not in seen


def test_the_table_is_whole() -> None:
    assert len(NAMED) == sum(map(len, GROUPS.values()))
    assert len(NAMED) >= 250
    assert {case.fault["kind"] for case in NAMED.values()} >= {"raw", "hang", "reset", "endless", "gzip_bomb", "redirect"}
    for case in NAMED.values():
        assert case.why
        assert case.source
        for status, code in case.told:
            assert code in (None, "cut") or ERRORS[code or ""].status == status
            assert status != 500
