"""Methods: four are served, and which path has which is told by the table."""

from tests.hostile.case import BASE, LIST, REGISTRATIONS, Case, get, refused

CASES: list[Case] = [
    *refused(
        405,
        "MethodNotAllowed",
        "not served anywhere; TRACE would mirror headers, CONNECT would tunnel",
        "RFC 9110 9.3, 15.5.6; FIELD-NOTES",
        {
            method: get(method=method.encode())
            for method in ("TRACE", "PUT", "DELETE", "PATCH", "PROPFIND", "PURGE", "M-SEARCH", "QUERY", "SOURCE")
        }
        | {
            "CONNECT to a path": get(method=b"CONNECT"),
            "DELETE on no operation": get(BASE + b"nowhere", method=b"DELETE"),
            "TRACE on a page of the service": get(b"/metrics", method=b"TRACE"),
            "POST to a read": get(LIST, b"Content-Length: 0", method=b"POST"),
            "POST to a page of the service": get(b"/metrics", b"Content-Length: 0", method=b"POST"),
            "GET of a write": get(REGISTRATIONS),
        },
    ),
    *refused(
        400,
        "BadHeaders",
        "the parser knows no such method",
        "RFC 9110 9.1 (methods are case-sensitive)",
        {
            "small letters": get(method=b"get"),
            "unknown": get(method=b"EVIL"),
            "of RTSP": get(method=b"DESCRIBE"),
            "empty": get(method=b""),
            "NUL": get(method=b"GE\0T"),
            "of 100 KB": get(method=b"G" * 100_000),
            "CONNECT to a host": get(b"evil.invalid:443", method=b"CONNECT"),
        },
    ),
    *refused(
        404,
        "OperationNotFound",
        "OPTIONS tells the methods of what exists only",
        "RFC 9110 9.3.7",
        {"OPTIONS of nothing": get(BASE + b"nowhere", method=b"OPTIONS")},
    ),
]
