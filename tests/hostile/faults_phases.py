"""Where an answer stops: before its headers, in them, or in its body; and how: closed, reset, silent, or one drop at a time."""

from tests.hostile.fault_case import (
    CUT,
    END,
    FAILED,
    INVALID,
    LOST,
    OK,
    TIMEOUT,
    UNKNOWN,
    Good,
    Outcome,
    Script,
    Table,
    chunked,
    kind,
    length,
    lines,
    one,
    raw,
    whole,
)

TABLE = Table()
ONCE = "RFC 9110 9.2.2: what is not idempotent is not sent again; issue 5, 2"


def part(good: Good, of: int = 2) -> bytes:
    return good.body[: max(1, len(good.body) // of)]


def in_length(good: Good) -> bytes:
    return lines(good, length(good, 1_000)) + part(good)


def in_chunk(good: Good) -> bytes:
    return chunked(good, b"1000\r\n" + part(good))


def between_chunks(good: Good) -> bytes:
    return chunked(good, one(part(good)))


def in_chunk_size(good: Good) -> bytes:
    return chunked(good, one(part(good)), b"1")


def in_trailers(good: Good) -> bytes:
    return chunked(good, one(good.body), b"0\r\nX-Odd: ev")


BEFORE: dict[str, Script] = {"before the headers": lambda good: b""}
IN_HEADERS: dict[str, Script] = {
    "in the status line": lambda good: b"HTTP/1.1 20",
    "in a header": lambda good: b"HTTP/1.1 200 OK\r\nContent-Type: appl",
    "before the empty line": lambda good: lines(good, length(good))[:-2],
}
IN_BODY: dict[str, Script] = {
    "in a body with a length": in_length,
    "in a chunk": in_chunk,
    "between two chunks": between_chunks,
    "in a chunk's size": in_chunk_size,
}


def ending(scripts: dict[str, Script], how: str, word: str) -> dict[str, dict[str, object]]:
    return {f"{word} {where}": raw(script, how) for where, script in scripts.items()}


for how, word in (("close", "closed"), ("reset", "reset")):
    TABLE.add(
        "nobody knows whether Dynamics did it: a read is asked once more at most, a registration never",
        ONCE,
        Outcome(FAILED, LOST, FAILED),
        ending(BEFORE | IN_HEADERS, how, word),
    )
    TABLE.add(
        "half an answer is no answer; what has begun is cut off, and never ends as if it were whole",
        "RFC 9112 8",
        Outcome(FAILED, LOST, (CUT, FAILED)),
        ending(IN_BODY, how, word),
    )
TABLE.add(
    "silence is waited for as long as the settings say, wherever it begins",
    "CWE-400; docs/settings.md",
    Outcome(TIMEOUT, UNKNOWN, TIMEOUT),
    ending(BEFORE | {"in a header": IN_HEADERS["in a header"]}, "hang", "silent"),
)
TABLE.add(
    "the same, and what was handed on already is cut off",
    "CWE-400; docs/settings.md",
    Outcome(TIMEOUT, UNKNOWN, CUT),
    ending({"in a body with a length": in_length, "in a chunk": in_chunk}, "hang", "silent"),
)
TABLE.add(
    "a body that is whole by its own framing is whole, whatever the connection does then",
    "RFC 9112 6.3, 9.6",
    Outcome(OK, OK, OK),
    {
        "closed after a body with a length": raw(whole),
        "closed after the last chunk": raw(lambda good: chunked(good, one(good.body), END)),
        "a body up to the connection's end": raw(lambda good: lines(good) + good.body),
        "closed after an answer, without saying so": kind("close_after", effect=True),
    },
)
TABLE.add(
    "a body up to the connection's end that ends with a reset is not whole; aiohttp takes an image for it, which shows as broken",
    "RFC 9112 8",
    Outcome((FAILED, INVALID), LOST, (CUT, FAILED, OK)),
    {"reset in a body without a length": raw(lambda good: lines(good) + part(good), "reset")},
)
TABLE.add(
    "trailers that do not end: the message is not whole",
    "RFC 9112 7.1.2",
    Outcome((FAILED, OK), (LOST, OK), (CUT, FAILED, OK)),
    {"closed in the trailers": raw(in_trailers)},
)
TABLE.add(
    "each drop resets the clock of silence, so that the whole call has a bound of its own",
    "CWE-400 (Slowloris, from the other side)",
    Outcome(TIMEOUT, UNKNOWN, TIMEOUT),
    {"headers, a byte at a time": raw(lambda good: lines(good, b"X: " + b"x" * 1_000), size=1, seconds=0.05)},
)
TABLE.add(
    "the same for a body; an image is handed on for as long as a client may take for it, and cut off then",
    "CWE-400; docs/settings.md",
    Outcome(TIMEOUT, UNKNOWN, CUT),
    {
        "body, a byte at a time": raw(
            lambda good: lines(good, length(good, 1_000)) + good.body[:1] + b" " * 999, size=200, seconds=0.25
        ),
    },
)
TABLE.add(
    "slow, but within all bounds",
    "docs/settings.md",
    Outcome(OK, OK, OK),
    {
        "late": kind("latency", seconds=0.1),
        "in pieces": raw(whole, size=97, seconds=0.01),
        "in pieces that part the headers": raw(whole, size=7, seconds=0),
    },
)
for how in ("close", "reset", "hang", "close_mid_headers", "truncate", "truncate_chunked", "wrong_length"):
    TABLE.add(
        "Dynamics registered the visitor and could not say so: the visitor is told to look, and it is never sent again",
        ONCE,
        Outcome(register=(LOST, UNKNOWN)),
        {f"carried out, then {how.replace('_', ' ')}": kind(how, effect=True)},
    )
CASES = TABLE.cases
