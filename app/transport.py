"""The transport under the httpx API: which HTTP client really opens the connections.

Our own, ``app/client/``, by measure: a call costs a fraction of what it costs with a library. httpx's own pool leaks slots on
cancellation and slows down with concurrency (FIELD-NOTES "The upstream client"). docs/architecture.md has the comparison; nothing
outside this module knows of the choice.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Final

import httpx

from app.client.answer import Answer
from app.client.connection import NoAnswerError, OverTimeError
from app.client.opening import Opener
from app.client.pool import Pool
from app.client.target import Forward, Origin, head_of, split
from app.settings import Upstream

__all__ = ["Answer", "OverTimeError", "Transport", "build_transport"]

_OURS: Final = frozenset({"host", "content-length", "transfer-encoding", "connection", "user-agent"})
"""Headers that the client writes itself."""


def build_transport(settings: Upstream, user_agent: str) -> "Transport":
    """A transport without cookies, redirects, unpacking, or proxies of the environment.

    Nothing is sent twice: what is worth another call is decided above (``app/faults/retries.py``), where it is counted.

    Args:
        settings: Time-outs, pool and trust.
        user_agent: The User-Agent that Dynamics sees.
    """
    return Transport(settings, user_agent)


class Transport(httpx.AsyncBaseTransport):
    """Our client under httpx's API, and ``send`` beside it: the same without httpx's objects, which cost more than the call.

    Args:
        settings: Time-outs, pool and trust.
        user_agent: The User-Agent that Dynamics sees.
    """

    def __init__(self, settings: Upstream, user_agent: str) -> None:
        self._user_agent = user_agent
        # The trusted authorities are certifi's, as in httpx, so that they do not depend on the image.
        context = httpx.create_ssl_context(trust_env=False)
        if settings.ca_file is not None:
            context.load_verify_locations(cafile=settings.ca_file)
        self._forward = None if settings.proxy is None else Forward(settings.proxy.get_secret_value())
        self._pool = Pool(
            Opener(context, self._forward, settings.connect_timeout),
            places=settings.connections,
            wait=settings.pool_timeout,
            keep_alive=settings.keep_alive,
            read_timeout=settings.read_timeout,
        )

    async def send(
        self,
        method: str,
        url: str,
        headers: Iterable[tuple[str, str]],
        body: bytes | None = None,
        seconds: float | None = None,
    ) -> Answer:
        """Send a request; the answer is to be closed.

        Args:
            method: The HTTP method in upper case.
            url: The full address, percent-encoded: it is sent as it stands.
            headers: What is sent, beside Host, User-Agent and Content-Length.
            body: The body, or None.
            seconds: In how long the whole answer has to be here; None for no such time.

        Raises:
            TimeoutError: That time was over before the request was sent.
            httpx.TransportError: ``ConnectError``, ``ConnectTimeout`` and ``PoolTimeout`` when nothing was sent;
                ``ReadTimeout`` (``OverTimeError`` when ``seconds`` are over) or ``ReadError`` when it may have been.
            ValueError: The request cannot be written as it stands: a mistake of the program.
        """
        origin, path = split(url)
        request = head_of(self._start(method, origin, path), headers, method, len(body or b""))
        if body:
            request += body
        pool = self._pool
        until = None if seconds is None else asyncio.get_running_loop().time() + seconds
        connection = await pool.lend(origin, until)
        try:
            return await connection.ask(request, without_body=method == "HEAD", until=until)
        except NoAnswerError:
            pool.distrust(origin)
            raise

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; the answer's body is to be read or closed.

        Raises:
            httpx.TransportError: As ``send``.
        """
        headers = [(name, value) for name, value in request.headers.multi_items() if name not in _OURS]
        answer = await self.send(request.method, str(request.url), headers, request.content)
        return httpx.Response(answer.status, headers=answer.raw_headers, stream=_Body(answer))

    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.close()

    def _start(self, method: str, origin: Origin, path: str) -> str:
        """The request line, and the lines that every request has."""
        proxied = ""
        if self._forward is not None and not origin.secure:  # RFC 9112 3.2.2; otherwise it is a tunnel
            path, proxied = f"http://{origin.authority}{path}", self._forward.line
        return f"{method} {path} HTTP/1.1\r\nHost: {origin.authority}\r\nUser-Agent: {self._user_agent}\r\n{proxied}"


class _Body(httpx.AsyncByteStream):
    """The body of an answer for httpx."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while part := await self._answer.part():
            yield part

    async def aclose(self) -> None:
        self._answer.close()
