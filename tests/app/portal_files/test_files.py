"""The portal's files on a real socket: routes, validators, ranges, siblings, what is not served, and what changes meanwhile."""

import gzip
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.clock import until
from tests.examples import assert_error
from tests.service import Service, running_service

PAGE = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"
SCRIPT = "main-ABCD2EFG.js"
FOREVER = "public, max-age=31536000, immutable"
LARGE = 64 * 2**20


def fill(folder: Path) -> Path:
    """A built portal, with all that a careless person leaves in it."""
    outside = folder / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text("secret")
    portal = folder / "portal"
    files = {
        "index.html": "<title>portal</title>",
        "de/index.html": "<title>Portal auf Deutsch</title>",
        SCRIPT: "console.log(1);" * 100,
        f"{SCRIPT}.map": "{}",
        "config.json": '{"apiEndpoint":"/EvtMgmt/api/v2.0/"}',
        ".env": "TOKEN=secret",
        ".git/config": "secret",
        ".well-known/security.txt": "Contact: mailto:a@example.com",
        "assets/a b.txt": "blank",
        "assets/ü.txt": "umlaut",
        "docs": "hidden by the proxy's own",
        "EvtMgmt/x.txt": "hidden by the API",
        "empty.css": "",
    }
    for name, content in files.items():
        path = portal / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (portal / "leak.txt").symlink_to(outside / "secret.txt")
    (portal / "out").symlink_to(outside)
    (portal / "inside.json").symlink_to("config.json")
    (portal / "loop").symlink_to("loop")
    with (portal / "film.mp4").open("wb") as film:
        film.truncate(LARGE)
    return portal


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[Service]:
    with running_service(portal={"static_dir": folder}) as running:
        yield running


@pytest.fixture(scope="module")
def hurried(folder: Path) -> Iterator[Service]:
    """Little time to take a file: for clients that do not read."""
    with running_service(portal={"static_dir": folder}, limits={"answer_timeout": 1}) as running:
        yield running


def ask(service: Service, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    plain = {"accept": "*/*", "accept-encoding": "identity"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return service.client.request(method, f"{service.url}{path}", headers=plain)


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("/", "portal"),
        ("/index.html", "portal"),
        ("/event/registration", "portal"),
        ("/event/Contoso_2.0", "portal"),
        ("/assets/", "portal"),
        ("/de/", "Portal auf Deutsch"),
        ("/de/index.html", "Portal auf Deutsch"),
        ("/de/event", "Portal auf Deutsch"),
        ("//event", "portal"),
        ("/index.html/x", "portal"),
        (f"/{'x' * 300}", "portal"),
        ("/loop", "portal"),
    ],
)
def test_routes_of_the_portal_are_its_page(service: Service, path: str, title: str) -> None:
    answer = ask(service, path, accept=PAGE)
    assert (answer.status_code, answer.text) == (200, f"<title>{title}</title>")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        "/event",
        "/main.0123456789abcdef.js",
        "/assets",
        "/assets/",
        "/x.json",
        "/index.html/x",
        "/loop",
        "/leak.txt",
        "/out/secret.txt",
    ],
)
def test_what_is_no_page_is_not_found_and_no_folder_is_listed(service: Service, path: str) -> None:
    assert_error(ask(service, path), "OperationNotFound", 404)


@pytest.mark.parametrize("path", ["/.env", "/.git/config", "/assets/../.env", f"/{SCRIPT}.map", "/%2eenv"])
@pytest.mark.parametrize("accept", ["*/*", PAGE])
def test_what_is_nobodys_business_is_not_served(service: Service, path: str, accept: str) -> None:
    assert_error(ask(service, path, accept=accept), "OperationNotFound", 404)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/config.json", '{"apiEndpoint":"/EvtMgmt/api/v2.0/"}'),
        ("/inside.json", '{"apiEndpoint":"/EvtMgmt/api/v2.0/"}'),
        ("/assets/a%20b.txt", "blank"),
        ("/assets/%C3%BC.txt", "umlaut"),
        ("/.well-known/security.txt", "Contact: mailto:a@example.com"),
        ("/config.json?v=1", '{"apiEndpoint":"/EvtMgmt/api/v2.0/"}'),
        ("/empty.css", ""),
    ],
)
def test_files(service: Service, path: str, text: str) -> None:
    answer = ask(service, path)
    assert (answer.status_code, answer.text) == (200, text)
    assert answer.headers["content-length"] == str(len(answer.content))
    assert answer.headers["cache-control"] == "no-cache"
    assert len(answer.headers["x-request-id"]) == 32


