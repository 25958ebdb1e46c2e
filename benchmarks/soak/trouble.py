"""What goes wrong at Dynamics during the soak: a fault of the sandbox for some calls, then a while without, then another."""

from http.client import HTTPConnection
from random import Random
from typing import Any, Final

import orjson

from benchmarks.processes import HOST, FailedError

_ANSWER: Final = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"
FAULTS: Final[tuple[dict[str, Any], ...]] = (
    {"kind": "reset"}, {"kind": "close"}, {"kind": "close_mid_headers"}, {"kind": "close_after"}, {"kind": "truncate"},
    {"kind": "truncate_chunked"}, {"kind": "wrong_length"}, {"kind": "wrong_length", "size": -5}, {"kind": "gzip_lie"},
    {"kind": "gzip_bomb"}, {"kind": "wrong_json"}, {"kind": "html"}, {"kind": "null"}, {"kind": "empty"}, {"kind": "endless"},
    {"kind": "redirect"}, {"kind": "set_cookie"}, {"kind": "hang"}, {"kind": "latency", "seconds": 0.5},
    {"kind": "slow_drip", "size": 500, "seconds": 0.05}, {"kind": "status", "status": 400}, {"kind": "status", "status": 404},
    {"kind": "status", "status": 500}, {"kind": "status", "status": 502}, {"kind": "status", "status": 503},
    {"kind": "status", "status": 429, "headers": {"Retry-After": "1"}},
    {"kind": "raw", "body": _ANSWER * 2, "ending": "keep", "method": "GET"},
    {"kind": "raw", "body": "HTTP/1.1 103 Early Hints\r\n\r\n" * 50, "ending": "hang"},
)  # fmt: skip


class Organisation:
    """A running sandbox, steered over HTTP (``sandbox/control.py``)."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._random = Random(5)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """One call of the control. Raises: FailedError when it is refused."""
        connection = HTTPConnection(HOST, self._port, timeout=60)
        try:
            connection.request(method, f"/_sandbox/{path}", None if body is None else orjson.dumps(body))
            answer = connection.getresponse()
            said = answer.read()
            if answer.status != 200:
                raise FailedError(f"the sandbox refuses {method} {path}: {said[:200]!r}")
            return orjson.loads(said) if said else None
        finally:
            connection.close()

    def trouble(self) -> str:
        """Set the next fault, of those calls that come next. Returns its kind."""
        fault = self._random.choice(FAULTS) | {"times": self._random.randrange(1, 12), "effect": self._random.random() < 0.3}
        self.control("POST", "faults", fault)
        return str(fault["kind"])

    def calm(self) -> None:
        """Clear all faults."""
        self.control("DELETE", "faults")
