"""Statuses, redirects, cookies and other headers of answers: what the proxy makes of them, and what never reaches a visitor."""

from tests.hostile.fault_case import (
    BUSY,
    FAILED,
    GONE,
    INVALID,
    LOST,
    OK,
    REFUSED,
    Outcome,
    Table,
    kind,
    raw,
    whole,
)

TABLE = Table()
FORBIDDEN = "{forbidden}"
"""Stands for the address of a server that must never be asked: in its place a cloud's metadata, an intranet, a database."""
TOKEN, EMAIL = "{token}", "nia@example.com"
STATUSES = "CONTRACT 1.2, 2; docs/errors.md"


def status(*numbers: int, **values: object) -> dict[str, dict[str, object]]:
    return {f"status {number}": kind("status", status=number, **values) for number in numbers}


def redirect(number: int, location: str) -> dict[str, object]:
    return kind("redirect", status=number, location=location)


TABLE.add(
    "a failure of Dynamics is a bad gateway; a registration may have been accepted",
    STATUSES,
    Outcome(FAILED, LOST, FAILED),
    status(500, 501, 502, 504, 507, 520, 599),
)
TABLE.add(
    "unavailable: nothing was done",
    STATUSES,
    Outcome(FAILED, FAILED, FAILED),
    status(503, headers={"Retry-After": "1"}),
)
TABLE.add(
    "the proxy's token was refused, not the visitor's: never 401, which portals take for the end of a session",
    "FIELD-NOTES; " + STATUSES,
    Outcome(REFUSED, REFUSED, REFUSED),
    status(401, 403) | {"401 that asks for a password": kind("status", status=401, headers={"WWW-Authenticate": "Basic"})},
)
TABLE.add("Dynamics does not know it", STATUSES, Outcome(GONE, GONE, GONE), status(404))
TABLE.add(
    "a client error keeps its status, and its sentence is cleaned",
    STATUSES,
    Outcome((400, "UpstreamRejected"), (400, "UpstreamRejected"), (400, "UpstreamRejected")),
    {
        **status(400),
        "400 with a script": kind("status", status=400, body={"Message": "<script>alert(1)</script>No"}),
        "400 with the token": kind("status", status=400, body={"Message": f"No: {TOKEN} https://x.invalid/?t={TOKEN}"}),
        "400 with an address": kind("status", status=400, body=f"No {EMAIL} http://10.0.0.1/x?emApplicationtoken={TOKEN}"),
        "400 with a stack": kind("status", status=400, body="System.NullReferenceException\n   at A.B.C() in D:\\x.cs:line 1"),
        "400 with a megabyte": kind("status", status=400, body="x" * 900_000),
        "400 with deep JSON": raw(lambda good: b"HTTP/1.1 400 Bad Request\r\nContent-Length: 100000\r\n\r\n" + b"[" * 100_000),
        "400 with bytes that are no UTF-8": raw(
            lambda good: b"HTTP/1.1 400 Bad Request\r\nContent-Length: 4\r\n\r\n\xff\xfe\x00\x80"
        ),
    },
)
TABLE.add(
    "too many requests: heeded, and said so",
    "CONTRACT 2; RFC 6585 4",
    Outcome(BUSY, BUSY),
    {
        "status 429": kind("status", status=429, headers={"Retry-After": "1"}),
    },
)
TABLE.add(
    "a read without JSON is none, a registration is accepted by its status, an empty image harms nobody",
    "RFC 9110 15.3, 15.4",
    Outcome(INVALID, OK, (OK, INVALID)),
    {f"status {number} without a body": kind("empty", status=number) for number in (202, 204, 205)},
)
TABLE.add(
    "an answer to a question that was not asked",
    "RFC 9110 15.3.7, 15.4",
    Outcome(INVALID, LOST, INVALID),
    {
        "status 300": kind("empty", status=300),
        "status 304, as nobody asked whether": raw(lambda good: b"HTTP/1.1 304 Not Modified\r\n\r\n"),
        "status 399": kind("empty", status=399),
    },
)
TABLE.add(
    "a status that HTTP does not have",
    "RFC 9110 15",
    Outcome((FAILED, INVALID), (LOST, FAILED), (FAILED, INVALID)),
    {
        "status 600": raw(lambda good: whole(good, status=b"HTTP/1.1 600 Evil")),
        "status 999": raw(lambda good: whole(good, status=b"HTTP/1.1 999 Evil")),
        "status 000": raw(lambda good: whole(good, status=b"HTTP/1.1 000 Evil")),
    },
)
TABLE.add(
    "redirects are never followed: whoever writes one would choose what the proxy asks, with its token",
    "CWE-918 (SSRF); OWASP API7:2023",
    Outcome(INVALID, LOST, INVALID),
    {
        **{
            f"{number} to a forbidden place": redirect(number, f"http://{FORBIDDEN}/latest")
            for number in (301, 302, 303, 307, 308)
        },
        "302 to a place without a scheme": redirect(302, f"//{FORBIDDEN}/latest"),
        "302 to a place with a user": redirect(302, f"http://localhost:4200@{FORBIDDEN}/"),
        "302 to a file": redirect(302, "file:///etc/passwd"),
        "302 to itself": redirect(302, "?again"),
        "302 to a path": redirect(302, "/evil"),
        "302 to a script": redirect(302, "javascript:evil"),
        "302 without a place": kind("empty", status=302),
        "302 with the token": redirect(302, f"http://{FORBIDDEN}/?emApplicationtoken={TOKEN}"),
        "302 to nonsense": redirect(302, "http://[::evil"),
        "302 with a page": kind("html", status=302),
    },
)
TABLE.add(
    "200 with a place to go: there is nowhere to go to",
    "CWE-918",
    Outcome(OK, OK, OK),
    {
        "a location beside the answer": raw(lambda good: whole(good, b"Location: http://{forbidden}/")),
        "a refresh beside the answer": raw(lambda good: whole(good, b"Refresh: 0;url=http://{forbidden}/")),
        "an alternative beside the answer": raw(lambda good: whole(good, b'Alt-Svc: h2="{forbidden}"; ma=86400')),
    },
)
TABLE.add(
    "headers come back by allow-list: a cookie of Dynamics is of another visitor, and its CORS is not the portal's",
    "FIELD-NOTES; CWE-384, CWE-113",
    Outcome(OK, OK, OK),
    {
        "a cookie": raw(lambda good: whole(good, b"Set-Cookie: session=evil; Path=/")),
        "100 cookies": raw(lambda good: whole(good, *[b"Set-Cookie: session=evil; Domain=localhost; Path=/"] * 100)),
        "a cookie that is none": raw(lambda good: whole(good, b"Set-Cookie: =;evil;;\xff")),
        "CORS for everybody": raw(
            lambda good: whole(good, b"Access-Control-Allow-Origin: *", b"Access-Control-Allow-Credentials: true")
        ),
        "words for a server before it": raw(
            lambda good: whole(good, b"X-Accel-Redirect: /evil", b"X-Sendfile: /etc/passwd", b"Server: evil", b"Via: evil")
        ),
        "words for the browser": raw(
            lambda good: whole(
                good,
                b"Content-Disposition: attachment; filename=evil.exe",
                b"Content-Security-Policy: evil",
                b"Strict-Transport-Security: max-age=1",
                b"Clear-Site-Data: *",
                b"Service-Worker-Allowed: /",
            )
        ),
        "words for caches": raw(
            lambda good: whole(good, b"Cache-Control: public, max-age=999999", b"ETag: evil", b"Age: 5", b"Vary: *")
        ),
        "hop-by-hop headers": raw(
            lambda good: whole(good, b"Keep-Alive: timeout=99999", b"Upgrade: h2c", b"Proxy-Authenticate: evil", b"TE: evil")
        ),
        "the request id of somebody else": raw(lambda good: whole(good, b"X-Request-ID: evil", b"X-EvtMgmt-Cache: evil")),
        "the token in a header": raw(lambda good: whole(good, b"X-Echo: {token}")),
        "the token as the reason": raw(lambda good: whole(good, status=b"HTTP/1.1 200 {token}")),
        "bytes beyond ASCII": raw(lambda good: whole(good, b"X-Odd: evil\xff\xfe\x80")),
    },
)
CASES = TABLE.cases
