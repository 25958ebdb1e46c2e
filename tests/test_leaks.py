"""Nothing secret and nothing personal gets out: the program as it is run, driven through everything, all its output searched."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue
from socket import AF_INET, SOCK_STREAM, socket
from threading import Thread
from typing import Any
from urllib.parse import quote, quote_plus

import httpx
import pytest

from app.calls import Call, Reply
from app.upstream import UpstreamAnswer
from sandbox.faults import KINDS
from sandbox.server import Sandbox, SandboxThread
from tests.collector import Collector, running_collector
from tests.examples import OPEN_DAY, TRACEPARENT, Example, example
from tests.service import BASE, Service
from translation.operations import BY_NAME, OPERATIONS
from translation.query import Query

FIRST_NAME, LAST_NAME, EMAIL = "Zoltana", "Qwertzuiopas", "zoltana.qwertzuiopas@example.com"
JSON_FAULTS = {"count_object", "merge", "without", "wrap"}
LISTENING = re.compile(r"Uvicorn running on http://127\.0\.0\.1:(\d+)")


@dataclass
class Program:
    """A running ``evtmgmt-proxy serve`` and all that it wrote."""

    process: subprocess.Popen[str]
    port: int
    lines: list[str] = field(default_factory=list)
    readers: list[Thread] = field(default_factory=list)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        for reader in self.readers:
            reader.join(60)
        return code


def start(sandbox: Sandbox, folder: Path, cache: bool, **more: str) -> Program:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("EVTMGMT_")} | {
        "EVTMGMT_REALTIME__ENDPOINT": sandbox.realtime_endpoint,
        "EVTMGMT_REALTIME__TOKEN": sandbox.realtime_token,
        "EVTMGMT_REALTIME__ORIGIN": sandbox.realtime_origin,
        "EVTMGMT_UPSTREAM__READ_TIMEOUT": "0.3",
        "EVTMGMT_UPSTREAM__BUDGET": "off",
        "EVTMGMT_CACHE__ENABLED": str(cache).lower(),
        "EVTMGMT_UPSTREAM__MAX_ANSWER_BYTES": "1000000",
        "EVTMGMT_LOG_LEVEL": "debug",
        "PYTHONPATH": str(Path(__file__).parent.parent),
        **more,
    }
    process = subprocess.Popen(
        [sys.executable, "-c", "from app.cli import main; main()", "serve", "--port", "0"],
        env=environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    lines: list[str] = []
    ports: Queue[int] = Queue()

    def read(stream: Any) -> None:
        for line in stream:
            lines.append(line)
            if found := LISTENING.search(line):
                ports.put(int(found[1]))
        stream.close()

    readers = [Thread(target=read, args=(stream,)) for stream in (process.stdout, process.stderr)]
    for reader in readers:
        reader.start()
    return Program(process, ports.get(timeout=60), lines, readers)


@pytest.fixture
def collector() -> Iterator[Collector]:
    with running_collector() as running:
        yield running


def telling(collector: Collector) -> dict[str, str]:
    """What has each request traced, and told to a collector."""
    on = {"EVTMGMT_TELEMETRY__TRACES": "true", "EVTMGMT_TELEMETRY__SAMPLE": "1"}
    return on | {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "200"}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with SandboxThread(Sandbox()) as running:
        yield running


def in_lower_case(escaped: str) -> str:
    """The same with its escapes in lower case."""
    return re.sub("%[0-9A-F]{2}", lambda escape: escape[0].lower(), escaped)


def registration() -> dict[str, Any]:
    person = {"firstName": FIRST_NAME, "lastName": LAST_NAME, "email": EMAIL, "passId": ""}
    return {"attendees": [person]}


class Visitor:
    """Sends everything, and keeps what must not hold a secret: errors and headers of all answers."""

    def __init__(self, sandbox: Sandbox, port: int, client: httpx.Client) -> None:
        self.sandbox = sandbox
        self.url = f"http://127.0.0.1:{port}"
        self._client = client
        self._port = port
        # ``example`` needs the sandbox and the address only.
        self._service: Any = Service(port, SandboxThread(sandbox).sandbox, None, None, None, client)  # type: ignore[arg-type]
        self.seen: list[str] = []

    def keep(self, answer: httpx.Response) -> None:
        self.seen.append("\n".join(f"{name}: {value}" for name, value in answer.headers.items()))
        if answer.is_error:
            self.seen.append(answer.text)

    def call(self, name: str) -> Example:
        return example(name, self._service)

    def send(self, call: Example, **headers: str) -> None:
        try:
            self.keep(call.send(self._service, **headers))
        except httpx.RemoteProtocolError as broken:  # an image that broke off
            self.seen.append(str(broken))

    def get(self, path: str, **headers: str) -> httpx.Response:
        answer = self._client.get(self.url + path, headers=headers)
        self.keep(answer)
        return answer

    def post(self, path: str, body: Any, **headers: str) -> None:
        content = body if isinstance(body, (str, bytes)) else json.dumps(body)
        sent = {"content-type": "application/json", **headers}
        self.keep(self._client.post(self.url + path, content=content, headers=sent))

    def raw(self, data: bytes) -> None:
        with socket(AF_INET, SOCK_STREAM) as connection:
            connection.settimeout(60)
            connection.connect(("127.0.0.1", self._port))
            connection.sendall(data)
            part = connection.recv(65_536)
            self.seen.append(part.decode("latin-1"))


def drive(visitor: Visitor) -> None:
    token = visitor.sandbox.realtime_token
    quoted = quote(token, safe="")
    registrations = f"{BASE}events/{OPEN_DAY}/registrations"
    for operation in OPERATIONS:
        visitor.send(
            visitor.call(operation.name), authorization=f"Bearer {token}", cookie=f"t={token}", origin="http://localhost:4200"
        )
    visitor.post(registrations, registration())
    for body in (registration() | {"hipObject": 1}, {"attendees": [{"email": {EMAIL: EMAIL}}]}, f'{{"{EMAIL}": "{FIRST_NAME}'):
        visitor.post(registrations, body)
    visitor.post(registrations, registration(), **{"content-type": f"text/{LAST_NAME}"})
    for kind in sorted(KINDS - {"slow_drip"}):
        for name in ("get_event", "register", "get_speaker_image"):
            if name == "get_speaker_image" and kind in JSON_FAULTS:
                continue
            call = visitor.call(name)
            if name == "register":
                call.body = registration()
            head = "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 200000\r\n\r\n"
            body = head + "x" * 150_000 if kind == "raw" else None
            visitor.sandbox.faults.add(kind, body=body, effect=kind != "raw", operation=name, seconds=0.01)
            visitor.send(call)
            visitor.sandbox.faults.clear()
    visitor.sandbox.faults.add("redirect", location=f"/?emApplicationtoken={quoted}", operation="create_checkin")
    visitor.send(visitor.call("create_checkin"))
    data = quote(json.dumps([{"readableEventId": "Gone", "data": {"firstname": FIRST_NAME, "email": EMAIL}}]))
    visitor.get(f"{BASE}calendar/personal/ics?data={data}")
    visitor.get(f"{BASE}calendar/personal/ics?data={data}%22")
    for hostile in (
        quoted,
        in_lower_case(quoted),
        quote(EMAIL),
        f"x?emApplicationtoken={quoted}",
        f"%2e%2e/{quoted}",
        f"a%00{quoted}",
    ):
        visitor.get(f"{BASE}events/{hostile}")
        visitor.get(f"/{hostile}")
        visitor.get(f"/livez/{hostile}")
    visitor.get(f"{BASE}events/published?api-version=%zz&emApplicationtoken={quoted}")
    visitor.get(f"{BASE}events/published", **{"x-request-id": token, "traceparent": token, "accept-language": EMAIL})
    state = {"tracestate": f"who={EMAIL}", "baggage": f"who={EMAIL},t={quoted}"}
    for path in (f"{BASE}events/published?who={quote(EMAIL)}", f"/docs?who={quote(EMAIL)}&emApplicationtoken={quoted}"):
        visitor.get(path, traceparent=TRACEPARENT, **state)
    visitor.raw(f"GET {BASE}events/{token} HTTP/1.1\r\nHost: {EMAIL}\r\nConnection: close\r\n\r\n".encode())
    visitor.raw(
        f"GET http://x/?emApplicationtoken={token} HTTP/1.1\r\nHost: x\r\nHost: {token}\r\nConnection: close\r\n\r\n".encode()
    )
    visitor.raw(f"{token} / HTTP/1.1\r\n\r\n".encode())
    for status in (400, 401, 403, 404, 409, 500, 503, 429):  # the last one stops reads
        told = {"Message": f"No: {EMAIL} at https://x.invalid/?emApplicationtoken={quoted} {token}"}
        visitor.sandbox.faults.add("status", status=status, body=told)
        visitor.post(registrations, registration())


def test_what_visitors_send_and_are_told_stands_in_no_repr() -> None:
    told = EMAIL.encode("ascii")
    query = Query((("data", told),), client_token=False, dropped=0)
    call = Call(BY_NAME["register"], {}, {}, query, body=told, authorization=EMAIL)
    for thing in (call, Reply(200, body=told), UpstreamAnswer(200, {}, told)):
        assert EMAIL not in repr(thing)


PERSONAL = {EMAIL, quote(EMAIL), FIRST_NAME, LAST_NAME}
NOT_TRACED = {"emApplicationtoken", "api-version", "data=", "who=", "127.0.0.1", "/EvtMgmt/api/v2.0/events/C", OPEN_DAY}
"""What is no secret, and no trace's business either: queries, addresses, ids."""
ADMIN = "the-credential+of/the=admin"


