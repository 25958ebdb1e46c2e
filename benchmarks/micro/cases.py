"""The operations that are guarded. A new one is a line in ``CASES``, and its numbers: ``python -m benchmarks.micro --record``."""

from collections.abc import MutableMapping
from functools import cache
from typing import Any, Final

import orjson

from app.gateway import Gateway
from app.main import create_app
from app.problems import Problems
from app.settings import GivenSettings
from benchmarks.material import CLIENT_TOKEN, EVENT, NEW_BASE, OLD_BASE, ORIGIN, SERVER_TOKEN, make_bodies
from benchmarks.micro.counting import Operation, at_once
from translation.answers import read_json, translate
from translation.errors import NOT_FOUND, ProxyError
from translation.messages import Messages
from translation.operations import BY_NAME
from translation.query import read_query
from translation.repairs import Repairs
from translation.targets import match, segments

_BODIES: Final = make_bodies()
_FIFTY: Final = orjson.dumps(orjson.loads(_BODIES.events)[:50])
_REPAIRS: Final = Repairs(upstream_hosts=frozenset({"upstream.invalid"}))
_PARAMETERS: Final = {"event": EVENT}
_PATH: Final = f"{OLD_BASE}Events/{EVENT}/sessions/".encode()
_QUERY: Final = f"emApplicationtoken={CLIENT_TOKEN}&ts=1762000000&api-version=2016-06-30".encode()
_PROBLEMS: Final = Problems(Messages({}))


@cache
def _gateway() -> Gateway:
    realtime = {"endpoint": f"http://127.0.0.1:9{NEW_BASE}", "token": SERVER_TOKEN, "origin": ORIGIN}
    return create_app(GivenSettings.model_validate({"realtime": realtime, "log_level": "warning"}))


def translated(operation: str, body: bytes) -> bytes:
    """An answer of the real-time API read, brought into the old form, and written again."""
    value, _ = translate(BY_NAME[operation], read_json(body), _PARAMETERS, _PARAMETERS, _REPAIRS)
    return orjson.dumps(value)


def translated_list() -> bytes:
    """The list of 500 events, about 1 MB: for those who time it."""
    return translated("list_events", _BODIES.events)


def _refused() -> object:
    return _PROBLEMS.reply(ProxyError(NOT_FOUND, cause="status 404"), "4f1a", "de-AT,de;q=0.9,en;q=0.8")


def _answered(path: bytes) -> int:
    """A request through the whole gateway, from the server's call to its last message: the status."""
    status = 0

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        nonlocal status
        status = message.get("status", status)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": path.decode(),
        "raw_path": path,
        "query_string": _QUERY,
        "headers": [
            (b"host", b"127.0.0.1:8080"),
            (b"origin", ORIGIN.encode()),
            (b"accept", b"application/json, text/plain, */*"),
            (b"content-type", b"application/json"),
            (b"accept-language", b"de-AT,de;q=0.9,en;q=0.8"),
        ],
    }
    at_once(_gateway()(scope, receive, send))
    return status


CASES: Final[dict[str, Operation]] = {
    "one event translated": lambda: translated("get_event", _BODIES.event),
    "50 events translated": lambda: translated("list_events", _FIFTY),
    "a target matched": lambda: match(segments(_PATH), "GET"),
    "a query read": lambda: read_query(_QUERY, BY_NAME["list_sessions"].query),
    "an error rendered": _refused,
    "a refusal through the whole gateway": lambda: _answered(f"{OLD_BASE}nothing".encode()),
}
