"""Keeps what the sandbox received, for assertions, and lets tests await it instead of sleeping."""

import asyncio
import time
from base64 import b64encode
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from threading import Condition
from typing import Any

from sandbox.wire import Request

PENDING, ANSWERED, CANCELLED, BROKEN = "pending", "answered", "cancelled", "broken"


@dataclass(slots=True)
class Record:
    """One received request.

    Attributes:
        backend: `realtime`, `outbound`, or None for what belongs to neither API.
        operation: Name of the operation, or `unmatched`, `wrong_method`, `preflight`, `unknown_org`.
        outcome: `pending`; `answered`; `cancelled`: the peer went away first; `broken`: a fault ended the connection.
        status: Of the answer sent, if any.
        fault: The kind of the fault that was played, if any.
    """

    number: int
    request: Request
    backend: str | None
    operation: str
    outcome: str = PENDING
    status: int | None = None
    fault: str | None = None
    time: float = field(default_factory=time.time)

    def as_dict(self) -> dict[str, Any]:
        """Return the record as JSON values; the body as `body`, or as `bodyBase64` when it is not UTF-8."""
        try:
            body = {"body": self.request.body.decode()}
        except UnicodeDecodeError:
            body = {"bodyBase64": b64encode(self.request.body).decode()}
        return {
            "number": self.number,
            "time": self.time,
            "backend": self.backend,
            "operation": self.operation,
            "method": self.request.method,
            "target": self.request.target.decode("latin-1"),
            "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in self.request.headers],
            **body,
            "outcome": self.outcome,
            "status": self.status,
            "fault": self.fault,
        }


class Recorder:
    """The last received requests, oldest first. Every method may be called from any thread.

    Args:
        limit: How many records are kept.
    """

    def __init__(self, limit: int = 10_000) -> None:
        self._records: deque[Record] = deque(maxlen=limit)
        self._numbers = count(1)
        self._changed = Condition()
        self._listeners: set[Callable[[], None]] = set()

    def arrived(self, request: Request, backend: str | None, operation: str) -> Record:
        """Keep a request that has just come in, as `pending`."""
        with self._changed:
            record = Record(next(self._numbers), request, backend, operation)
            self._records.append(record)
            self._tell()
        return record

    def ended(self, record: Record, outcome: str, status: int | None = None) -> None:
        """Say what became of a request."""
        with self._changed:
            record.outcome = outcome
            record.status = status
            self._tell()

    def clear(self) -> None:
        """Forget everything. Requests still being answered stay forgotten."""
        with self._changed:
            self._records.clear()
            self._tell()

    def find(self, *, operation: str | None = None, backend: str | None = None, outcome: str | None = None) -> list[Record]:
        """Return the records that fit all given values; the API's own questions under `/_sandbox/` are never kept."""
        with self._changed:
            return [
                item
                for item in self._records
                if operation in (None, item.operation) and backend in (None, item.backend) and outcome in (None, item.outcome)
            ]

    def wait(self, *, count: int = 1, timeout: float = 30.0, **wanted: str | None) -> list[Record]:
        """Block until at least `count` records fit (see `find`).

        Raises:
            TimeoutError: When `timeout` seconds pass before that.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.find(**wanted)) >= count, timeout):
                raise TimeoutError(f"waited {timeout} s for {count} of {wanted}, saw {len(self.find(**wanted))}")
            return self.find(**wanted)

    async def wait_async(self, *, count: int = 1, timeout: float = 30.0, **wanted: str | None) -> list[Record]:  # noqa: ASYNC109 - the same signature as `wait`
        """Do what `wait` does, without blocking the running event loop."""
        loop = asyncio.get_running_loop()
        changed = asyncio.Event()

        def tell() -> None:
            loop.call_soon_threadsafe(changed.set)

        with self._changed:
            self._listeners.add(tell)
        try:
            async with asyncio.timeout(timeout):
                while len(found := self.find(**wanted)) < count:
                    await changed.wait()
                    changed.clear()
            return found
        finally:
            with self._changed:
                self._listeners.discard(tell)

    def _tell(self) -> None:
        self._changed.notify_all()
        for listener in tuple(self._listeners):
            listener()