def forms_of(token: str) -> set[str]:
    """A token in all forms in which it could be seen, and their beginnings."""
    forms = {token, token.rstrip("="), quote(token, safe=""), quote_plus(token), in_lower_case(quote(token, safe=""))}
    return forms | {form[:40] for form in forms}


def sent(collector: Collector) -> str:
    """All that a collector was sent; whoever looks for something in it must know that much was."""
    names = {span.name for span in collector.spans}
    assert {operation.name for operation in OPERATIONS} | {"unmatched", "GET /docs", "POST events/{event}/registrations"} <= names
    assert any(span.trace_id == TRACEPARENT.split("-")[1] for span in collector.spans)
    return collector.sent.decode("latin-1")


@pytest.mark.parametrize("cache", [False, True])
def test_nothing_secret_gets_out(sandbox: Sandbox, collector: Collector, tmp_path: Path, cache: bool) -> None:
    """Without the cache, each request is traced as well; with it, most go the short way."""
    program = start(sandbox, tmp_path, cache, **({} if cache else telling(collector)))
    try:
        with httpx.Client(timeout=60, trust_env=False) as client:
            visitor = Visitor(sandbox, program.port, client)
            drive(visitor)
            metrics = visitor.get("/metrics").text
            visitor.get("/readyz")
            ready = visitor.get("/docs").text + visitor.get("/openapi.json").text
    finally:
        code = program.stop()
    assert code == 0
    output = "".join(program.lines)
    events = [json.loads(line) for line in program.lines]  # all of it is JSON
    assert sum(event["event"] == "request" for event in events) > 130
    assert len(sandbox.control.registrations()) > 10
    secrets = {*forms_of(sandbox.realtime_token), *PERSONAL}
    everywhere = {"output": output, "metrics": metrics, "pages": ready, "answers": "\n".join(visitor.seen)}
    if not cache:
        everywhere["traces"] = sent(collector)
        assert [word for word in NOT_TRACED | {sandbox.base_url} if word in everywhere["traces"]] == []
    found = [(place, secret) for place, text in everywhere.items() for secret in secrets if secret in text]
    assert found == []
    address = re.compile(re.escape(sandbox.base_url) + r"[^\s\"]*\?[^\s\"]+")
    # The payment page and the redirect of a check-in are meant for the visitor.
    told = [text for text in (output, metrics, ready) if any("[redacted]" not in query for query in address.findall(text))]
    assert told == []
    assert [event for event in events if event["event"] == "defect"] == []


