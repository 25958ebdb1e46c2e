"""A collector of traces on loopback: takes OTLP over HTTP, keeps every byte, and reads it with the protocol's own classes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from gzip import decompress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Event, Thread
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Sent
from opentelemetry.proto.trace.v1.trace_pb2 import Status

LONGEST = 30.0
"""Seconds that a test waits for spans: they come within a moment, on a busy machine later."""


@dataclass
class Seen:
    """One span as it was sent."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    kind: str
    failed: bool
    attributes: dict[str, Any]
    events: list[tuple[str, dict[str, Any]]]
    links: list[tuple[str, str]]
    service: dict[str, Any]
    scope: str
    state: str


@dataclass
class Collector:
    """What was sent so far. ``status`` is what is answered; ``deaf`` has it answer nothing until the test is over."""

    port: int = 0
    status: int = 200
    deaf: bool = False
    spans: list[Seen] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    news: Condition = field(default_factory=Condition)
    over: Event = field(default_factory=Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait(self, enough: Callable[[list[Seen]], object]) -> list[Seen]:
        """The spans, once there are enough of them."""
        with self.news:
            assert self.news.wait_for(lambda: enough(self.spans), LONGEST), [span.name for span in self.spans]
            return list(self.spans)

    def named(self, name: str, number: int = 1) -> list[Seen]:
        """The spans of a name, once there are so many."""
        found = self.wait(lambda spans: sum(span.name == name for span in spans) >= number)
        return [span for span in found if span.name == name]

    @property
    def sent(self) -> bytes:
        """Every byte that was sent."""
        with self.news:
            return b"\n".join(self.bodies)

    def forget(self) -> None:
        """As if nothing had been sent."""
        with self.news:
            self.spans, self.bodies, self.headers = [], [], []

    def calls(self, number: int) -> None:
        """Wait until it was asked so often, whatever it answered."""
        with self.news:
            assert self.news.wait_for(lambda: len(self.headers) >= number, LONGEST)

    def take(self, headers: dict[str, str], body: bytes) -> None:
        with self.news:
            self.headers.append(headers)
            self.bodies.append(body)
            if self.status == 200 and not self.deaf:
                self.spans += read(body)
            self.news.notify_all()


def read(body: bytes) -> list[Seen]:
    """The spans of a request."""
    found = []
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        service = plain(resource.resource.attributes)
        for scope in resource.scope_spans:
            for span in scope.spans:
                found.append(
                    Seen(
                        span.name,
                        span.trace_id.hex(),
                        span.span_id.hex(),
                        span.parent_span_id.hex(),
                        Sent.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
                        span.status.code == Status.STATUS_CODE_ERROR,
                        plain(span.attributes),
                        [(event.name, plain(event.attributes)) for event in span.events],
                        [(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
                        service,
                        scope.scope.name,
                        span.trace_state,
                    )
                )
    return found


def plain(attributes: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in attributes}


def tree(spans: list[Seen], parent: str = "", indent: str = "") -> str:
    """Spans as a person reads them."""
    ids = {span.span_id for span in spans}
    lines = ""
    for span in spans:
        if span.parent_id == parent or (not parent and span.parent_id not in ids):
            lines += f"{indent}{span.kind} {span.name} {span.attributes}{' FAILED' if span.failed else ''}\n"
            lines += "".join(f"{indent}    * {name} {about}\n" for name, about in span.events)
            lines += tree(spans, span.span_id, indent + "  ")
    return lines


@contextmanager
def running_collector() -> Iterator[Collector]:
    """A collector that listens."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers["content-encoding"] == "gzip":
                body = decompress(body)
            assert self.path == "/v1/traces"
            collector.take({name.lower(): value for name, value in self.headers.items()}, body)
            if collector.deaf:
                collector.over.wait(120)
                self.close_connection = True
                return
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(collector.status)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            """Nothing is printed."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that is gone is none of ours."""

    server = Server(("127.0.0.1", 0), Handler)
    collector.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        collector.over.set()
        server.shutdown()
        server.server_close()
        thread.join(20)
