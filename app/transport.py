"""The transport under the httpx API: which HTTP client really opens the connections.

aiohttp, by measure. httpx's own pool leaks slots on cancellation and slows down with concurrency (FIELD-NOTES "The upstream
client"). pyreqwest costs less per call, but goes on with a call whose caller is gone until its read time-out, and holds
small bodies back until they are complete. docs/architecture.md has the comparison; nothing outside this module knows of
the choice.

Not through httpx-aiohttp: it takes a connection that broke after a request was sent for one that was never made, so that a
registration would be told to be sent again.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from errno import ECONNREFUSED

import aiohttp
import httpx
from yarl import URL

from app.settings import Upstream


def build_transport(settings: Upstream, user_agent: str) -> httpx.AsyncBaseTransport:
    """A transport without cookies, redirects, unpacking, or proxies of the environment.

    A GET whose connection breaks before an answer is sent once more: mostly a kept connection that was dead. Nothing else is
    sent twice.

    Args:
        settings: Time-outs, pool and trust.
        user_agent: The User-Agent that Dynamics sees.
    """
    return _Transport(settings, user_agent)


class _Transport(httpx.AsyncBaseTransport):
    """aiohttp under httpx's API."""

    def __init__(self, settings: Upstream, user_agent: str) -> None:
        self._settings = settings
        self._user_agent = user_agent
        # The trusted authorities are certifi's, as in httpx, so that they do not depend on the image.
        self._context = httpx.create_ssl_context(trust_env=False)
        if settings.ca_file is not None:
            self._context.load_verify_locations(cafile=settings.ca_file)
        # The pool is bounded here, as aiohttp does not tell a wait for a connection from a wait for a host.
        self._places = asyncio.Semaphore(settings.connections)
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; the answer's body is to be read or closed.

        Raises:
            httpx.TransportError: ``ConnectError``, ``ConnectTimeout`` and ``PoolTimeout`` when nothing was sent;
                ``ReadTimeout`` or ``ReadError`` when it may have been.
        """
        await self._take_place()
        try:
            response = await self._open_session().request(
                request.method,
                URL(str(request.url), encoded=True),  # not quoted again
                headers=request.headers.multi_items(),
                data=request.content or None,
                allow_redirects=False,
            )
        except (aiohttp.ClientError, TimeoutError) as error:
            self._places.release()
            raise _mapped(error) from None
        except BaseException:
            self._places.release()
            raise
        return httpx.Response(response.status, headers=list(response.raw_headers), stream=_Body(response, self._places.release))

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def _take_place(self) -> None:
        if not self._places.locked():
            await self._places.acquire()
            return
        try:
            async with asyncio.timeout(self._settings.pool_timeout):
                await self._places.acquire()
        except TimeoutError:
            raise httpx.PoolTimeout("") from None

    def _open_session(self) -> aiohttp.ClientSession:
        """The session, made in the loop that uses it."""
        if self._session is None:
            settings = self._settings
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=self._context, limit=0, keepalive_timeout=settings.keep_alive),
                timeout=aiohttp.ClientTimeout(
                    total=None, connect=None, sock_connect=settings.connect_timeout, sock_read=settings.read_timeout
                ),
                headers={"User-Agent": self._user_agent},
                skip_auto_headers=("Accept-Encoding", "Content-Type"),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                proxy=None if settings.proxy is None else settings.proxy.get_secret_value(),
                max_line_size=32_768,
                max_field_size=32_768,
            )
        return self._session


class _Body(httpx.AsyncByteStream):
    """The body of an answer, and the connection that it comes from."""

    def __init__(self, response: aiohttp.ClientResponse, release: Callable[[], None]) -> None:
        self._response = response
        self._release: Callable[[], None] | None = release

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._response.content.iter_any():
                yield chunk
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _mapped(error) from None

    async def aclose(self) -> None:
        """Give the connection back; one whose body was not read to its end is closed."""
        if self._release is not None:
            self._response.close()
            self._release()
            self._release = None


def _mapped(error: aiohttp.ClientError | TimeoutError) -> httpx.TransportError:
    """Failures that are certain to have sent nothing, time-outs, and all others. Texts are ours: theirs hold addresses."""
    match error:
        case aiohttp.ConnectionTimeoutError():
            return httpx.ConnectTimeout("")
        case aiohttp.ServerTimeoutError() | TimeoutError():
            return httpx.ReadTimeout("")
        case aiohttp.ClientConnectorCertificateError():
            return httpx.ConnectError("certificate")
        case aiohttp.ClientConnectorDNSError():
            return httpx.ConnectError("dns error")
        case aiohttp.ClientConnectorSSLError():
            return httpx.ConnectError("tls")
        case aiohttp.ClientConnectorError():
            return httpx.ConnectError("refused" if error.os_error.errno == ECONNREFUSED else "")
        case aiohttp.ClientHttpProxyError():
            return httpx.ConnectError("proxy")
        case _:
            return httpx.ReadError("")
