"""What a file is, by its name."""

import pytest

from app.portal_files.rules import IMMUTABLE, REVALIDATED, cache_control, content_type, is_hidden, is_route, may_be_packed


@pytest.mark.parametrize(
    "name",
    [
        "main.5f3c2a1b9e8d7c6b5a4f.js",  # Angular up to 16
        "main-es2015.0123456789abcdef0123.js",
        "runtime.8f3a1b2c.chunk.js",  # webpack
        "styles-ABCD2EFG.css",  # Angular since 17
        "chunk-XYZWVUTS.js",
        "index-DiwrgT3a.js",  # Vite
        "logo-B_wrgT-a.png",
        "roboto.0a1b2c3d4e5f6a7b.woff2",
    ],
)
def test_names_that_hold_their_content_never_change(name: str) -> None:
    assert cache_control(name) == IMMUTABLE


@pytest.mark.parametrize(
    "name",
    [
        "index.html",
        "main.5f3c2a1b9e8d7c6b5a4f.html",
        "main.js",
        "config.json",
        "bootstrap-datepicker.js",
        "programme-20310304.pdf",
        "report.2031030420310304.csv",
        "jquery-3.7.1.min.js",
        "zone-evergreen.js",
        "ngsw-worker.js",
        "5f3c2a1b9e8d7c6b5a4f.js",
        "photo-mountain.jpg",
        "main.5f3c2a1b9e8d7c6b5a4f",
    ],
)
def test_all_others_are_asked_for_anew(name: str) -> None:
    assert cache_control(name) == REVALIDATED


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.js", "text/javascript; charset=utf-8"),
        ("A.JS", "text/javascript; charset=utf-8"),
        ("a.mjs", "text/javascript; charset=utf-8"),
        ("a.html", "text/html; charset=utf-8"),
        ("a.json", "application/json; charset=utf-8"),
        ("a.svg", "image/svg+xml; charset=utf-8"),
        ("a.webmanifest", "application/manifest+json; charset=utf-8"),
        ("a.woff2", "font/woff2"),
        ("a.webp", "image/webp"),
        ("a.pdf", "application/pdf"),
        ("a.js.gz", "application/gzip"),
        ("a.js.br", "application/octet-stream"),
        ("a.unheard-of", "application/octet-stream"),
        ("LICENSE", "application/octet-stream"),
    ],
)
def test_types(name: str, kind: str) -> None:
    assert content_type(name) == kind


def test_what_is_text_may_have_a_packed_sibling() -> None:
    assert all(map(may_be_packed, ("a.js", "a.css", "a.html", "a.wasm", "a.svg")))
    assert not any(map(may_be_packed, ("a.png", "a.woff2", "a.br", "a.gz", "a")))


@pytest.mark.parametrize(
    ("path", "hidden"),
    [
        ([".env"], True),
        ([".git", "config"], True),
        (["assets", ".htaccess"], True),
        (["..."], True),
        (["main.js.map"], True),
        (["main.js.MAP"], True),
        (["main.js.map.gz"], True),
        (["site.maps"], False),
        ([".well-known"], False),
        ([".well-known", "security.txt"], False),
        ([".well-known", ".secret"], True),
        (["assets", ".well-known", "x"], True),
        ([], False),
        (["main.js"], False),
    ],
)
def test_what_is_hidden(path: list[str], hidden: bool) -> None:
    assert is_hidden(path, source_maps=False) is hidden


def test_source_maps_by_setting() -> None:
    assert not is_hidden(["main.js.map"], source_maps=True)
    assert is_hidden([".main.js.map"], source_maps=True)


@pytest.mark.parametrize(
    ("path", "accept", "route"),
    [
        (["event"], "text/html,application/xhtml+xml", True),
        ([], "text/html", True),
        (["event", "Contoso_2.0"], "TEXT/HTML", True),
        (["old", "page.html"], "text/html", True),
        (["event"], "*/*", False),
        (["event"], "", False),
        (["event"], "application/json", False),
        (["main.js"], "text/html", False),
        (["programme.pdf"], "text/html,*/*", False),
    ],
)
def test_routes(path: list[str], accept: str, route: bool) -> None:
    assert is_route(path, accept) is route
