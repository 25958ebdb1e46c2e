"""Where a message ends: two hops that disagree on it let one visitor write another one's request."""

from tests.hostile.case import BODY, CHUNKED, END, REGISTERED, Case, chunk, closed, get, refused, served, upload

SMUGGLING = "RFC 9112 6.1-6.3; CWE-444"
FIRST, SECOND = BODY[:5], BODY[5:]
GZIP = b"Transfer-Encoding: gzip"


def length(value: bytes) -> bytes:
    return upload(BODY, b"Content-Length: " + value)


def coded(value: bytes) -> bytes:
    return upload(chunk() + END, b"Transfer-Encoding:" + value)


def sized(size: bytes) -> bytes:
    return upload(b"%s\r\n%s\r\n" % (size, FIRST) + chunk(SECOND) + END, CHUNKED)


CASES: list[Case] = [
    *refused(
        400,
        "BadHeaders",
        "the length is ambiguous or unreadable, so the connection ends with the answer",
        SMUGGLING,
        {
            "length and chunked": upload(chunk() + END, b"Content-Length: 5", CHUNKED),
            "chunked and length": upload(chunk() + END, CHUNKED, b"Content-Length: 5"),
            "chunked twice": upload(chunk() + END, CHUNKED, CHUNKED),
            "chunked twice in a list": coded(b" chunked, chunked"),
            "chunked, then identity": coded(b" chunked, identity"),
            "identity": coded(b" identity"),
            "identity and chunked in two lines": upload(chunk() + END, b"Transfer-Encoding: identity", CHUNKED),
            "gzip": coded(b" gzip"),
            "gzip, then chunked": coded(b" gzip, chunked"),
            "gzip, then chunked, without a body": get(b"/livez", b"Transfer-Encoding: gzip, chunked") + END,
            "xchunked": coded(b" xchunked"),
            "quoted": coded(b' "chunked"'),
            "vertical tab before chunked": coded(b" \x0bchunked"),
            "no coding": coded(b""),
            "chunked in HTTP/1.0": upload(chunk() + END, CHUNKED, version=b"HTTP/1.0"),
        },
    ),
    *refused(
        400,
        "BadHeaders",
        "a length is digits, once",
        "RFC 9110 8.6",
        {
            "two unequal lengths": upload(BODY, b"Content-Length: 3", b"Content-Length: 5"),
            "two equal lengths": upload(BODY, b"Content-Length: 5", b"Content-Length: 5"),
            "list of lengths": length(b"5, 5"),
            "negative length": length(b"-1"),
            "length with a sign": length(b"+5"),
            "length in hexadecimal": length(b"0x5"),
            "length with an exponent": length(b"1e3"),
            "length with a blank": length(b"5 5"),
            "empty length": length(b""),
            "length of 2**64": length(b"18446744073709551616"),
            "length of a superscript two": length("\u00b2".encode("latin-1")),
        },
    ),
    *refused(
        400,
        "BadHeaders",
        "a chunk's size is hexadecimal digits, and its data are as long as they say",
        "RFC 9112 7.1",
        {
            "size that is none": sized(b"zz"),
            "negative size": sized(b"-1"),
            "size with a prefix": sized(b"0x5"),
            "empty size": sized(b""),
            "blank before the size": sized(b" 5"),
            "blank after the size": sized(b"5 "),
            "size beyond 64 bits": sized(b"ffffffffffffffff5"),
            "LF after the size": upload(b"5\n%s\r\n" % FIRST + chunk(SECOND) + END, CHUNKED),
            "LF in a chunk extension": sized(b"5;\nevil"),
            "data longer than the size": upload(b"5\r\n%s\r\n" % BODY + END, CHUNKED),
            "chunk extension without an end": (upload(b"5;", CHUNKED), b"x" * 600_000),
        },
    ),
    *served(
        "well-formed; extensions are for hops, and read by nobody",
        "RFC 9112 7.1",
        {
            "chunked": (upload(chunk() + END, CHUNKED), REGISTERED),
            "chunked in capitals, after a tab": (coded(b"\tCHUNKED"), REGISTERED),
            "chunked, a byte at a time": (
                (upload(b"", CHUNKED), *(chunk(BODY[at : at + 1]) for at in range(len(BODY))), END),
                REGISTERED,
            ),
            "size with leading zeros": (sized(b"0000000005"), REGISTERED),
            "chunk extension": (sized(b"5;evil=evil"), REGISTERED),
            "quoted chunk extension": (sized(b'5;evil="\\"evil\\""'), REGISTERED),
            "length with leading zeros": (length(b"000%d" % len(BODY)), REGISTERED),
        },
    ),
    *refused(
        408,
        "RequestTimeout",
        "a body has to come in time",
        "CWE-400; RFC 9110 15.5.9",
        {"body that stops": upload(BODY[:9], b"Content-Length: %d" % len(BODY))},
    ),
    *closed(
        "the caller left before its request was whole: there is nobody to answer, and nothing to register",
        "RFC 9112 8",
        {
            "ends in the request line": b"GET / HT",
            "ends in the headers": get()[:-2],
            "ends in the body": upload(BODY[:-1], b"Content-Length: %d" % len(BODY)),
            "ends in a chunk": upload(chunk()[:-9], CHUNKED),
            "ends before the last chunk": upload(chunk(), CHUNKED),
            "ends in the trailers": upload(chunk() + b"0\r\nX-Odd: ev", CHUNKED),
            "ends at once": b"",
        },
        leaves=True,
    ),
]
