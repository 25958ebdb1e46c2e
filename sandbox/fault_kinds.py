"""What each kind of fault does. Changers turn the true answer into another; players end the exchange themselves."""

import gzip
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import orjson

from sandbox.exchange import Exchange, complete
from sandbox.faults import Fault
from sandbox.recorder import ANSWERED, BROKEN
from sandbox.wire import Answer, html_answer, json_answer, render

Changer = Callable[[Fault, Answer], Answer]
Player = Callable[[Fault, Answer, Exchange], Awaitable[str]]

# These need no true answer: the operation is carried out only if the fault says `effect`.
INSTEAD = frozenset({"status", "redirect", "hang", "reset", "close", "close_mid_headers", "raw", "endless"})

ERROR_PAGE = (
    "<!doctype html><html><head><title>Service unavailable</title></head>"
    "<body><h1>Our services aren't available right now</h1></body></html>"
)


def _body(fault: Fault, answer: Answer) -> Answer:
    return json_answer(fault.body, fault.status or answer.status).with_headers(*fault.headers.items())


def _status(fault: Fault, answer: Answer) -> Answer:
    body = {"Message": "A fault of the sandbox."} if fault.body is None else fault.body
    status = fault.status or 500
    if isinstance(body, str):
        return Answer(status, body.encode(), (("Content-Type", "text/plain; charset=utf-8"), *fault.headers.items()))
    return json_answer(body, status).with_headers(*fault.headers.items())


