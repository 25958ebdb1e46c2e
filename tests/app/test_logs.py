"""Logs: one JSON object a line, all of them through the redactor."""

import asyncio
import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from opentelemetry.trace import SpanKind

from app.logs import AccessLog, RedactedStream, access_log, configure_logs
from app.redaction import MASK, Redactor
from app.telemetry.current import resumed
from app.telemetry.spans import Span
from tests.app.telemetry.rig import Memory


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    kept = logging.getLogger().handlers[:]
    level = logging.getLogger().level
    yield io.StringIO()
    configure_logs("info", Redactor())
    logging.getLogger().handlers = kept
    logging.getLogger().setLevel(level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_each_line_is_one_object(stream: io.StringIO) -> None:
    configure_logs("info", Redactor(), stream)
    structlog.get_logger("x").info("first", number=1, text="two\nlines", odd=object)
    logging.getLogger("library").warning("second %s", "part", extra={"more": {1: 2}})
    first, second = lines(stream)
    assert (first["event"], first["number"], first["text"], first["level"]) == ("first", 1, "two\nlines", "info")
    assert (second["event"], second["logger"], second["level"], second["more"]) == ("second part", "library", "warning", {"1": 2})
    assert all(line["time"].endswith("Z") for line in (first, second))


@pytest.mark.parametrize(("level", "told"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_the_level_holds_for_all_loggers(stream: io.StringIO, level: str, told: int) -> None:
    configure_logs(level, Redactor(), stream)
    for log in (structlog.get_logger("x"), logging.getLogger("library")):
        for name in ("debug", "info", "warning", "error"):
            getattr(log, name)("line")
    assert len(lines(stream)) == 2 * told


def test_libraries_that_tell_of_each_call_are_quiet(stream: io.StringIO) -> None:
    configure_logs("debug", Redactor(), stream)
    for name in ("httpx", "httpcore", "aiohttp", "asyncio", "uvicorn.access"):
        logging.getLogger(name).info("GET https://x.invalid/?t=1")
    assert lines(stream) == []


def test_exceptions_are_told_without_secrets_and_locals(stream: io.StringIO) -> None:
    configure_logs("info", Redactor(["the-token"]), stream)
    local = "local value"
    try:
        raise ValueError(f"for url https://x.invalid/?emApplicationtoken=the-token of nia@example.com {len(local)}")
    except ValueError as error:
        structlog.get_logger("x").error("defect", exc_info=error)
        logging.getLogger("library").exception("failed with the-token")
        structlog.get_logger("x").error("again", exc_info=True)
    text = stream.getvalue()
    assert text.count("ValueError") >= 3
    assert "Traceback" in lines(stream)[0]["exception"]
    for secret in ("the-token", "nia@", "local value"):
        assert secret not in text
    assert MASK in text


class Counting(io.StringIO):
    """A stream that counts how often it is written to."""

    writes = 0
    written: asyncio.Event | None = None

    def write(self, text: str) -> int:
        self.writes += 1
        if self.written is not None:
            self.written.set()
        return super().write(text)


class Broken(io.StringIO):
    """A pipe that nobody reads any more."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_a_line_of_a_request_looks_like_all_others(stream: io.StringIO) -> None:
    configure_logs("info", Redactor(["the-token"]), stream)
    structlog.get_logger("x").info("request", path='/x\n"', ms=1.5)
    access_log.write("info", "request", {"path": '/x\n"', "ms": 1.5})
    access_log.write("warning", "request", {"path": "/the-token?a=1", "cause": "of nia@example.com"})
    one, other, cleaned = lines(stream)
    assert list(one) == list(other)
    assert one | {"time": ""} == other | {"time": ""}
    assert one["time"][:15] == other["time"][:15]
    assert other["time"].endswith("Z")
    assert cleaned["level"] == "warning"
    assert "the-token" not in stream.getvalue()
    assert "nia@" not in stream.getvalue()


@pytest.mark.parametrize(("least", "taken"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_the_level_holds_for_lines_of_requests(stream: io.StringIO, least: str, taken: int) -> None:
    configure_logs(least, Redactor(), stream)
    assert [access_log.takes(level) for level in ("debug", "info", "warning", "error")].count(True) == taken


def test_lines_are_written_together_and_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.logs.WRITE_LINES", 3)
    out, log = Counting(), AccessLog()
    log.open(RedactedStream(out, Redactor()), "info")

    async def passes() -> None:
        for number in range(6):
            log.write("info", "request", {"number": number})
            assert out.writes == (number + 1) // 3

    asyncio.run(passes())
    assert [line["number"] for line in lines(out)] == list(range(6))


def test_a_warning_takes_what_waits_with_it_at_once() -> None:
    out, log = Counting(), AccessLog()
    log.open(RedactedStream(out, Redactor()), "info")

    async def told() -> None:
        log.write("info", "request", {"number": 0})
        assert out.writes == 0
        log.write("warning", "request", {"number": 1})
        assert [line["number"] for line in lines(out)] == [0, 1]

    asyncio.run(told())
    assert out.writes == 1


def test_lines_of_a_loop_that_ended_are_not_lost_and_hold_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    out, log = Counting(), AccessLog()
    log.open(RedactedStream(out, Redactor()), "info")
    for number in range(2):  # in loops that end before anything is due

        async def last_words(number: int = number) -> None:
            log.write("info", "request", {"number": number})

        asyncio.run(last_words())
    assert out.getvalue() == ""
    monkeypatch.setattr("app.logs.WRITE_SECONDS", 0.0)

    async def later() -> None:
        out.written = asyncio.Event()
        log.write("info", "request", {"number": 2})
        await out.written.wait()
        assert [line["number"] for line in lines(out)] == [0, 1, 2]

    asyncio.run(later())


def test_the_last_lines_of_a_process_are_written() -> None:
    program = """
import asyncio
from app.logs import access_log, configure_logs
from app.redaction import Redactor
configure_logs("info", Redactor())
loop = asyncio.new_event_loop()
loop.call_soon(lambda: (access_log.write("info", "request", {"number": 1}), loop.stop()))
loop.run_forever()
loop.close()
"""
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=60, check=True
    )
    assert json.loads(run.stdout)["number"] == 1


def test_lines_that_nobody_takes_stop_nothing_and_are_counted() -> None:
    log, out = AccessLog(), RedactedStream(Broken(), Redactor())
    log.open(out, "info")

    async def three() -> None:
        for _ in range(3):
            log.write("info", "request", {})
        log.flush()

    asyncio.run(three())
    assert out.lost == 3


def test_lines_of_what_is_traced_bear_the_trace(stream: io.StringIO) -> None:
    configure_logs("info", Redactor(), stream)
    memory = Memory()
    span = Span(memory.tracer, "root", SpanKind.SERVER)
    with resumed(span):
        structlog.get_logger("ours").info("traced")
        logging.getLogger("a.library").warning("traced as well")
    structlog.get_logger("ours").info("not traced")
    found = [json.loads(line).get("trace_id") for line in stream.getvalue().splitlines()]
    assert found == [span.trace_id, span.trace_id, None]
