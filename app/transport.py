"""The transport under the httpx API: which HTTP client really opens the connections.

pyreqwest (Rust's reqwest and hyper) by measure: httpx's own pool leaks slots on cancellation and slows down with
concurrency, pyreqwest does neither and costs the least per call (FIELD-NOTES "The upstream client"; docs/architecture.md has
the comparison). Nothing outside this module knows of the choice.
"""

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Final

import httpx
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import PoolTimeoutError, RequestError, RequestTimeoutError
from pyreqwest.proxy import ProxyBuilder
from pyreqwest.request import StreamRequest
from pyreqwest.response import Response

from app.settings import Upstream

_NOT_CONNECTED: Final = "client error (Connect)"
"""The cause that hyper names when no connection came about."""


def build_transport(settings: Upstream, user_agent: str) -> httpx.AsyncBaseTransport:
    """A transport without cookies, redirects, unpacking, retries or proxies of the environment.

    Args:
        settings: Time-outs, pool and trust.
        user_agent: The User-Agent that Dynamics sees.
    """
    return _Transport(_client(settings, user_agent))


class _Transport(httpx.AsyncBaseTransport):
    """pyreqwest under httpx's API.

    Not pyreqwest's own adapter: it lets errors of the body through unmapped, and calls every failure to get an answer a
    failure to connect, so that a registration that was sent would be told to be sent again.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        builder = self._client.request(request.method, str(request.url)).headers(request.headers.multi_items())
        opened = builder.body_bytes(request.content).build_streamed()
        try:
            response = await opened.__aenter__()
        except RequestError as error:
            raise _mapped(error) from None
        return httpx.Response(response.status, headers=_headers(response), stream=_Body(response, opened))

    async def aclose(self) -> None:
        await self._client.close()


class _Body(httpx.AsyncByteStream):
    """The body of an answer, and the connection that it comes from."""

    def __init__(self, response: Response, opened: StreamRequest) -> None:
        self._reader = response.body_reader
        self._opened = opened

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            while (chunk := await self._reader.read()) is not None:
                yield bytes(chunk)
        except RequestError as error:
            raise _mapped(error) from None

    async def aclose(self) -> None:
        await self._opened.__aexit__(None, None, None)


def _headers(response: Response) -> list[tuple[str, str]]:
    """All headers, those apart that are not ASCII: pyreqwest cannot show them, and none that is read may be so."""
    try:
        return list(response.headers.items())
    except ValueError:
        found = []
        for name in dict.fromkeys(response.headers.keys()):
            with suppress(ValueError):
                found += [(name, value) for value in response.headers.getall(name)]
        return found


def _mapped(error: RequestError) -> httpx.TransportError:
    """Failures that are certain to have sent nothing, time-outs, and all others.

    The text of a failure to connect is what comes after hyper's word for it: what comes before holds the address.
    """
    if isinstance(error, PoolTimeoutError):
        return httpx.PoolTimeout("")
    causes = [cause["message"] for cause in error.details["causes"] or ()]
    connected = _NOT_CONNECTED not in causes
    if isinstance(error, RequestTimeoutError):
        return httpx.ReadTimeout("") if connected else httpx.ConnectTimeout("")
    return httpx.ReadError("") if connected else httpx.ConnectError("; ".join(causes[causes.index(_NOT_CONNECTED) + 1 :]))


def _client(settings: Upstream, user_agent: str) -> Client:
    builder = (
        ClientBuilder()
        .user_agent(user_agent)
        .default_cookie_store(False)
        .follow_redirects(False)
        .referer(False)
        .gzip(False)
        .deflate(False)
        .brotli(False)
        .zstd(False)
        .http1_only()
        .max_connections(settings.connections)
        .pool_max_idle_per_host(settings.connections)
        .pool_idle_timeout(timedelta(seconds=settings.keep_alive))
        .pool_timeout(timedelta(seconds=settings.pool_timeout))
        .connect_timeout(timedelta(seconds=settings.connect_timeout))
        .read_timeout(timedelta(seconds=settings.read_timeout))
    )
    builder = builder.no_proxy() if settings.proxy is None else builder.proxy(ProxyBuilder.all(settings.proxy.get_secret_value()))
    if settings.ca_file is not None:
        builder = builder.add_root_certificate_pem(Path(settings.ca_file).read_bytes())
    return builder.build()
