"""Where a request goes and its head: as it stands, or not at all."""

import pytest

from app.client.target import Forward, Origin, head_of, origin_of, split


@pytest.mark.parametrize(
    ("url", "origin", "path"),
    [
        ("http://a.example/x?y=%2F/../z", Origin(False, "a.example", 80, "a.example"), "/x?y=%2F/../z"),
        ("https://a.example/", Origin(True, "a.example", 443, "a.example"), "/"),
        ("https://a.example", Origin(True, "a.example", 443, "a.example"), "/"),
        ("https://a.example:443//x", Origin(True, "a.example", 443, "a.example"), "//x"),
        ("http://a.example:8080/x", Origin(False, "a.example", 8080, "a.example:8080"), "/x"),
        ("http://[::1]:81/x", Origin(False, "::1", 81, "[::1]:81"), "/x"),
        ("http://x/?a=b://c@d", Origin(False, "x", 80, "x"), "/?a=b://c@d"),
        (
            "http://b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example/",
            Origin(False, "xn--bcher-kva.example", 80, "xn--bcher-kva.example"),
            "/",
        ),
    ],
)
def test_an_address_is_taken_apart_and_not_changed(url: str, origin: Origin, path: str) -> None:
    assert split(url) == (origin, path)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example/",
        "a.example/x",
        "http://",
        "http:///x",
        "http://a.example:0/",
        "http://a.example:65536/",
        "http://a.example:x/",
        "http://user:secret@a.example/",
        "http://a.example?x=/y",
        "http://a.example\\x/",
        "http://a.example#x/",
        "http://a b/",
        "http://a.example/a b",
        "http://a.example/a\r\nX: y",
        "http://a.example/a\n",
        "http://a.example/a\t",
        "http://a.example/a\0",
        "http://a.example/a#b",
        "http://a.example/\N{LATIN SMALL LETTER U WITH DIAERESIS}",
        "http://a.example\r\nX: y/",
    ],
)
def test_an_address_that_cannot_be_sent_as_it_stands_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"address|port"):
        split(url)


def test_a_head_says_what_was_meant_and_no_more() -> None:
    start = "GET / HTTP/1.1\r\nHost: x\r\n"
    assert head_of(start, [], "GET", 0) == b"GET / HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n"
    assert (
        head_of(start, [("accept", "a/b"), ("x", "\u00fc")], "HEAD", 0) == start.encode() + b"accept: a/b\r\nx: \xc3\xbc\r\n\r\n"
    )
    assert head_of("", [("accept", "a/b")], "POST", 0) == b"accept: a/b\r\nContent-Length: 0\r\n\r\n"
    assert head_of("", [("accept", "a/b")], "POST", 7) == b"accept: a/b\r\nContent-Length: 7\r\n\r\n"


@pytest.mark.parametrize(
    "header", [("x", "a\r\nb: c"), ("x", "a\nb: c"), ("x", "a\rb"), ("x", "a\0"), ("x\r\nb", "c"), ("x", "a\r\n")]
)
def test_a_header_with_a_line_break_is_refused(header: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="line break"):
        head_of("", [header], "GET", 0)


def test_a_proxy_has_an_origin_and_perhaps_credentials() -> None:
    assert Forward("http://p.example:3128").line == ""
    forward = Forward("https://us%65r:p%40ss%3A@p.example/")
    assert forward.origin == origin_of("https://p.example")
    assert forward.line == "Proxy-Authorization: Basic dXNlcjpwQHNzOg==\r\n"
