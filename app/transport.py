"""The transport under the httpx API: which HTTP client really opens the connections.

aiohttp, by measure. httpx's own pool leaks slots on cancellation and slows down with concurrency (FIELD-NOTES "The upstream
client"). pyreqwest costs less per call, but goes on with a call whose caller is gone until its read time-out, and holds
small bodies back until they are complete. docs/architecture.md has the comparison; nothing outside this module knows of
the choice.

Not through httpx-aiohttp: it takes a connection that broke after a request was sent for one that was never made, so that a
registration would be told to be sent again.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from errno import ECONNREFUSED
from typing import Final

import aiohttp
import httpx
from aiohttp import hdrs
from yarl import URL

from app.settings import Upstream

_BODY_HEADERS: Final = ("Content-Type",)


def build_transport(settings: Upstream, user_agent: str) -> "Transport":
    """A transport without cookies, redirects, unpacking, or proxies of the environment.

    Nothing is sent twice: what is worth another call is decided above (``app/faults/retries.py``), where it is counted.

    Args:
        settings: Time-outs, pool and trust.
        user_agent: The User-Agent that Dynamics sees.
    """
    return Transport(settings, user_agent)


class Transport(httpx.AsyncBaseTransport):
    """aiohttp under httpx's API, and ``send`` beside it: the same without httpx's objects, which cost as much as the call.

    Args:
        settings: Time-outs, pool and trust.
        user_agent: The User-Agent that Dynamics sees.
    """

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

    async def send(self, method: str, url: str, headers: Iterable[tuple[str, str]], body: bytes | None = None) -> "Answer":
        """Send a request; the answer is to be closed.

        Args:
            method: The HTTP method in upper case.
            url: The full address, percent-encoded: it is sent as it stands.
            headers: What is sent, beside Host, User-Agent and Content-Length.
            body: The body, or None.

        Raises:
            httpx.TransportError: ``ConnectError``, ``ConnectTimeout`` and ``PoolTimeout`` when nothing was sent;
                ``ReadTimeout`` or ``ReadError`` when it may have been.
        """
        await self._take_place()
        try:
            response = await self._open_session().request(
                method,
                URL(url, encoded=True),  # not quoted again
                headers=headers,
                data=body or None,
                skip_auto_headers=_BODY_HEADERS if body else None,
                allow_redirects=False,
            )
        except (aiohttp.ClientError, TimeoutError) as error:
            self._places.release()
            raise _mapped(error) from None
        except BaseException:
            self._places.release()
            raise
        return Answer(response, self._places)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; the answer's body is to be read or closed.

        Raises:
            httpx.TransportError: As ``send``.
        """
        answer = await self.send(request.method, str(request.url), request.headers.multi_items(), request.content)
        return httpx.Response(answer.status, headers=answer.raw_headers, stream=_Body(answer))

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
                request_class=_Request,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                proxy=None if settings.proxy is None else settings.proxy.get_secret_value(),
                max_line_size=32_768,
                max_field_size=32_768,
            )
            # aiohttp would send a GET whose connection breaks once more, and tell nobody. It has no setting for it.
            self._session._retry_connection = False
        return self._session


class _Request(aiohttp.ClientRequest):
    """A request that asks for no encoding by itself. Cheaper than to have the header skipped."""

    DEFAULT_HEADERS = {hdrs.ACCEPT: "*/*"}  # noqa: RUF012 - aiohttp's


class Answer:
    """An answer whose body comes as it is asked for, and the connection that it comes from.

    Attributes:
        status: The HTTP status.
        headers: Names in any letter case; of doubles the first counts.
    """

    __slots__ = ("_places", "_response", "headers", "status")

    def __init__(self, response: aiohttp.ClientResponse, places: asyncio.Semaphore) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers
        self._response = response
        self._places: asyncio.Semaphore | None = places

    async def part(self) -> bytes:
        """The next part of the body, as it came; empty at its end.

        Raises:
            httpx.TransportError: ``ReadTimeout`` or ``ReadError``.
        """
        try:
            return await self._response.content.readany()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _mapped(error) from None

    @property
    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """The headers as they came."""
        return list(self._response.raw_headers)

    @property
    def ended(self) -> bool:
        """Whether the body was read to its end."""
        return self._response.content.at_eof()

    def close(self) -> None:
        """Give the connection back; one whose body did not come to its end is closed."""
        if self._places is not None:
            if not self._response.closed:
                self._response.close()
            self._places.release()
            self._places = None


class _Body(httpx.AsyncByteStream):
    """The body of an answer for httpx."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while part := await self._answer.part():
            yield part

    async def aclose(self) -> None:
        self._answer.close()


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
