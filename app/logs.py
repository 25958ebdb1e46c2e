"""JSON logs on standard output, one object a line, all of them through the redactor.

structlog renders; the standard library's loggers (uvicorn, asyncio, libraries) end in the same handler. The lines on requests
are written by ``access_log``: structlog costs more than the rest of an answer from the cache.
"""

import asyncio
import atexit
import logging
import sys
import traceback
from collections import deque
from contextlib import suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final, Literal, TextIO

import orjson
import structlog

from app.redaction import Redactor
from app.telemetry.current import current

Level = Literal["debug", "info", "warning", "error"]
_LEVELS: Final[dict[str, int]] = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_ONE_LINE: Final = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z
_QUIET: Final = ("httpx", "httpcore", "aiohttp", "asyncio", "urllib3", "uvicorn.access")
"""Libraries that tell of single calls: warnings and errors only."""


WRITE_SECONDS: Final = 0.02
WRITE_LINES: Final = 100


portal_name: Final[ContextVar[str | None]] = ContextVar("portal_name", default=None)
"""The portal that the running task works for, where there are several: it stands on each line."""


class RedactedStream:
    """A text stream that writes redacted lines, and never fails: a log that nobody takes must not stop the service.

    Args:
        stream: Where to write; None for whatever standard output is at the time.
        redactor: What cleans each line.

    Attributes:
        lost: How many lines could not be written.
    """

    def __init__(self, stream: TextIO | None, redactor: Redactor) -> None:
        self._stream = stream
        self._redactor = redactor
        self.lost = 0

    def write(self, line: str) -> None:
        """Write one line, or several, cleaned."""
        try:
            (self._stream or sys.stdout).write(self._redactor.text(line))
        except (OSError, ValueError):  # a broken pipe, a full disk, a closed file
            self.lost += line.count("\n") or 1

    def flush(self) -> None:
        """Hand what was written to the system."""
        try:
            (self._stream or sys.stdout).flush()
        except (OSError, ValueError):
            self.lost += 1


class AccessLog:
    """Lines with the same keys as structlog's, past its processors.

    Lines are written together, every ``WRITE_SECONDS``, or when there are ``WRITE_LINES`` of them; at once where no loop runs,
    and when they tell of more than usual. What is lost when the process is killed is no more than that.
    """

    def __init__(self) -> None:
        self._out: RedactedStream | None = None
        self._least = _LEVELS["info"]
        self._waiting: deque[bytes] = deque()
        self._due: asyncio.AbstractEventLoop | None = None

    def open(self, out: RedactedStream, least: str) -> None:
        """Write to ``out`` from now on, lines of the level ``least`` and above."""
        self.flush()
        self._out = out
        self._least = _LEVELS[least]

    def takes(self, level: Level) -> bool:
        """Whether a line of that level is written."""
        return _LEVELS[level] >= self._least

    def write(self, level: Level, event: str, line: dict[str, object]) -> None:
        """Write one line.

        Args:
            level: Its level.
            event: What it tells of.
            line: The rest of it; changed in place.
        """
        line["event"] = event
        line["level"] = level
        line["time"] = datetime.now(UTC)
        self._waiting.append(orjson.dumps(line, default=str, option=_ONE_LINE))
        if level != "info" or len(self._waiting) >= WRITE_LINES:
            self.flush()
            return
        if self._due is not None and not self._due.is_closed():
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.flush()
            return
        self._due = loop
        loop.call_later(WRITE_SECONDS, self.flush)

    def flush(self) -> None:
        """Write what waits."""
        self._due = None  # before the first line is taken: one that comes from another thread meanwhile is due anew
        lines = []
        with suppress(IndexError):
            while True:
                lines.append(self._waiting.popleft())
        if lines and self._out is not None:
            self._out.write(b"".join(lines).decode())
            self._out.flush()


access_log: Final = AccessLog()
"""That of the process, as there is one standard output. ``configure_logs`` opens it."""
atexit.register(access_log.flush)


def _add_portal(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    name = portal_name.get()
    if name is not None:
        event.setdefault("portal", name)
    return event


def _add_trace(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    span = current.get()
    if span is not None:
        event.setdefault("trace_id", span.trace_id)
    return event


def _render(_: Any, __: str, event: structlog.typing.EventDict) -> str:
    exception = event.pop("exc_info", None)
    if exception is True:
        exception = sys.exc_info()
    if isinstance(exception, BaseException):
        exception = (type(exception), exception, exception.__traceback__)
    if exception and exception[0] is not None:
        event["exception"] = "".join(traceback.format_exception(*exception))
    event.pop("color_message", None)  # uvicorn's, for terminals
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def configure_logs(level: str, redactor: Redactor, stream: TextIO | None = None) -> None:
    """Send all logs of the process, as JSON and redacted, to ``stream`` (standard output by default).

    Args:
        level: The least level that is logged: debug, info, warning or error.
        redactor: What cleans each line.
        stream: Where to write.
    """
    out = RedactedStream(stream, redactor)
    shared: list[structlog.typing.Processor] = [
        _add_portal,
        _add_trace,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    ]
    structlog.configure(
        processors=[*shared, _render],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(out),  # type: ignore[arg-type]
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _render],
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name, structlog.stdlib.ExtraAdder()],
        )
    )
    access_log.open(out, level)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(_LEVELS[level])
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(_LEVELS[level], logging.WARNING))
