"""Bodies of registrations: JSON of the contract's form within bounds, or nothing goes upstream."""

from gzip import compress

from tests.hostile.case import (
    BASE,
    BODY,
    CHUNKED,
    JSON,
    REGISTERED,
    REGISTRATIONS,
    Case,
    chunk,
    post,
    refused,
    served,
    upload,
)

MEGABYTE = 2**20
USER = BASE + b"users/authenticated/registrations/00000000-0000-0000-0000-000000000000/cancel"


def named(value: bytes) -> bytes:
    """A registration whose first name is the JSON text given."""
    return post(BODY.replace(b'"Nia"', value))


def beside(value: bytes) -> bytes:
    """A registration with an unknown key, which is kept."""
    return post(b'{"evil":' + value + b"," + BODY[1:])


CASES: list[Case] = [
    *refused(
        400,
        "InvalidBody",
        "not JSON",
        "RFC 8259; CONTRACT 2.2",
        {
            "empty body": post(b""),
            "words": post(b"not json"),
            "half an object": post(b"{"),
            "NaN": post(b"NaN"),
            "NaN as a value": named(b"NaN"),
            "Infinity as a value": named(b"-Infinity"),
            "single quotes": post(b"{'attendees':[{}]}"),
            "comma at the end": post(BODY[:-1] + b",}"),
            "comment": post(b"/* evil */" + BODY),
            "two values": post(BODY + BODY),
            "two byte order marks": post(b"\xef\xbb\xbf" * 2 + BODY),
            "UTF-16": post(BODY.decode().encode("utf-16")),
            "lone surrogate, escaped": named(b'"\\ud800"'),
            "surrogates in the wrong order": named(b'"\\udc00\\ud800"'),
            "lone surrogate as bytes": named(b'"\xed\xa0\x80"'),
            "byte that is no UTF-8": named(b'"\xff"'),
            "line end in a string": named(b'"a\nb"'),
            "integer of 400 digits": beside(b"9" * 400),
            "integer of 100,000 digits": beside(b"9" * 100_000),
            "number beyond a double": beside(b"1e999"),
            "100,000 lists in one another": post(b"[" * 100_000),
            "100,000 objects in one another": post(b'{"a":' * 100_000),
            "100,000 lists in an unknown key": beside(b"[" * 100_000 + b"]" * 100_000),
            "packed without saying so": post(compress(BODY)),
        },
    ),
    *refused(
        400,
        "InvalidBody",
        "JSON that cannot be written again: it is read more deeply than it is written",
        "orjson: 1,024 levels read, 254 written",
        {"300 lists in an unknown key": beside(b"[" * 300 + b"]" * 300)},
    ),
    *refused(
        400,
        "InvalidBody",
        "JSON, but not a registration",
        "CONTRACT 1.2, 2.2",
        {
            "null": post(b"null"),
            "true": post(b"true"),
            "list": post(b"[]"),
            "empty object": post(b"{}"),
            "attendees as text": post(b'{"attendees":"evil"}'),
            "attendees as an object": post(b'{"attendees":{"0":{}}}'),
            "no attendee": post(b'{"attendees":[]}'),
            "null as attendee": post(b'{"attendees":[null]}'),
            "101 attendees": post(b'{"attendees":[' + b",".join([b"{}"] * 101) + b"]}"),
            "number as name": named(b"1"),
            "query as name": named(b'{"$gt":""}'),
            "name of 1,001 characters": named(b'"' + b"x" * 1_001 + b'"'),
            "list as the value of a response": post(b'{"attendees":[{"responses":[{"id":"a","value":[1]}]}]}'),
            "finalize without a purchase": post(b"{}", target=REGISTRATIONS + b"/finalize"),
            "doubled key: the last one counts": post(BODY[:-1] + b',"attendees":[]}'),
        },
    ),
    *served(
        "odd, but a registration",
        "RFC 8259 8.1 (byte order mark), 4 (doubled keys); CONTRACT 2.2 (unknown keys are kept)",
        {
            "byte order mark": (post(b"\xef\xbb\xbf" + BODY), REGISTERED),
            "doubled key: the last one is sent": (post(b'{"attendees":[],' + BODY[1:]), REGISTERED),
            "integer of 65 bits": (beside(b"18446744073709551616"), REGISTERED),
            "keys that JavaScript minds": (post(b'{"__proto__":{"a":1},"constructor":null,' + BODY[1:]), REGISTERED),
            "captcha 900 levels deep, which is dropped": (
                post(b'{"hipObject":' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"," + BODY[1:]),
                REGISTERED,
            ),
            "100 KB of blanks": (post(BODY + b" " * 100_000), REGISTERED),
            "exactly 1 MB": (post(BODY + b" " * (MEGABYTE - len(BODY))), REGISTERED),
            "without a type": (post(BODY, b"X-Odd: 1"), REGISTERED),
            "type in capitals": (post(BODY, b"Content-Type: APPLICATION/JSON;charset=evil"), REGISTERED),
            "identity": (post(BODY, JSON, b"Content-Encoding: Identity"), REGISTERED),
        },
    ),
    *refused(
        413,
        "BodyTooLarge",
        "refused as soon as it is known; the rest is not read, and the connection ends",
        "RFC 9110 15.5.14",
        {
            "1 MB and one byte, declared": upload(b"", b"Content-Length: %d" % (MEGABYTE + 1)),
            "1 MB and one byte, chunked": upload(chunk(b"x" * (MEGABYTE + 1)), CHUNKED),
            "19 digits declared": upload(b"", b"Content-Length: 9999999999999999999"),
            "chunk that says 2**60": upload(b"1000000000000000\r\n" + b"x" * (MEGABYTE + 1), CHUNKED),
        },
    ),
    *refused(
        415,
        "UnsupportedMediaType",
        "a page of another site can send such a type without a preflight; and nothing is unpacked",
        "Fetch 'simple' types; CWE-352, CWE-409",
        {
            "text": post(BODY, b"Content-Type: text/plain"),
            "form": post(BODY, b"Content-Type: application/x-www-form-urlencoded"),
            "parts": post(BODY, b"Content-Type: multipart/form-data; boundary=evil"),
            "XML": post(b"<evil/>", b"Content-Type: application/xml"),
            "a longer name": post(BODY, b"Content-Type: application/jsonp"),
            "JSON as a parameter": post(BODY, b"Content-Type: text/plain; application/json"),
            "two types in one": post(BODY, b"Content-Type: application/json, text/plain"),
            "gzip": post(compress(BODY), JSON, b"Content-Encoding: gzip"),
            "gzip bomb": post(compress(bytes(2**24)), JSON, b"Content-Encoding: gzip"),
            "unknown packing": post(BODY, JSON, b"Content-Encoding: evil"),
        },
    ),
    *refused(
        501,
        "UserAuthenticationNotSupported",
        "what has no counterpart is refused whatever it brings",
        "CONTRACT 2",
        {"cancel with garbage": post(b"\0evil", target=USER)},
    ),
]
