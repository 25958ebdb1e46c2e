"""Headers: who is believed about the host, what stands twice, what hides, and how much of it there may be."""

from tests.hostile.case import (
    BASE,
    BODY,
    CHUNKED,
    CLOSE,
    HOST,
    JSON,
    LIST,
    LISTED,
    REGISTERED,
    Case,
    chunk,
    closed,
    get,
    head,
    post,
    refused,
    served,
    upload,
)

LINE = b"GET %s HTTP/1.1" % LIST
TRACE = b"traceparent: 00-11111111111111111111111111111111-2222222222222222-01"
NOTES = 'FIELD-NOTES "The server"'
# What the fixed headers of `get` count for: names and values.
FIXED = len(HOST.replace(b": ", b"") + CLOSE.replace(b": ", b""))


def host(value: bytes) -> bytes:
    return head(LINE, b"Host: " + value, CLOSE)


def trailers(*lines: bytes) -> bytes:
    return upload(chunk() + b"0\r\n" + head(*lines), CHUNKED, b"Trailer: X-Request-ID")


CASES: list[Case] = [
    *refused(
        400,
        "BadHeaders",
        "a host that is missing, doubled or no host poisons whatever is made of it",
        f"RFC 9112 3.2; {NOTES}",
        {
            "no host": head(LINE, CLOSE),
            "two hosts": head(LINE, HOST, b"Host: evil.invalid", CLOSE),
            "the same host twice": head(LINE, HOST, HOST, CLOSE),
            "host with a path": host(b"proxy.invalid/../evil"),
            "host with a user": host(b"proxy.invalid@evil.invalid"),
            "host with encoded CR LF": host(b"proxy.invalid%0d%0aX-Evil: evil"),
            "host with a number sign": host(b"evil.invalid#"),
            "host with a backslash": host(b"proxy.invalid\\evil"),
            "list of hosts": host(b"proxy.invalid, evil.invalid"),
            "host with a blank": host(b"proxy.invalid evil.invalid"),
            "host beyond ASCII": host(b"caf\xe9.invalid"),
            "host with a port that is none": host(b"proxy.invalid:999999"),
            "host with an open bracket": host(b"[::1"),
            "empty host": host(b""),
        },
    ),
    *refused(
        400,
        "BadHeaders",
        "of two values each hop believes another one",
        "RFC 9110 5.3",
        {
            "content type twice": post(BODY, JSON, b"Content-Type: text/plain"),
            "origin twice": get(LIST, b"Origin: http://localhost:4200", b"Origin: http://evil.invalid"),
            "request id twice": get(LIST, b"X-Request-ID: one", b"X-Request-ID: evil"),
            "authorization twice": get(LIST, b"Authorization: Bearer evil", b"Authorization: Bearer evil2"),
            "content encoding twice": post(BODY, JSON, b"Content-Encoding: identity", b"Content-Encoding: gzip"),
        },
    ),
    *served(
        "headers go upstream by allow-list",
        "DESIGN; FIELD-NOTES; RFC 9110 7.6.1",
        {
            "names with underscores": (
                get(LIST, b"Content_Length: 5", b"Transfer_Encoding: chunked", b"X_Request_ID: evil", b"Host_: evil"),
                LISTED,
            ),
            "trace context with an underscore": (get(LIST, TRACE.replace(b"traceparent", b"trace_parent")), LISTED),
            "trace context named in Connection": (head(LINE, HOST, b"Connection: close, TraceParent", TRACE), LISTED),
            "host named in Connection": (head(LINE, HOST, b"Connection: close, host, origin"), LISTED),
            "identity of somebody else": (
                get(
                    LIST,
                    b"X-Forwarded-For: evil",
                    b"X-Forwarded-Host: evil.invalid",
                    b"Forwarded: host=evil.invalid",
                    b"Cookie: session=evil",
                    b"Authorization: Bearer evil",
                    b"Origin: http://evil.invalid",
                ),
                LISTED,
            ),
            "another method and path by header": (
                get(LIST, b"X-HTTP-Method-Override: DELETE", b"X-Original-URL: /evil", b"X-Rewrite-URL: /evil"),
                LISTED,
            ),
            "conditions and ranges": (get(LIST, b"Range: bytes=0-1", b"If-None-Match: *", b"If-Match: evil"), LISTED),
            "request id that is none": (get(LIST, b"X-Request-ID: <script>evil</script>"), LISTED),
            "bytes beyond ASCII in a value": (get(LIST, b"X-Odd: evil\xff\xfe"), LISTED),
            "tab in a value": (get(LIST, b"X-Odd: evil\tevil"), LISTED),
            "a very long list of languages": (get(LIST, b"Accept-Language: " + b"xx," * 5_000), LISTED),
        },
    ),
    *served(
        "trailers come after the headers were checked: they are read by nobody, in one piece or in two",
        f"{NOTES}; RFC 9110 6.5.1",
        {
            "trailers": (trailers(b"X-Request-ID: evil", b"Authorization: Bearer evil", TRACE), REGISTERED),
            "trailers with a second host": (trailers(b"Host: evil.invalid"), REGISTERED),
            "trailers with another type": (trailers(b"Content-Type: text/evil", b"Content-Encoding: gzip"), REGISTERED),
            "trailers in a second piece": (
                (upload(chunk(), CHUNKED), b"0\r\nX-Request-ID: evil\r\n" + TRACE + b"\r\n\r\n"),
                REGISTERED,
            ),
        },
    ),
    *refused(
        400,
        "BadHeaders",
        "trailers cannot change the framing that has already been believed",
        "RFC 9110 6.5.1",
        {
            "content length as trailer": trailers(b"Content-Length: 5"),
            "trailers without an end": (upload(chunk() + b"0\r\n", CHUNKED), b"X-Odd: evil\r\n" * 20_000),
            "one trailer without an end": (upload(chunk() + b"0\r\nX-Odd: ", CHUNKED), b"x" * 600_000),
        },
    ),
    *served(
        "exactly what is allowed",
        "RFC 9110 5.4",
        {
            "100 headers": (get(LIST, *(b"X-%d: 1" % number for number in range(98))), LISTED),
            "32 KB of headers": (get(LIST, b"X: " + b"x" * (32_768 - FIXED - 1)), LISTED),
        },
    ),
    *refused(
        431,
        "HeadersTooLarge",
        "more than any browser sends",
        f"RFC 6585 5; {NOTES}",
        {
            "101 headers": get(LIST, *(b"X-%d: 1" % number for number in range(99))),
            "5,000 headers": get(LIST, *(b"X-%d: 1" % number for number in range(4_998))),
            "32 KB and one byte of headers": get(LIST, b"X: " + b"x" * (32_769 - FIXED - 1)),
            "70 KB in one header": get(LIST, b"X: " + b"x" * 70_000),
        },
    ),
    *refused(
        400,
        "BadHeaders",
        "headers without an end are cut while they come, whether in many pieces or in one that the parser hoards",
        "CWE-770",
        {
            "200 KB of headers without an end": (head(LINE, HOST)[:-2], b"X-Odd: %s\r\n" % (b"x" * 93) * 2_000),
            "600 KB in one header without an end": (head(LINE, HOST)[:-2] + b"X-Odd: ", b"x" * 600_000),
            "600 KB in one header name": (head(LINE, HOST)[:-2], b"x" * 600_000),
            "empty lines without an end": (b"\r\n" * 300_000,),
        },
    ),
    *refused(
        400,
        "BadHeaders",
        "lines that hops part differently hide headers from one of them",
        "RFC 9112 2.2, 5.1, 5.2",
        {
            "continued line": get(LIST, b"X-Odd: one\r\n evil: two"),
            "continued first line": head(LINE + b"\r\n X-Odd: evil", HOST, CLOSE),
            "LF instead of CR LF": get().replace(b"\r\n", b"\n"),
            "LF between two headers": head(LINE, HOST + b"\nX-Odd: evil", CLOSE),
            "CR in a value": get(LIST, b"X-Odd: a\rEvil: b"),
            "NUL in a value": get(LIST, b"X-Odd: a\0b"),
            "control character in a value": get(LIST, b"X-Odd: a\x01b"),
            "header without a colon": get(LIST, b"garbage"),
            "blank before the colon": get(LIST, b"X-Odd : evil"),
            "blank in a name": get(LIST, b"X Odd: evil"),
            "NUL in a name": get(LIST, b"X\0Odd: evil"),
            "empty name": get(LIST, b": evil"),
            "byte beyond ASCII in a name": get(LIST, b"X-\xe9: evil"),
        },
    ),
    *refused(
        404,
        "OperationNotFound",
        "no address is made of the host: Starlette would redirect to it",
        "CWE-601",
        {
            "redirect to the host": head(b"GET /docs/ HTTP/1.1", b"Host: evil.invalid", CLOSE),
            "redirect to the host, under the base": head(b"GET %sx/ HTTP/1.1" % BASE, b"Host: evil.invalid", CLOSE),
        },
    ),
    *closed(
        "headers have to come in time",
        "CWE-400 (Slowloris)",
        {"headers without an end, slowly": (LINE + b"\r\n", b"Host: pro"), "no byte at all": b""},
    ),
]
