"""The record of a request: one line, and what it may say."""

import inspect
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.logs import access_log, configure_logs
from app.metrics import Metrics
from app.record import Exchange, Recorder, new_request_id
from app.redaction import Redactor
from tests.examples import OPEN_DAY, example, registration
from tests.service import Service
from translation.headers import is_request_id

USUAL = {"request_id", "method", "path", "operation", "backend", "status", "bytes", "ms", "event", "level", "time"}


class Lines:
    """The access lines that a service wrote."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._stream = io.StringIO()
        token = service.settings.realtime.token.get_secret_value()
        configure_logs("info", Redactor([token]), self._stream)

    def of(self, request_id: str) -> dict[str, Any]:
        """The one line of a request."""
        self._service.client.get(f"{self._service.url}/livez")  # what was asked before it is recorded by now
        access_log.flush()
        found = [json.loads(line) for line in self._stream.getvalue().splitlines()]
        (line,) = [line for line in found if line.get("request_id") == request_id and line["event"] == "request"]
        return line


@pytest.fixture
def written(service: Service) -> Iterator[Lines]:
    yield Lines(service)
    configure_logs("info", Redactor())


def test_a_read_is_one_line(service: Service, written: Lines) -> None:
    answer = service.get(f"events/{OPEN_DAY}?emApplicationtoken=theirs&secret=1", headers={"x-request-id": "r-1"})
    line = written.of("r-1")
    assert set(line) == USUAL
    assert (line["method"], line["path"]) == ("GET", f"/EvtMgmt/api/v2.0/events/{OPEN_DAY}")
    assert (line["operation"], line["backend"], line["status"], line["level"]) == ("get_event", "realtime", 200, "info")
    assert line["bytes"] == len(answer.content)
    assert line["ms"] > 0


def test_the_fault_of_a_caller_is_information_and_that_of_others_a_warning(service: Service, written: Lines) -> None:
    service.get("sessions/1", headers={"x-request-id": "r-2"})
    line = written.of("r-2")
    assert (line["level"], line["code"], line["cause"]) == ("info", "InvalidParameter", "session is not a GUID.")
    service.sandbox.faults.add("truncate")
    service.get("events/published", headers={"x-request-id": "r-3"})
    line = written.of("r-3")
    assert (line["level"], line["code"], line["status"]) == ("warning", "UpstreamFailed", 502)
    assert line["cause"].startswith("broken")
    service.sandbox.faults.add("status", status=401)
    service.get("events/published", headers={"x-request-id": "r-4"})
    assert (line := written.of("r-4"))["level"] == "warning"
    assert line["cause"] == "status 401"


def test_the_documentation_explains_each_key() -> None:
    page = Path(__file__).parents[2].joinpath("docs", "observability.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[^|]+) \|", page.split("## The log")[1].split("## Alerts")[0], flags=re.MULTILINE)
    explained = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    optional = set(re.findall(r'line\["(\w+)"\]', inspect.getsource(Recorder)))
    assert optional >= {"code", "cache"}
    assert explained == USUAL | optional


def test_nothing_of_a_visitor_is_written(service: Service, written: Lines) -> None:
    body = registration({"firstName": "Zoltana", "lastName": "Inventedname", "email": "zoltana@example.com"})
    service.post(
        f"events/{OPEN_DAY}/registrations?who=Zoltana", json=body, headers={"x-request-id": "r-5", "cookie": "a=Zoltana"}
    )
    text = json.dumps(written.of("r-5")).lower()
    assert "zoltana" not in text
    assert "inventedname" not in text


def test_a_body_that_broke_off_is_told(service: Service, written: Lines) -> None:
    image = "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 120000\r\n\r\n" + "x" * 100_000
    service.sandbox.faults.add("raw", body=image)
    path = example("get_speaker_image", service).path
    answer = service.raw(f"GET /EvtMgmt/api/v2.0/{path} HTTP/1.1\r\nHost: x\r\nX-Request-ID: r-6\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 200 ")
    line = written.of("r-6")
    assert line["broken"].startswith("broken: ")
    assert 0 < line["bytes"] <= 100_000


def test_a_path_without_end_is_cut(service: Service, written: Lines) -> None:
    service.get("x" * 4_000, headers={"x-request-id": "r-7"})
    assert len(written.of("r-7")["path"]) == 512


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    written = io.StringIO()
    configure_logs("info", Redactor(), written)
    yield written
    configure_logs("info", Redactor())


@pytest.mark.parametrize("outcome", ["hit", None])
def test_what_the_cache_did_is_told_and_counted_when_it_had_a_say(stream: io.StringIO, outcome: str | None) -> None:
    metrics = Metrics()
    recorder = Recorder(metrics)
    recorder.begin()
    exchange = Exchange("GET", b"/", 0.0)
    exchange.operation, exchange.backend, exchange.status, exchange.cache = "get_event", "realtime", 200, outcome
    recorder.end(exchange)
    line = json.loads(stream.getvalue())
    assert set(line) == (USUAL if outcome is None else USUAL | {"cache"})
    assert line.get("cache") == outcome
    counted = metrics.registry.get_sample_value("evtmgmt_cache_total", {"operation": "get_event", "outcome": "hit"})
    assert counted == (None if outcome is None else 1)
    assert metrics.registry.get_sample_value("evtmgmt_in_flight") == 0


def test_below_the_level_nothing_is_written_and_all_is_counted(stream: io.StringIO) -> None:
    configure_logs("warning", Redactor(), stream)
    metrics = Metrics()
    exchange = Exchange("GET", b"/", 0.0)
    exchange.status = 404
    Recorder(metrics).end(exchange)
    assert stream.getvalue() == ""
    labels = {"operation": "unmatched", "backend": "none", "status": "404"}
    assert metrics.registry.get_sample_value("evtmgmt_requests_total", labels) == 1


@pytest.mark.parametrize("drawn", [0, 1, 0xE << 120, 2**128 - 1, None], ids=["zero", "one", "0e0...", "most", "as it comes"])
def test_a_new_request_id_is_one_that_is_taken_over(drawn: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if drawn is not None:
        monkeypatch.setattr("app.record.getrandbits", lambda _: drawn)
    found = new_request_id()
    assert len(found) == 32
    assert int(found, 16)
    assert is_request_id(found)


def test_new_request_ids_differ() -> None:
    assert len({new_request_id() for _ in range(1_000)}) == 1_000
