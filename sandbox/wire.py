"""The values that travel between the server and the simulated APIs: requests, answers, and routes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson

JSON_TYPE = "application/json; charset=utf-8"


@dataclass(frozen=True)
class Request:
    """A request as it came in.

    Attributes:
        method: The method, as sent.
        target: The request target byte for byte.
        headers: Names and values in their order, names in the letter case that the server saw.
        body: The whole body.
    """

    method: str
    target: bytes
    headers: Sequence[tuple[bytes, bytes]] = ()
    body: bytes = b""

    @cached_property
    def path(self) -> str:
        """The path as sent, still percent-encoded, without the query; an absolute target loses scheme and host."""
        text = self.target.decode("latin-1").partition("?")[0]
        return text if text.startswith("/") else "/" + text.partition("://")[2].partition("/")[2]

    @cached_property
    def query(self) -> dict[str, str]:
        """The query decoded as HTML forms are: `+` is a blank. Of repeated names the last counts."""
        text = self.target.decode("latin-1").partition("?")[2]
        return dict(parse_qsl(text, keep_blank_values=True))

    def header(self, name: str) -> str | None:
        """Return the first value of a header, its name in any letter case."""
        wanted = name.lower().encode()
        return next((value.decode("latin-1") for key, value in self.headers if key.lower() == wanted), None)

    def json(self) -> Any:
        """Return the body read as JSON. Raises: ValueError (orjson.JSONDecodeError)."""
        return orjson.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """A complete answer. `Content-Length` and `Date` are added when it is sent."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    def with_headers(self, *more: tuple[str, str]) -> "Answer":
        """Return the same answer with headers added."""
        return replace(self, headers=self.headers + more)

    def without(self, name: str) -> "Answer":
        """Return the same answer without a header."""
        return replace(self, headers=tuple(pair for pair in self.headers if pair[0].lower() != name.lower()))


@dataclass(frozen=True)
class Call:
    """Which operation a request means. `operation` is a name, or `unmatched` / `wrong_method` / `preflight`."""

    operation: str
    params: dict[str, str] = field(default_factory=dict)
    allow: tuple[str, ...] = ()


@dataclass(frozen=True)
class Route:
    """One row of a simulated API: method, path under the base, name. `{x}` stands for one segment."""

    method: str
    pattern: str
    operation: str


def json_answer(value: Any, status: int = 200) -> Answer:
    """Return `value` as a JSON answer."""
    return Answer(status, orjson.dumps(value), (("Content-Type", JSON_TYPE),))


def html_answer(text: str, status: int = 200) -> Answer:
    """Return a page of HTML."""
    return Answer(status, text.encode(), (("Content-Type", "text/html; charset=utf-8"),))


def match(routes: Iterable[Route], method: str, path: str, *, fold_case: bool = False) -> Call:
    """Find the operation of a path under a base.

    Args:
        routes: The rows, more particular ones first.
        method: The request's method.
        path: The percent-encoded path under the base, without leading slash.
        fold_case: Compare fixed segments without regard to letter case, as IIS does.
    """
    try:
        segments = [unquote(part, errors="strict") for part in path.split("/")]
    except UnicodeDecodeError:
        return Call("unmatched")
    allow: list[str] = []
    for route in routes:
        params = _bind(route.pattern.split("/"), segments, fold_case)
        if params is None:
            continue
        if route.method == method:
            return Call(route.operation, params)
        allow.append(route.method)
    return Call("wrong_method", allow=tuple(dict.fromkeys(allow))) if allow else Call("unmatched")


def _bind(pattern: list[str], segments: list[str], fold_case: bool) -> dict[str, str] | None:
    if len(pattern) != len(segments):
        return None
    params: dict[str, str] = {}
    for wanted, got in zip(pattern, segments, strict=True):
        if wanted.startswith("{"):
            if not got:
                return None
            params[wanted[1:-1]] = got
        elif wanted != (got.lower() if fold_case else got):
            return None
    return params


def render(answer: Answer) -> bytes:
    """Return the bytes of an HTTP/1.1 answer exactly as given: nothing is added, no length either."""
    phrase = HTTPStatus(answer.status).phrase if answer.status in HTTPStatus._value2member_map_ else "Unknown"
    lines = [f"HTTP/1.1 {answer.status} {phrase}", *(f"{name}: {value}" for name, value in answer.headers)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + answer.body