@pytest.mark.parametrize("stage", ["outbound", "shadow", "split"])
def test_nothing_secret_gets_out_of_a_cutover(sandbox: Sandbox, collector: Collector, tmp_path: Path, stage: str) -> None:
    """With both organisations, an admin and a state. What outbound itself says to a visitor is handed through."""
    state = tmp_path / "state"
    more = {
        "EVTMGMT_OUTBOUND__ENDPOINT": sandbox.outbound_endpoint,
        "EVTMGMT_OUTBOUND__TOKEN": sandbox.outbound_token,
        "EVTMGMT_OUTBOUND__ORIGIN": sandbox.outbound_origin,
        "EVTMGMT_CUTOVER__STAGE": stage,
        "EVTMGMT_SHADOW__SAMPLE": "100",
        "EVTMGMT_ADMIN__TOKEN": ADMIN,
        "EVTMGMT_STATE__PATH": str(state),
        **telling(collector),
    }
    program = start(sandbox, tmp_path, True, **more)
    try:
        with httpx.Client(timeout=60, trust_env=False) as client:
            visitor = Visitor(sandbox, program.port, client)
            drive(visitor)
            for token in (sandbox.outbound_token, "ann"):
                for name in ("get_user", "list_user_registrations", "list_sessions", "register"):
                    visitor.send(visitor.call(name), authorization=f"Bearer {token}", **{"x-evtmgmt-admin": token})
            visitor.get(f"{BASE}events/published", **{"x-evtmgmt-backend": "realtime", "x-evtmgmt-admin": ADMIN})
            metrics = visitor.get("/metrics").text
            for given in (ADMIN, sandbox.outbound_token, EMAIL):
                visitor.get("/admin/cutover", authorization=f"Bearer {given}")
            pages = [
                visitor.get(f"{room}{page}", authorization=f"Bearer {ADMIN}").text
                for room, rooms in (
                    ("/admin/cutover", ("", "/audit", "/differences", "/events", "/readiness")),
                    ("/console", ("",)),
                )
                for page in rooms
            ]
    finally:
        code = program.stop()
    assert code == 0
    output = "".join(program.lines)
    kept = "".join(file.read_bytes().decode("latin-1") for file in state.iterdir())
    assert '"cutover' in kept or "stage" in kept
    secrets = {secret for token in (sandbox.realtime_token, sandbox.outbound_token, ADMIN) for secret in forms_of(token)}
    everywhere = {"output": output, "metrics": metrics, "pages": "".join(pages), "state": kept, "traces": sent(collector)}
    found = [(place, secret) for place, text in everywhere.items() for secret in {*secrets, *PERSONAL} if secret in text]
    own = forms_of(sandbox.outbound_token) | forms_of(ADMIN)
    found += [("answers", secret) for secret in own if secret in "\n".join(visitor.seen)]
    assert found == []
    assert [line for line in program.lines if json.loads(line)["event"] == "defect"] == []
