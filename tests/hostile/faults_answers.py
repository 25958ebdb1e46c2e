"""Well-framed answers that no honest Dynamics gives: packed lies, JSON that is none, bodies and heads without end."""

import gzip
import zlib
from functools import cache

from tests.hostile.fault_case import (
    CUT,
    END,
    FAILED,
    INVALID,
    LARGE,
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
MEGABYTE = 2**20
BOMB = "CWE-409; docs/settings.md (MAX_ANSWER_BYTES, MAX_IMAGE_BYTES)"
JSON_ONLY = "RFC 8259; CONTRACT 1.2"


def packed(data: bytes, encoding: bytes = b"gzip") -> dict[str, object]:
    head = (b"Content-Length: %d" % len(data), b"Content-Encoding: " + encoding)
    return raw(lambda good: lines(good, *head) + data)


def squeezed(good: Good) -> bytes:
    return gzip.compress(good.body, mtime=0)


@cache
def bomb() -> bytes:
    """200 MB of blanks in 200 KB, after a JSON value."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    blanks = b" " * MEGABYTE
    return b"".join([packer.compress(b"{}"), *(packer.compress(blanks) for _ in range(200)), packer.flush()])


def gzipped(change: object = None) -> dict[str, object]:
    def script(good: Good) -> bytes:
        body = squeezed(good) if change is None else change(squeezed(good))  # type: ignore[operator]
        return lines(good, b"Content-Length: %d" % len(body), b"Content-Encoding: gzip") + body

    return raw(script)


def said(body: bytes) -> dict[str, object]:
    return raw(lambda good: lines(good, b"Content-Length: %d" % len(body)) + body)


TABLE.add(
    "gzip was asked for, for JSON",
    "RFC 9110 8.4",
    Outcome(OK, OK),
    {
        "gzip": gzipped(),
        "x-gzip in capitals": raw(
            lambda good: lines(good, b"Content-Encoding: X-GZIP", b"Content-Length: %d" % len(squeezed(good))) + squeezed(good)
        ),
    },
)
TABLE.add(
    "an image was asked for as it is; the browser would unpack what nobody here has looked into",
    "RFC 9110 12.5.3; CWE-409",
    Outcome(image=INVALID),
    {"gzip": gzipped(), "gzip bomb": packed(bomb()), "gzip lie": kind("gzip_lie")},
)
TABLE.add(
    "what does not unpack is no answer",
    "RFC 1952; RFC 9110 8.4",
    Outcome(INVALID, LOST),
    {
        "gzip lie": kind("gzip_lie"),
        "gzip cut off": gzipped(lambda body: body[:-9]),
        "gzip with a wrong checksum": gzipped(lambda body: body[:-8] + b"evil" + body[-4:]),
        "deflate without its head": packed(zlib.compress(b"[]")[2:-4], b"deflate"),
        "an encoding that was not asked for": packed(b"evil", b"br"),
        "two encodings": packed(gzip.compress(gzip.compress(b"[]")), b"gzip, gzip"),
        "gzip that holds gzip": packed(gzip.compress(gzip.compress(b"[]"))),
    },
)
TABLE.add(
    "never unpacked beyond the largest answer",
    BOMB,
    Outcome(LARGE, LOST),
    {
        "gzip bomb": packed(bomb()),
        "gzip bomb of the sandbox": kind("gzip_bomb", size=2 * MEGABYTE),
        "deflate bomb": packed(zlib.compress(b"[" + b" " * 8 * MEGABYTE), b"deflate"),
    },
)
TABLE.add(
    "never read beyond the largest answer, nor the largest image",
    BOMB,
    Outcome(LARGE, LOST, (CUT, LARGE)),
    {
        "a body without end, chunked": flood(lambda good: chunked(good, one(good.body + bytes(MEGABYTE)) * 8)),
        "a body without end, up to the connection's end": flood(lambda good: lines(good) + good.body + bytes(MEGABYTE)),
        "a body of 8 MB": raw(lambda good: lines(good, b"Content-Length: %d" % (8 * MEGABYTE)) + good.body.ljust(8 * MEGABYTE)),
    },
)
TABLE.add(
    "JSON without end",
    BOMB,
    Outcome(LARGE, LOST),
    {"endless, a fault of the sandbox": kind("endless")},
)
TABLE.add(
    "a head without end is cut, whether in one line or in many",
    "CWE-770",
    Outcome((FAILED, TIMEOUT), (LOST, UNKNOWN), (FAILED, TIMEOUT)),
    {
        "a status line without end": raw(lambda good: b"HTTP/1.1 200 " + b"x" * 65_536, "hang"),
        "a header without end": raw(lambda good: lines(good, b"X-Odd: " + b"x" * MEGABYTE)[:-4], "hang"),
        "headers without end": raw(lambda good: b"HTTP/1.1 200 OK\r\n" + b"X-Odd: evil\r\n" * 1_000, "hang"),
    },
)
TABLE.add(
    "a large head that comes to its end: refused, or skipped, as it was in one piece or several",
    "CWE-770",
    Outcome((OK, FAILED), (OK, LOST), (OK, FAILED)),
    {
        "a header of 100 KB": raw(lambda good: whole(good, b"X-Odd: " + b"x" * 100_000)),
        "100,000 headers": raw(lambda good: whole(good, *(b"X-%d: 1" % number for number in range(100_000)))),
    },
)
TABLE.add(
    "a chunk extension without end, and trailers without end",
    "CWE-770",
    Outcome((FAILED, TIMEOUT), (LOST, UNKNOWN), (CUT, FAILED, TIMEOUT, OK)),
    {
        "a chunk extension without end": raw(lambda good: chunked(good, b"5;" + b"x" * MEGABYTE), "hang"),
        "a trailer without end": raw(lambda good: chunked(good, one(good.body), b"0\r\nX: " + b"x" * MEGABYTE), "hang"),
    },
)
TABLE.add(
    "a read answers JSON of the contract's form or an error; a registration is not known to be accepted",
    JSON_ONLY,
    Outcome(INVALID, LOST),
    {
        "half a JSON value": kind("wrong_json"),
        "a page of HTML": kind("html"),
        "words": said(b"evil"),
        "NaN": said(b"[NaN]"),
        "bytes that are no UTF-8": said(b'["\xff\xfe"]'),
        "UTF-16": said("[]".encode("utf-16")),
        "a lone surrogate": said(b'["\\ud800"]'),
        "100,000 lists in one another": said(b"[" * 100_000 + b"]" * 100_000),
        "an integer of 5,000 digits": said(b"[" + b"9" * 5_000 + b"]"),
        "two values": said(b"[][]"),
    },
)
TABLE.add(
    "of a read the form is known; of an accepted registration the status is the answer, whatever the body says beside it",
    "CONTRACT 1.2, 2.2",
    Outcome(INVALID, OK),
    {
        "true": said(b"true"),
        "a number": said(b"-1e300"),
        "text": said(b'"evil"'),
        "a list of text": said(b'["evil"]'),
        "a list of lists": said(b"[[[]]]"),
    },
)
TABLE.add(
    "an object where a list is due",
    JSON_ONLY,
    Outcome(read=INVALID),
    {"an object": said(b'{"evil":1}')},
)
TABLE.add(
    "lists are mended item by item",
    "docs/architecture.md (repairs)",
    Outcome(read=OK),
    {
        "a list of null": said(b"[null]"),
        "a name as an object": said(b'[{"readableEventId":{"a":1},"eventName":[1]}]'),
    },
)
TABLE.add(
    "a payment page whose address would run a script: the visitor is not told of a success, and has not paid",
    "CWE-601, CWE-79; CONTRACT 2.2",
    Outcome(register=LOST),
    {
        "a payment page that is a script": said(b'{"status":"Redirect","redirectUrl":"javascript:alert(1)"}'),
        "a payment page that is a file": said(b'{"status":"Redirect","redirectUrl":"file:///etc/passwd"}'),
        "a payment page on no host": said(b'{"status":"Redirect","redirectUrl":"https:///x"}'),
    },
)
TABLE.add(
    "odd JSON whose meaning is not in doubt",
    "RFC 8259 4, 8.1; docs/architecture.md (repairs)",
    Outcome(read=OK),
    {
        "byte order mark": said(b"\xef\xbb\xbf[]"),
        "wrapped": kind("wrap"),
        "null instead of a list": kind("null"),
        "blanks around": said(b" \r\n\t[] \r\n"),
        "without a type": raw(lambda good: lines(good, length(good), typed=False) + good.body),
        "another type": raw(lambda good: lines(good, length(good), b"Content-Type: text/evil", typed=False) + good.body),
        "doubled keys": said(b'[{"readableEventId":"evil","readableEventId":"One"}]'),
    },
)
TABLE.add(
    "what is no image would run on the portal's origin",
    "CWE-79; CONTRACT 2.1",
    Outcome(image=INVALID),
    {
        "HTML as an image": kind("html"),
        "a script without a type": raw(lambda good: lines(good, b"Content-Length: 13", typed=False) + b"alert('evil')"),
        "HTML that says it is HTML": raw(
            lambda good: (
                lines(good, b"Content-Type: text/html", b"Content-Length: 26", typed=False) + b"<script>evil</script>....."
            )
        ),
    },
)
TABLE.add(
    "harmless: nosniff and a sandbox stand on every image",
    "docs/architecture.md; RFC 9112 6.3",
    Outcome(image=OK),
    {"a script that says it is a PNG": said(b"alert('evil')"), "chunked": raw(lambda good: chunked(good, one(good.body), END))},
)
CASES = TABLE.cases
