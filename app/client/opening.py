"""Opening connections: names, addresses of both families, TLS, forward proxies. Whatever fails here, no request was sent."""

import asyncio
import ssl
from collections.abc import Callable
from errno import ECONNREFUSED
from socket import SOCK_STREAM, gaierror, socket
from typing import Final

import httpx
from aiohappyeyeballs import start_connection

from app.client.connection import Connection
from app.client.target import Forward, Origin

_SECOND_FAMILY_AFTER: Final = 0.25
"""Seconds until the next address is tried beside the first (RFC 8305 5)."""


class Opener:
    """Opens connections.

    Args:
        context: Whom to trust.
        forward: The forward proxy to go through, or None.
        timeout: Seconds for all of it.
    """

    def __init__(self, context: ssl.SSLContext, forward: Forward | None, timeout: float) -> None:
        self._context = context
        self._forward = forward
        self._timeout = timeout

    async def open(self, origin: Origin, make: Callable[[], Connection]) -> Connection:
        """Open a connection to a server.

        Args:
            origin: The server.
            make: Makes what is to be told of the connection.

        Raises:
            httpx.TransportError: ``ConnectTimeout``; or ``ConnectError``, whose text is a word for the reason and no address.
        """
        try:
            async with asyncio.timeout(self._timeout):
                if self._forward is None:
                    return await self._connect(origin, make)
                if not origin.secure:
                    return await self._connect(self._forward.origin, make)
                return await self._tunnel(self._forward, origin, make)
        except TimeoutError:
            raise httpx.ConnectTimeout("") from None
        except ssl.SSLCertVerificationError:
            raise httpx.ConnectError("certificate") from None
        except (gaierror, UnicodeError):
            raise httpx.ConnectError("dns error") from None
        except ssl.SSLError:
            raise httpx.ConnectError("tls") from None
        except OSError as error:
            raise httpx.ConnectError("refused" if error.errno == ECONNREFUSED else "") from None

    async def _connect(self, origin: Origin, make: Callable[[], Connection]) -> Connection:
        """To a server itself, with TLS where it is spoken to with that."""
        loop = asyncio.get_running_loop()
        addresses = await loop.getaddrinfo(origin.host, origin.port, type=SOCK_STREAM)
        own: socket = await start_connection(addresses, happy_eyeballs_delay=_SECOND_FAMILY_AFTER, loop=loop)
        # Nobody can tell who closes the socket of a transport that is cancelled in the making, so it is not: it is a moment.
        making = asyncio.ensure_future(loop.create_connection(asyncio.Protocol if origin.secure else make, sock=own))
        try:
            transport, plain = await asyncio.shield(making)
        except asyncio.CancelledError:
            making.add_done_callback(_abort)
            raise
        except BaseException:
            own.close()
            raise
        if origin.secure:
            connection = await self._secure(transport, origin, make)
        else:
            assert isinstance(plain, Connection)  # noqa: S101 - it was made by ``make``
            connection = plain
        connection.attach(own)
        return connection

    async def _secure(self, transport: asyncio.Transport, origin: Origin, make: Callable[[], Connection]) -> Connection:
        """Speak TLS over what is open."""
        loop = asyncio.get_running_loop()
        connection = make()
        try:
            secured = await loop.start_tls(transport, connection, self._context, server_hostname=origin.host)
            if secured is None:
                raise ConnectionResetError
        except BaseException:
            transport.abort()
            raise
        connection.connection_made(secured)
        return connection

    async def _tunnel(self, forward: Forward, origin: Origin, make: Callable[[], Connection]) -> Connection:
        """Have the proxy connect to the server (RFC 9110 9.3.6), and speak TLS with that."""
        loop = asyncio.get_running_loop()
        name = f"[{origin.host}]" if ":" in origin.host else origin.host
        authority = f"{name}:{origin.port}"
        outer = await self._connect(forward.origin, lambda: Connection(loop, self._timeout, _ignore, _ignore))
        request = f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n{forward.line}\r\n".encode()
        try:
            answer = await outer.ask(request, without_body=True)
        except httpx.TransportError:
            raise httpx.ConnectError("proxy") from None
        if not 200 <= answer.status < 300 or not outer.usable:
            outer.close()
            raise httpx.ConnectError("proxy")
        return await self._secure(outer.transport, origin, make)


def _abort(making: "asyncio.Future[tuple[asyncio.Transport, asyncio.Protocol]]") -> None:
    """Nobody waits for it any more."""
    if not making.cancelled() and making.exception() is None:
        making.result()[0].abort()


def _ignore(_: Connection) -> None:
    """A connection to a proxy is never kept by itself."""
