"""Versions, pipelining, expectations and upgrades: what a connection is used for beside one request."""

from tests.hostile.case import (
    BASE,
    BODY,
    CHUNKED,
    CLOSE,
    END,
    HOST,
    JSON,
    LIST,
    LISTED,
    REGISTERED,
    REGISTRATIONS,
    Case,
    chunk,
    closed,
    get,
    head,
    post,
    refused,
    served,
)

AGAIN = head(b"GET %s HTTP/1.1" % LIST, HOST)
NOWHERE = BASE + b"nowhere"
PIPELINING = "RFC 9112 9.3.2"
UPGRADE = (b"Connection: Upgrade", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA")
WEBSOCKET = (
    b"Connection: Upgrade",
    b"Upgrade: websocket",
    b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
OK = (200, None)


def upgrade(*headers: bytes, method: bytes = b"GET", target: bytes = LIST) -> bytes:
    return head(b"%s %s HTTP/1.1" % (method, target), HOST, *headers)


CASES: list[Case] = [
    *refused(
        400,
        "BadHeaders",
        "only HTTP/1.0 and HTTP/1.1 are spoken",
        "RFC 9112 2.3; FIELD-NOTES",
        {
            "HTTP/0.9 by name": head(b"GET %s HTTP/0.9" % LIST),
            "HTTP/0.9 with a body": head(b"POST %s HTTP/0.9" % REGISTRATIONS, HOST, b"Content-Length: 2") + b"{}",
            "HTTP/1.2": get(version=b"HTTP/1.2"),
            "HTTP/1.10": get(version=b"HTTP/1.10"),
            "HTTP/2.0": get(version=b"HTTP/2.0"),
            "HTTP/3.7": get(version=b"HTTP/3.7"),
            "HTTP/11": get(version=b"HTTP/11"),
            "version in small letters": get(version=b"http/1.1"),
            "another protocol": get(version=b"ICY/1.1"),
            "preface of HTTP/2": PREFACE + b"\0\0\0\4\0\0\0\0\0",
            "TLS": bytes.fromhex("16030100c8010000c40303") + bytes(64),
            "PROXY protocol": b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + get(),
            "NULs": bytes(100),
            "blank before the request": b" " + get(),
            "tabs in the request line": get().replace(b" /", b"\t/", 1),
        },
    ),
    *closed(
        "the parser waits for the headers that HTTP/0.9 does not have, and its clock ends that",
        "RFC 9112 2.3",
        {"HTTP/0.9 without a version": b"GET %s\r\n" % LIST},
    ),
    *served(
        "one request, whatever stands around it",
        "RFC 9112 2.2, 9.3",
        {
            "HTTP/1.0 without a host": (head(b"GET %s HTTP/1.0" % LIST), LISTED),
            "HTTP/1.0 that would stay": (head(b"GET %s HTTP/1.0" % LIST, b"Connection: keep-alive"), LISTED),
            "HTTP/1.0, a second request": (head(b"GET %s HTTP/1.0" % LIST, b"Connection: keep-alive") + get(), LISTED),
            "empty lines before": (b"\r\n\r\n" + get(), LISTED),
            "two blanks in the request line": (get().replace(b" /", b"  /", 1), LISTED),
            "a request after the last one": (get() + get(), LISTED),
            "garbage after the last request": (get() + b"\0evil\r\n\r\n", LISTED),
            "a body that nobody waits for": (get(LIST, b"Content-Length: 4") + b"evil", LISTED),
        },
    ),
    *(
        Case(name, (sent,), answers, why, PIPELINING, upstream)
        for name, sent, answers, upstream, why in (
            ("two requests", AGAIN + get(), (OK, OK), (LISTED, LISTED), "answered in order"),
            (
                "a refused one and a good one",
                head(b"GET %s HTTP/1.1" % NOWHERE, HOST) + get(),
                ((404, "OperationNotFound"), OK),
                (LISTED,),
                "a refusal of a well-framed request does not end the connection",
            ),
            (
                "a registration and a read",
                post(last=False) + get(),
                (OK, OK),
                (REGISTERED, LISTED),
                "the body ends where its length says",
            ),
            (
                "a request inside a body that is read",
                head(b"POST %s HTTP/1.1" % REGISTRATIONS, HOST, JSON, CHUNKED) + chunk(get(b"/evil")) + END + get(),
                ((400, "InvalidBody"), OK),
                (LISTED,),
                "a body is no request",
            ),
            (
                "a request inside a body that is not read",
                post(get(b"/evil"), target=NOWHERE, last=False) + get(),
                ((404, "OperationNotFound"), OK),
                (LISTED,),
                "also where the answer was given before the body was there",
            ),
            (
                "a request inside the body of a read",
                head(b"GET %s HTTP/1.1" % LIST, HOST, b"Content-Length: %d" % len(get())) + get() + get(),
                (OK, OK),
                (LISTED, LISTED),
                "a read may have a body; it is skipped as long as it says",
            ),
            (
                "a good one and garbage",
                AGAIN + b"evil\r\n\r\n",
                (OK,),
                (LISTED,),
                "an error written now would be read as the answer to the first; the connection ends after that one",
            ),
            (
                "two good ones and garbage",
                AGAIN + AGAIN + b"evil\r\n\r\n",
                (OK, OK),
                (LISTED, LISTED),
                "the same, with one that waits its turn",
            ),
            (
                "a registration and garbage",
                post(last=False) + b"evil\r\n\r\n",
                (OK,),
                (REGISTERED,),
                "who registered has to read that it succeeded, or tries again",
            ),
            (
                "garbage and a good one",
                b"evil\r\n\r\n" + get(),
                ((400, "BadHeaders"),),
                (),
                "where a message begins is not known any more",
            ),
            (
                "continue, then the answer",
                post(BODY, JSON, b"Expect: 100-continue"),
                ((100, None), OK),
                (REGISTERED,),
                "RFC 9110 10.1.1: the body is asked for when it is going to be read",
            ),
            (
                "continue is not said to what is too large",
                head(b"POST %s HTTP/1.1" % REGISTRATIONS, HOST, b"Expect: 100-continue", b"Content-Length: 2000000"),
                ((413, "BodyTooLarge"),),
                (),
                "RFC 9110 10.1.1: the refusal comes instead of the body",
            ),
            (
                "an expectation of another kind",
                post(BODY, JSON, b"Expect: evil"),
                (OK,),
                (REGISTERED,),
                "RFC 9110 10.1.1 allows to ignore it",
            ),
        )
    ),
    *served(
        "no upgrade is made: the request is answered as it is, and the connection ends, as the parser has lost its place",
        "RFC 9110 7.8; RFC 7540 3.2",
        {
            "websocket": (upgrade(*WEBSOCKET), LISTED),
            "websocket, with frames after it": (upgrade(*WEBSOCKET) + b"\x81\x85evil!evil!", LISTED),
            "h2c": (upgrade(*UPGRADE), LISTED),
            "h2c, with the preface after it": ((upgrade(*UPGRADE), PREFACE), LISTED),
            "h2c, with a request after it": ((upgrade(*UPGRADE), get()), LISTED),
            "upgrade that Connection does not name": (
                (upgrade(b"Upgrade: h2c", b"Content-Length: 4", CLOSE), b"evil"),
                LISTED,
            ),
        },
    ),
    *refused(
        400,
        "BadHeaders",
        "the parser takes the body of such a request for the next request: nothing of it is believed",
        "RFC 9110 7.8; CWE-444",
        {
            "h2c with a request as body": (
                upgrade(*UPGRADE, JSON, b"Content-Length: %d" % len(get()), method=b"POST", target=REGISTRATIONS),
                get(),
            ),
            "h2c with a registration": upgrade(
                *UPGRADE, JSON, b"Content-Length: %d" % len(BODY), method=b"POST", target=REGISTRATIONS
            )
            + BODY,
            "h2c with a chunked body": (upgrade(*UPGRADE, JSON, CHUNKED, method=b"POST", target=REGISTRATIONS), chunk() + END),
            "h2c on a read with a body": (upgrade(*UPGRADE, b"Content-Length: %d" % len(get())), get()),
        },
    ),
]
