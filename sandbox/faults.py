"""Faults on demand: what shall go wrong, for which requests, how often."""

import re
from dataclasses import dataclass, field, fields
from itertools import count
from threading import Lock
from typing import Any

from sandbox.recorder import Record

# What a kind does is told in `sandbox.fault_kinds`, in the function of its name.
KINDS = frozenset(
    {
        "body", "close", "close_after", "close_mid_headers", "count_object", "empty", "endless", "gzip", "gzip_bomb",
        "gzip_lie", "hang", "hold", "html", "latency", "merge", "null", "raw", "redirect", "reset", "set_cookie", "slow_drip",
        "status", "truncate", "truncate_chunked", "without", "wrap", "wrong_json", "wrong_length",
    }
)  # fmt: skip

WAITS = frozenset({"hold", "latency"})
"""Before the request is carried out: `latency` for its seconds, `hold` until the fault is cleared."""
ENDINGS = frozenset({"again", "close", "hang", "keep", "reset"})


@dataclass(slots=True)
class Fault:
    """One fault, as given to `POST /_sandbox/faults`. Matching: every field given has to fit.

    Attributes:
        kind: One of `KINDS`.
        operation: Name of the operation (see `Record.operation`).
        path: Regular expression searched in the raw target.
        backend: `realtime` or `outbound`.
        method: HTTP method.
        skip: How many fitting requests pass unharmed first.
        times: How often the fault is played; None: always.
        effect: Carry the operation out first, although its answer is lost (a POST whose outcome is unknown).
        seconds: Of `latency`; of `slow_drip` and `raw`, between two pieces, and between `again` and again.
        status: Of `status`, `redirect`, `html`, `raw`.
        headers: More headers, of `status` and `body`.
        body: The JSON value of `body`; of `status` (a string is sent as text); the fields of `merge`; bytes of `raw`
            as latin-1 text.
        ending: Of `raw`, what follows the bytes: `close`, `reset`, `hang`, `keep` (the connection serves on), or `again`
            (the bytes are sent until the peer goes away).
        location: Of `redirect`.
        cookie: Of `set_cookie`.
        key: Of `wrap` and `count_object`.
        keys: Of `without`.
        size: Bytes of `gzip_bomb` when unpacked; of `truncate` the bytes sent; of `wrong_length` the difference of
            the declared length from the real one; of `slow_drip` the bytes of a piece, and of `raw` as well (None: all at once).
    """

    kind: str
    operation: str | None = None
    path: str | None = None
    backend: str | None = None
    method: str | None = None
    skip: int = 0
    times: int | None = 1
    effect: bool = False
    seconds: float = 0.05
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    ending: str = "close"
    location: str = "http://elsewhere.invalid/"
    cookie: str = "SandboxSession=of-another-visitor; Path=/"
    key: str | None = None
    keys: tuple[str, ...] = ()
    size: int | None = None
    number: int = 0
    played: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind {self.kind!r}; known: {', '.join(sorted(KINDS))}")
        if self.ending not in ENDINGS:
            raise ValueError(f"unknown ending {self.ending!r}; known: {', '.join(sorted(ENDINGS))}")
        if self.path is not None:
            re.compile(self.path)

    def fits(self, record: Record) -> bool:
        """Whether the fault is meant for this request."""
        return (
            self.operation in (None, record.operation)
            and self.backend in (None, record.backend)
            and self.method in (None, record.request.method)
            and (self.path is None or re.search(self.path, record.request.target.decode("latin-1")) is not None)
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the fault as JSON values."""
        return {item.name: getattr(self, item.name) for item in fields(self)}


class FaultBoard:
    """The faults that are set. Every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._faults: list[Fault] = []
        self._numbers = count(1)

    def add(self, kind: str, **values: Any) -> Fault:
        """Set a fault. Raises: ValueError (unknown kind), TypeError (unknown field), re.error (bad path)."""
        fault = Fault(kind, **values)
        fault.keys = tuple(fault.keys)
        with self._lock:
            fault.number = next(self._numbers)
            self._faults.append(fault)
        return fault

    def all(self) -> list[Fault]:
        """Return the faults that are still set."""
        with self._lock:
            return list(self._faults)

    def clear(self, number: int | None = None) -> None:
        """Remove one fault, or all; what a `hold` kept goes on."""
        with self._lock:
            self._faults = [item for item in self._faults if number is not None and item.number != number]

    def holds(self, fault: Fault) -> bool:
        """Whether a `hold` is still set."""
        with self._lock:
            return any(item is fault for item in self._faults)

    def take(self, record: Record) -> list[Fault]:
        """Return what to play for a request: every fitting latency and hold, then the first other fitting fault."""
        taken: list[Fault] = []
        with self._lock:
            for fault in self._faults:
                if not fault.fits(record):
                    continue
                if fault.kind not in WAITS and any(item.kind not in WAITS for item in taken):
                    continue
                if fault.times is not None and fault.played >= fault.times:  # a hold, which stays for those it keeps
                    continue
                if fault.skip:
                    fault.skip -= 1
                    continue
                fault.played += 1
                taken.append(fault)
            self._faults = [
                item for item in self._faults if item.times is None or item.played < item.times or item.kind == "hold"
            ]
        return sorted(taken, key=lambda item: item.kind not in WAITS)
