"""Opening connections: both families of addresses, TLS, forward proxies; and what is told when it fails."""

import asyncio
import socket
import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from tests.app.client.server import OK, Visit, always, client, get, serving

pytestmark = pytest.mark.anyio
FOUR = OK + b"Content-Length: 4\r\n\r\n[10]"


@pytest.fixture
def authority(tmp_path: Path) -> tuple[trustme.CA, str]:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    return ca, str(tmp_path / "ca.pem")


def secured(ca: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*(names or ("127.0.0.1",))).configure_cert(context)
    return context


async def test_tls_is_spoken_and_its_connection_used_again(authority: tuple[trustme.CA, str]) -> None:
    ca, path = authority
    async with serving(always(FOUR), ssl=secured(ca)) as server, client(ca_file=path) as opened:
        for method in ("GET", "POST", "GET"):
            assert await get(opened, server.url.replace("http:", "https:"), method) == (200, b"[10]")
        assert len(server.visits) == 1


@pytest.mark.parametrize(("names", "trusted"), [(("other.invalid",), True), (("127.0.0.1",), False)])
async def test_a_certificate_that_cannot_be_trusted(authority: tuple[trustme.CA, str], names: tuple[str], trusted: bool) -> None:
    ca, path = authority
    async with (
        serving(always(FOUR), ssl=secured(ca, *names)) as server,
        client(**({"ca_file": path} if trusted else {})) as opened,
    ):
        for _ in range(3):
            with pytest.raises(httpx.ConnectError, match=r"^certificate$"):
                await get(opened, server.url.replace("http:", "https:"), "POST")
        assert all(not visit.requests for visit in server.visits)


async def test_a_server_without_tls_is_not_spoken_to() -> None:
    async with serving(always(FOUR)) as server, client() as opened:
        async with asyncio.timeout(20):
            with pytest.raises(httpx.TransportError) as failed:
                await get(opened, server.url.replace("http:", "https:"), "POST")
        assert isinstance(failed.value, httpx.ConnectError | httpx.ConnectTimeout)


async def test_a_handshake_that_hangs_is_a_connect_timeout() -> None:
    async def script(visit: Visit, number: int) -> None:
        await visit.until_end()

    async with serving(script) as server, client(connect_timeout=0.3) as opened:
        with pytest.raises(httpx.ConnectTimeout):
            await get(opened, server.url.replace("http:", "https:"), "POST")
        await server.visits[0].left()


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("http://127.0.0.1:1/", "^refused$"),
        ("https://127.0.0.1:1/", "^refused$"),
        ("http://name.invalid/", "^dns error$"),
        (f"http://{'x' * 70}.invalid/", "^dns error$"),
    ],
)
async def test_why_nothing_can_be_reached(address: str, reason: str) -> None:
    async with client() as opened:
        with pytest.raises(httpx.ConnectError, match=reason):
            await get(opened, address, "POST")


async def test_the_next_address_is_tried_when_one_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """As ``localhost`` has both an IPv6 and an IPv4 address, and a server may listen on one of them."""
    async with serving(always(FOUR)) as server, client() as opened:
        names = asyncio.get_running_loop().getaddrinfo

        async def both(host: str, port: int, **options: Any) -> list[Any]:
            if host != "both.invalid":
                return await names(host, port, **options)
            return [
                (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0)),
                (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)),
            ]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", both)
        assert await get(opened, server.url.replace("127.0.0.1", "both.invalid"), "POST") == (200, b"[10]")


def proxy(port: int, status: bytes = b"200 Connection established", left: bytes = b"") -> Any:
    """A proxy that connects to a port, whatever it is asked for."""

    async def script(visit: Visit, number: int) -> None:
        await visit.request()
        await visit.say(b"HTTP/1.1 " + status + b"\r\n\r\n" + left)
        if not status.startswith(b"200"):
            return
        reader, writer = await asyncio.open_connection("127.0.0.1", port)

        async def on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(65_536):
                sink.write(data)
            sink.close()

        await asyncio.gather(on(visit._reader, writer), on(reader, visit._writer))

    return script


async def test_https_goes_through_a_tunnel(authority: tuple[trustme.CA, str]) -> None:
    ca, path = authority
    async with (
        serving(always(FOUR), ssl=secured(ca, "upstream.invalid")) as server,
        serving(proxy(server.port)) as forward,
        client(ca_file=path, proxy=f"http://us%65r:p%40ss@127.0.0.1:{forward.port}") as opened,
    ):
        for _ in range(2):
            assert await get(opened, "https://upstream.invalid/x?y", "POST") == (200, b"[10]")
        (tunnel,) = forward.visits
        assert tunnel.requests == [
            b"CONNECT upstream.invalid:443 HTTP/1.1\r\nHost: upstream.invalid:443\r\n"
            b"Proxy-Authorization: Basic dXNlcjpwQHNz\r\n\r\n"
        ]
        (visit,) = server.visits
        assert visit.requests[0].startswith(b"POST /x?y HTTP/1.1\r\nHost: upstream.invalid\r\n")
        assert b"proxy-authorization" not in visit.requests[0].lower()


async def test_a_proxy_may_itself_be_spoken_to_through_tls(authority: tuple[trustme.CA, str]) -> None:
    ca, path = authority
    async with (
        serving(always(FOUR), ssl=secured(ca, "upstream.invalid")) as server,
        serving(proxy(server.port), ssl=secured(ca)) as forward,
        client(ca_file=path, proxy=f"https://127.0.0.1:{forward.port}") as opened,
    ):
        assert await get(opened, "https://upstream.invalid/x") == (200, b"[10]")


@pytest.mark.parametrize("status", [b"407 Proxy Authentication Required", b"502 Bad Gateway", b"x"])
async def test_a_proxy_that_refuses_has_sent_nothing(status: bytes) -> None:
    async with serving(proxy(1, status)) as forward, client(proxy=f"http://127.0.0.1:{forward.port}") as opened:
        with pytest.raises(httpx.ConnectError, match=r"^proxy$"):
            await get(opened, "https://upstream.invalid/x", "POST")


async def test_a_certificate_behind_a_proxy_is_checked_all_the_same(authority: tuple[trustme.CA, str]) -> None:
    ca, path = authority
    async with (
        serving(always(FOUR), ssl=secured(ca, "other.invalid")) as server,
        serving(proxy(server.port)) as forward,
        client(ca_file=path, proxy=f"http://127.0.0.1:{forward.port}") as opened,
    ):
        with pytest.raises(httpx.ConnectError, match=r"^certificate$"):
            await get(opened, "https://upstream.invalid/x", "POST")
        assert all(not visit.requests for visit in server.visits)


async def test_http_goes_to_a_proxy_with_its_whole_address() -> None:
    async with serving(always(FOUR)) as forward, client(proxy=f"http://a:b@127.0.0.1:{forward.port}") as opened:
        assert await get(opened, "http://upstream.invalid:81/x?y=%2F") == (200, b"[10]")
        head = forward.visits[0].requests[0]
        assert head.startswith(b"GET http://upstream.invalid:81/x?y=%2F HTTP/1.1\r\nHost: upstream.invalid:81\r\n")
        assert b"\r\nProxy-Authorization: Basic YTpi\r\n" in head
