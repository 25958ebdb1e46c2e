"""Logs: one JSON object a line, all of them through the redactor."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from app.logs import configure_logs
from app.redaction import MASK, Redactor


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    kept = logging.getLogger().handlers[:]
    level = logging.getLogger().level
    yield io.StringIO()
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