def _map_objects(value: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    if isinstance(value, list):
        return [_map_objects(item, change) for item in value]
    return change(value) if isinstance(value, dict) else value


def _json_of(answer: Answer) -> Any:
    return orjson.loads(answer.body or b"null")


def _rejson(answer: Answer, value: Any) -> Answer:
    return replace(answer, body=orjson.dumps(value))


def _without(fault: Fault, answer: Answer) -> Answer:
    drop = set(fault.keys)
    value = _map_objects(_json_of(answer), lambda item: {key: item[key] for key in item if key not in drop})
    return _rejson(answer, value)


def _merge(fault: Fault, answer: Answer) -> Answer:
    return _rejson(answer, _map_objects(_json_of(answer), lambda item: item | (fault.body or {})))


def _gzip_bomb(fault: Fault, answer: Answer) -> Answer:
    packed = answer.with_headers(("Content-Encoding", "gzip"))
    return replace(packed, body=_bomb(answer.body, fault.size or 64 << 20))


@lru_cache(maxsize=4)
def _bomb(body: bytes, size: int) -> bytes:
    # Blanks after the JSON value: what comes out is valid, only far too large.
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    blanks = b" " * (1 << 20)
    packed = [packer.compress(body), *(packer.compress(blanks) for _ in range(size >> 20))]
    return b"".join([*packed, packer.flush()])


CHANGERS: dict[str, Changer] = {
    "body": _body,
    "status": _status,
    "without": _without,
    "merge": _merge,
    "gzip_bomb": _gzip_bomb,
    "null": lambda fault, answer: replace(answer, body=b"null"),
    "empty": lambda fault, answer: replace(answer, body=b"", status=fault.status or answer.status),
    "html": lambda fault, answer: html_answer(ERROR_PAGE, fault.status or 200),
    "wrong_json": lambda fault, answer: replace(answer, body=answer.body[: max(1, len(answer.body) // 2)] + b'{"cut'),
    "wrap": lambda fault, answer: _rejson(answer, {fault.key or "value": _json_of(answer)}),
    "count_object": lambda fault, answer: _rejson(answer, {fault.key or "count": _json_of(answer)}),
    "redirect": lambda fault, answer: Answer(fault.status or 302, headers=(("Location", fault.location),)),
    "set_cookie": lambda fault, answer: answer.with_headers(("Set-Cookie", fault.cookie)),
    "gzip": lambda fault, answer: replace(
        answer.with_headers(("Content-Encoding", "gzip")), body=gzip.compress(answer.body, mtime=0)
    ),
    "gzip_lie": lambda fault, answer: answer.with_headers(("Content-Encoding", "gzip")),
}


async def _hang(fault: Fault, answer: Answer, exchange: Exchange) -> str:
    await exchange.pause(None)
    raise AssertionError("a pause without end has ended")


async def _reset(fault: Fault, answer: Answer, exchange: Exchange) -> str:
    exchange.wire.reset()
    return BROKEN


async def _close(fault: Fault, answer: Answer, exchange: Exchange) -> str:
    exchange.wire.close()
    return BROKEN


async def _close_after(fault: Fault, answer: Answer, exchange: Exchange) -> str:
    # Without `Connection: close`: the peer finds its kept connection dead.
    await exchange.write(render(complete(answer)))
    exchange.wire.close()
    return ANSWERED


async def _close_mid_headers(fault: Fault, answer: Answer, exchange: Exchange) -> str:
    await exchange.write(b"HTTP/1.1 200 OK\r\nContent-Type: appl")
    exchange.wire.close()
    return BROKEN


async def _truncate(fault: Fault, answer: Answer, exchange: Exchange) -> str:
    head = render(complete(replace(answer, body=b"")).without("Content-Length"))[:-2]
    sent = answer.body[: len(answer.body) // 2 if fault.size is None else fault.size]
    await exchange.write(head + f"Content-Length: {len(answer.body)}\r\n\r\n".encode() + sent)
    exchange.wire.close()
    return BROKEN


async def _truncate_chunked(fault: Fault, answer: Answer, exchange: Exchange) -> str:
    sent = answer.body[: len(answer.body) // 2]
    await exchange.write(_chunked_head(answer) + f"{len(answer.body) + 1:x}\r\n".encode() + sent)
    exchange.wire.close()
    return BROKEN


async def _wrong_length(fault: Fault, answer: Answer, exchange: Exchange) -> str:
    by = 10 if fault.size is None else fault.size
    plain = complete(answer).without("Content-Length")
    await exchange.write(render(plain.with_headers(("Content-Length", str(max(0, len(answer.body) + by))))))
    if by > 0:
        exchange.wire.close()
    return BROKEN


async def _raw(fault: Fault, answer: Answer, exchange: Exchange) -> str:
    data = str(fault.body or "").encode("latin-1")
    size = fault.size or max(1, len(data))
    while True:
        for at in range(0, len(data), size):
            if at:
                await exchange.pause(fault.seconds)
            await exchange.write(data[at : at + size])
        if fault.ending != "again":
            break
        await exchange.pause(fault.seconds)
    match fault.ending:
        case "keep":
            return ANSWERED
        case "hang":
            await exchange.pause(None)
        case "reset":
            exchange.wire.reset()
        case _:
            exchange.wire.close()
    return BROKEN


async def _endless(fault: Fault, answer: Answer, exchange: Exchange) -> str:
    piece = b'{"name":"' + b"x" * 65_000 + b'"},'
    await exchange.write(_chunked_head(json_answer([])) + b"1\r\n[\r\n")
    while True:
        await exchange.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        await exchange.pause(0)


async def _slow_drip(fault: Fault, answer: Answer, exchange: Exchange) -> str:
    await exchange.answer(answer, piece=fault.size or 1, seconds=fault.seconds)
    return ANSWERED


def _chunked_head(answer: Answer) -> bytes:
    return render(replace(answer, body=b"").with_headers(("Transfer-Encoding", "chunked")))


PLAYERS: dict[str, Player] = {
    "hang": _hang,
    "reset": _reset,
    "close": _close,
    "close_after": _close_after,
    "close_mid_headers": _close_mid_headers,
    "truncate": _truncate,
    "truncate_chunked": _truncate_chunked,
    "wrong_length": _wrong_length,
    "raw": _raw,
    "endless": _endless,
    "slow_drip": _slow_drip,
}


async def play(fault: Fault | None, answer: Answer, exchange: Exchange) -> tuple[str, int | None]:
    """Send `answer` with a fault, or truly with None. Returns the outcome and the status that was sent.

    Raises:
        PeerGoneError: When the peer goes away first.
    """
    if fault is None or fault.kind in CHANGERS:
        changed = answer if fault is None else CHANGERS[fault.kind](fault, answer)
        await exchange.answer(changed)
        return ANSWERED, changed.status
    outcome = await PLAYERS[fault.kind](fault, answer, exchange)
    return outcome, answer.status if outcome == ANSWERED else None
