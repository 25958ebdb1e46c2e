"""Answers whose framing lies: where one ends decides whose answer the next visitor reads."""

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
    Table,
    chunked,
    flood,
    kind,
    length,
    lines,
    one,
    raw,
    whole,
)

TABLE = Table()
DESYNC = "CWE-444 (response queue poisoning); RFC 9112 6.3, 9.2"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked"
FOREIGN = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n{"evil":"answer"}'
BROKEN = Outcome(FAILED, LOST, FAILED)
LATE = Outcome(FAILED, LOST, (CUT, FAILED))


def sized(size: bytes) -> dict[str, object]:
    return raw(lambda good: chunked(good, size + b"\r\n" + good.body + b"\r\n", END))


def first_page(good: Good) -> bytes:
    """A good answer of 4,096 bytes, so that what comes after it can come later."""
    pad = 4_096 - len(whole(good, b"X-Pad: "))
    return whole(good, b"X-Pad: " + b"x" * pad)


TABLE.add(
    "what comes after the answer is nobody's, and the connection is not used again",
    DESYNC,
    Outcome((OK, FAILED), (OK, LOST), (OK, FAILED)),
    {
        "a second answer that nobody asked for": raw(lambda good: whole(good) + FOREIGN, "keep"),
        "a second answer, a moment later": raw(lambda good: first_page(good) + FOREIGN, "keep", size=4_096, seconds=0.1),
        "garbage after the answer": raw(lambda good: whole(good) + b"evil", "keep"),
        "line ends after the answer": raw(lambda good: whole(good) + b"\r\n\r\n", "keep"),
        "a second answer after the last chunk": raw(lambda good: chunked(good, one(good.body), END) + FOREIGN, "keep"),
    },
)
TABLE.add(
    "a length shorter than the body: the rest must not become the next visitor's answer",
    DESYNC,
    Outcome((INVALID, FAILED), LOST, (OK, FAILED)),
    {"a length too short by 1": raw(lambda good: lines(good, length(good, -1)) + good.body, "keep")},
)
TABLE.add(
    "a length longer than the body",
    DESYNC,
    LATE,
    {"a length too long by 1": raw(lambda good: lines(good, length(good, 1)) + good.body)},
)
TABLE.add(
    "a length that cannot be read, or two of them: where the answer ends is not known",
    DESYNC,
    BROKEN,
    {
        "a negative length": raw(lambda good: lines(good, b"Content-Length: -1") + good.body),
        "a length with a sign": raw(lambda good: lines(good, b"Content-Length: +%d" % len(good.body)) + good.body),
        "a length in words": raw(lambda good: lines(good, b"Content-Length: evil") + good.body),
        "two unequal lengths": raw(lambda good: lines(good, length(good), length(good, 5)) + good.body),
        "a list of lengths": raw(lambda good: lines(good, length(good) + b", 5") + good.body),
        "length and chunked": raw(lambda good: lines(good, length(good), CHUNKED) + one(good.body) + END),
    },
)
TABLE.add(
    "a length of 2**64: either it cannot be read, or the body never comes to it",
    DESYNC,
    Outcome(FAILED, LOST, (FAILED, CUT, (502, "UpstreamAnswerTooLarge"))),
    {"a length of 2**64": raw(lambda good: lines(good, b"Content-Length: 18446744073709551616") + good.body)},
)
TABLE.add(
    "a chunk's size is hexadecimal digits, and its data are as long as they say",
    "RFC 9112 7.1",
    LATE,
    {
        "a chunk's size that is none": sized(b"zz"),
        "a negative chunk's size": sized(b"-5"),
        "a chunk's size with a prefix": sized(b"0x5"),
        "an empty chunk's size": sized(b""),
        "a chunk's size beyond 64 bits": sized(b"f" * 17),
        "a chunk longer than its size": raw(lambda good: chunked(good, b"1\r\n" + good.body + b"\r\n", END)),
        "chunked twice, and it is not": raw(lambda good: lines(good, CHUNKED) + good.body),
        "chunks through a fault of the sandbox": kind("truncate_chunked"),
        "a length through a fault of the sandbox": kind("wrong_length"),
        "half a body through a fault of the sandbox": kind("truncate"),
    },
)
TABLE.add(
    "an empty body of a read is no JSON, an accepted registration needs none, an empty image harms nobody",
    "RFC 9112 6.3; CONTRACT 2.2",
    Outcome(INVALID, OK, OK),
    {
        "a length of 0": raw(lambda good: lines(good, b"Content-Length: 0")),
        "the last chunk alone": raw(lambda good: chunked(good, END)),
        "nothing up to the connection's end": raw(lines),
    },
)
TABLE.add(
    "no version, another one, no number: nothing of it is believed",
    "RFC 9112 4, 2.3",
    BROKEN,
    {
        "a status line of HTTP/0.9": raw(lambda good: good.body),
        "another protocol": raw(lambda good: whole(good, status=b"ICY 200 OK")),
        "a status in words": raw(lambda good: whole(good, status=b"HTTP/1.1 OK")),
        "a status of two digits": raw(lambda good: whole(good, status=b"HTTP/1.1 20 OK")),
        "a status of four digits": raw(lambda good: whole(good, status=b"HTTP/1.1 2000 OK")),
        "TLS": raw(lambda good: bytes.fromhex("15030100020228")),
        "garbage": raw(lambda good: b"\0evil\xff" * 10),
        "a request": raw(lambda good: b"GET / HTTP/1.1\r\nHost: evil.invalid\r\n\r\n"),
    },
)
TABLE.add(
    "the form of HTTP/1 under another number: read as it stands, or refused",
    "RFC 9112 2.3",
    Outcome((OK, FAILED), (OK, LOST), (OK, FAILED)),
    {
        "a status line of HTTP/2": raw(lambda good: whole(good, status=b"HTTP/2.0 200 OK")),
        "a status line of HTTP/1.2": raw(lambda good: whole(good, status=b"HTTP/1.2 200 OK")),
    },
)
TABLE.add(
    "odd, and no doubt what it means",
    "RFC 9112 4, 7.1",
    Outcome(OK, OK, OK),
    {
        "HTTP/1.0": raw(lambda good: whole(good, status=b"HTTP/1.0 200 OK")),
        "no reason": raw(lambda good: whole(good, status=b"HTTP/1.1 200 ")),
        "chunk extensions": raw(lambda good: chunked(good, b"%x;evil=evil\r\n%s\r\n" % (len(good.body), good.body), END)),
        "trailers": raw(lambda good: chunked(good, one(good.body), b"0\r\nSet-Cookie: evil=1\r\n\r\n")),
        "a chunk for each byte": raw(lambda good: chunked(good, *(one(bytes([byte])) for byte in good.body), END)),
    },
)
TABLE.add(
    "lines that hops part differently: refused, or read as the other hop cannot misread them",
    "RFC 9112 2.2, 5.2",
    Outcome((FAILED, OK), (LOST, OK), (FAILED, OK)),
    {
        "LF instead of CR LF": raw(lambda good: whole(good).replace(b"\r\n", b"\n", 4)),
        "a continued line": raw(lambda good: whole(good, b"X-Odd: one\r\n evil: two")),
        "blank before the colon": raw(lambda good: whole(good, b"X-Odd : evil")),
        "a header without a colon": raw(lambda good: whole(good, b"evil")),
        "an empty name": raw(lambda good: whole(good, b": evil")),
    },
)
TABLE.add(
    "control characters in headers",
    "RFC 9110 5.5",
    BROKEN,
    {
        "NUL in a header": raw(lambda good: whole(good, b"X-Odd: a\0b")),
        "CR in a header": raw(lambda good: whole(good, b"X-Odd: a\rb")),
    },
)
TABLE.add(
    "answers before the answer: a few are skipped, none is taken for it",
    "RFC 9110 15.2",
    Outcome(OK, OK, OK),
    {
        "100 first": raw(lambda good: CONTINUE + whole(good)),
        "hints with a cookie first": raw(
            lambda good: b"HTTP/1.1 103 Early Hints\r\nLink: </evil>\r\nSet-Cookie: evil=1\r\n\r\n" + whole(good)
        ),
    },
)
TABLE.add(
    "a flood of them ends: by its number, or by the bound of the whole call",
    "CWE-400",
    Outcome((OK, FAILED), (OK, LOST), (OK, FAILED)),
    {"5,000 times 100, then the answer": raw(lambda good: CONTINUE * 5_000 + whole(good))},
)
TABLE.add(
    "the same, without an answer",
    "CWE-400",
    Outcome((TIMEOUT, FAILED), (UNKNOWN, LOST), (TIMEOUT, FAILED)),
    {
        "100 without end": flood(lambda good: CONTINUE * 10),
        "hints without end": flood(lambda good: b"HTTP/1.1 103 Early Hints\r\nX-Odd: " + b"x" * 900 + b"\r\n\r\n"),
    },
)
TABLE.add(
    "the same, as fast as the connection takes it",
    "CWE-400",
    Outcome((TIMEOUT, FAILED)),
    {"100 without end or pause": flood(lambda good: CONTINUE * 100, seconds=0)},
)
TABLE.add(
    "no upgrade was asked for",
    "RFC 9110 15.2.2",
    Outcome((FAILED, INVALID, TIMEOUT), (LOST, UNKNOWN), (FAILED, INVALID, TIMEOUT)),
    {
        "switching protocols": raw(
            lambda good: lines(good, b"Connection: upgrade", b"Upgrade: evil", status=b"HTTP/1.1 101 Switching Protocols")
        ),
    },
)
CASES = TABLE.cases