def test_the_proxys_own_paths_come_first(service: Service) -> None:
    assert "hidden" not in ask(service, "/docs", accept=PAGE).text
    assert ask(service, "/livez").text == "ok\n"
    assert_error(ask(service, "/EvtMgmt/x.txt", accept=PAGE), "OperationNotFound", 404)
    assert_error(ask(service, "/EvtMgmt/bridge/0123456789abcdef.js", accept=PAGE), "OperationNotFound", 404)
    assert isinstance(service.get("events/published").json(), list)


def test_a_folder_with_a_page_is_sent_to_its_slash_and_never_to_another_host(service: Service) -> None:
    for path, target in (("/de", "/de/"), ("//de", "/de/"), ("/de?a=b%0d%0aX:1&c", "/de/?a=b%0d%0aX:1&c")):
        answer = ask(service, path)
        assert (answer.status_code, answer.headers["location"]) == (308, target)


def test_methods(service: Service) -> None:
    whole, head = ask(service, "/config.json"), ask(service, "/config.json", "HEAD")
    assert (head.status_code, head.content) == (200, b"")
    mine = ("content-length", "content-type", "etag", "last-modified", "cache-control")
    assert [head.headers[name] for name in mine] == [whole.headers[name] for name in mine]
    options = ask(service, "/config.json", "OPTIONS")
    assert (options.status_code, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
    for method in ("POST", "PUT", "DELETE"):
        refused = ask(service, "/config.json", method)
        assert_error(refused, "MethodNotAllowed", 405)
        assert "GET" in refused.headers["allow"]


def test_validators(service: Service) -> None:
    first = ask(service, f"/{SCRIPT}")
    assert first.headers["cache-control"] == FOREVER
    for name, value in (
        ("if_none_match", first.headers["etag"]),
        ("if_none_match", f'"x", W/{first.headers["etag"]}'),
        ("if_none_match", "*"),
        ("if_modified_since", first.headers["last-modified"]),
    ):
        again = ask(service, f"/{SCRIPT}", **{name: value})
        assert (again.status_code, again.content) == (304, b"")
        assert (again.headers["etag"], again.headers["cache-control"]) == (first.headers["etag"], FOREVER)
        assert again.headers["vary"] == "Accept-Encoding"
    assert ask(service, f"/{SCRIPT}", if_none_match='"x"').status_code == 200


@pytest.mark.parametrize(
    ("given", "status", "content"),
    [
        ("bytes=0-3", 206, b'{"ap'),
        ("bytes=33-", 206, b'/"}'),
        ("bytes=-3", 206, b'/"}'),
        ("bytes=0-999", 206, None),
        ("bytes=1-0", 200, None),
        ("bytes=0-1,3-4", 200, None),
        ("bytes=", 200, None),
        ("lines=0-1", 200, None),
        ("bytes=99-", 416, b""),
    ],
)
def test_ranges(service: Service, given: str, status: int, content: bytes | None) -> None:
    whole = ask(service, "/config.json").content
    answer = ask(service, "/config.json", range=given)
    assert (answer.status_code, answer.content) == (status, whole if content is None else content)
    if status == 206:
        assert answer.headers["content-range"].endswith(f"/{len(whole)}")
    stale = ask(service, "/config.json", range=given, if_range='"another"')
    assert (stale.status_code, stale.content) == (200, whole)


def test_precompressed_siblings(service: Service, folder: Path) -> None:
    plain = (folder / SCRIPT).read_bytes()
    plainly = ask(service, f"/{SCRIPT}", accept_encoding="br, gzip")
    assert (plainly.content, plainly.headers["vary"]) == (plain, "Accept-Encoding")
    assert "content-encoding" not in plainly.headers
    siblings = {"gzip": folder / f"{SCRIPT}.gz", "br": folder / f"{SCRIPT}.br"}
    siblings["gzip"].write_bytes(gzip.compress(plain))
    siblings["br"].write_bytes(b"not really brotli")
    try:
        etags = set()
        for accepted, coding in (
            ("gzip, deflate, br", "br"),
            ("gzip", "gzip"),
            ("br;q=0, gzip;q=0.1", "gzip"),
            ("*", "br"),
            ("identity", None),
            ("gzip;q=0", None),
            ("zstd", None),
        ):
            with service.client.stream("GET", f"{service.url}/{SCRIPT}", headers={"accept-encoding": accepted}) as answer:
                body = b"".join(answer.iter_raw())
            assert answer.headers.get("content-encoding") == coding
            assert body == (plain if coding is None else siblings[coding].read_bytes())
            assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
            assert (answer.headers["vary"], answer.headers["cache-control"]) == ("Accept-Encoding", FOREVER)
            etags.add(answer.headers["etag"])
        assert len(etags) == 3
        older = (folder / SCRIPT).stat().st_mtime_ns - 1
        os.utime(siblings["br"], ns=(older, older))
        assert ask(service, f"/{SCRIPT}", accept_encoding="gzip, br").headers["content-encoding"] == "gzip"
        assert ask(service, f"/{SCRIPT}.gz").headers["content-type"] == "application/gzip"
    finally:
        for sibling in siblings.values():
            sibling.unlink()


def test_what_changes_on_the_disk_is_served(service: Service, folder: Path) -> None:
    path = folder / "news.txt"
    assert ask(service, "/news.txt").status_code == 404
    path.write_text("one")
    first = ask(service, "/news.txt")
    (folder / "next.txt").write_text("another")
    (folder / "next.txt").replace(path)
    second = ask(service, "/news.txt", if_none_match=first.headers["etag"])
    assert (first.text, second.text) == ("one", "another")
    path.unlink()
    assert ask(service, "/news.txt").status_code == 404


def test_a_large_file_is_sent_in_parts_and_a_client_that_does_not_read_is_cut_off(service: Service, hurried: Service) -> None:
    with service.client.stream("GET", f"{service.url}/film.mp4") as answer:
        assert answer.headers["content-type"] == "video/mp4"
        assert sum(len(part) for part in answer.iter_raw()) == LARGE
    with socket.create_connection(("127.0.0.1", hurried.port), timeout=60) as lazy:
        lazy.sendall(b"GET /film.mp4 HTTP/1.1\r\nHost: proxy.invalid\r\n\r\n")
        while not hurried.metric('evtmgmt_client_disconnects_total{operation="portal_file"}'):
            pass
        got = 0
        try:
            while part := lazy.recv(2**20):
                got += len(part)
        except ConnectionResetError:
            pass
        assert 0 < got < LARGE


def test_a_file_that_shrinks_while_it_is_sent_does_not_look_whole(service: Service, folder: Path) -> None:
    path = folder / "shrinking.bin"
    with path.open("wb") as file:
        file.truncate(LARGE)
    with service.client.stream("GET", f"{service.url}/shrinking.bin") as answer:
        parts = answer.iter_raw()
        next(parts)
        os.truncate(path, 0)
        with pytest.raises(httpx.RemoteProtocolError):
            list(parts)
    assert ask(service, "/config.json").status_code == 200


def test_source_maps_by_setting_and_files_are_bounded_in_number(folder: Path) -> None:
    with running_service(portal={"static_dir": folder, "source_maps": True}, limits={"concurrency": 1}) as open_:
        assert ask(open_, f"/{SCRIPT}.map").text == "{}"
        until(lambda: not open_.gateway._in_flight)  # an answer is read before its request is done with
        with socket.create_connection(("127.0.0.1", open_.port), timeout=20) as lazy:
            lazy.sendall(b"GET /film.mp4 HTTP/1.1\r\nHost: proxy.invalid\r\n\r\n")
            assert lazy.recv(1)
            assert_error(ask(open_, "/config.json"), "Overloaded", 503)


def test_without_a_folder_nothing_is_served() -> None:
    with running_service() as bare:
        for path in ("/", "/index.html", "/event"):
            assert_error(ask(bare, path, accept=PAGE), "OperationNotFound", 404)
