"""Who calls during the soak: people who register, browsers that leave, scanners and slow readers. Looking visitors are elsewhere.

Each caller goes on until the end, and counts what nobody may see: a 500, an error that is not of the closed list.
"""

import asyncio
import struct
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from socket import SO_LINGER, SOL_SOCKET
from time import monotonic
from typing import Final

import aiohttp
import orjson
from yarl import URL

from benchmarks.pages import Event
from translation.errors import ERRORS

_PATIENCE: Final = aiohttp.ClientTimeout(total=60)
_SCANS: Final = (
    "/.git/config", "/wp-login.php", "/EvtMgmt/api/v2.0/../admin", "/EvtMgmt/api/v2.0/events/%00", "/a%2fb", "/actuator/env",
)  # fmt: skip


@dataclass(slots=True)
class Tally:
    """What the callers saw.

    Attributes:
        told: Answers to registrations, by status and error code.
        acknowledged: E-mail addresses whose registration was answered with success.
        sent: All that were sent.
        rude: Calls by those that misbehave.
        wrong: What nobody may see, in words.
    """

    told: Counter[str] = field(default_factory=Counter)
    acknowledged: set[str] = field(default_factory=set)
    sent: set[str] = field(default_factory=set)
    rude: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Callers:
    """Callers of one proxy.

    Args:
        host: Where the proxy listens.
        port: Where the proxy listens.
        base: The old base, with its trailing slash.
        origin: The portal's origin.
        events: What is registered for.
        until: The moment (monotonic) at which all of them stop.
    """

    host: str
    port: int
    base: str
    origin: str
    events: list[Event]
    until: float
    tally: Tally = field(default_factory=Tally)
    random: Random = field(default_factory=lambda: Random(2026))

    async def run(self) -> None:
        """Call until the end."""
        async with aiohttp.ClientSession(timeout=_PATIENCE, cookie_jar=aiohttp.DummyCookieJar()) as session:
            self._session = session
            await asyncio.gather(
                *(self._again(self._register, 0.3) for _ in range(4)),
                *(self._again(one, 0.15) for one in (self._leave, self._reset, self._half, self._scan)),
                *(self._again(self._read_slowly, 1.0) for _ in range(2)),
            )

    _session: aiohttp.ClientSession = field(init=False)

    async def _again(self, call: Callable[[], Awaitable[None]], pause: float) -> None:
        while monotonic() < self.until:
            await call()
            await asyncio.sleep(self.random.uniform(0, 2 * pause))

    async def _register(self) -> None:
        tally = self.tally
        email = f"soak-{len(tally.sent)}@example.com"
        tally.sent.add(email)
        body = {"attendees": [{"firstName": "Nia", "lastName": "Madeup", "email": email, "passId": ""}]}
        url = URL(f"{self.base}{self.random.choice(self.events).path}/registrations", encoded=True)
        headers = {"Content-Type": "application/json", "Origin": self.origin}
        try:
            async with self._session.post(url, data=orjson.dumps(body), headers=headers) as answer:
                said = orjson.loads(await answer.read())
        except (aiohttp.ClientError, TimeoutError, orjson.JSONDecodeError) as failure:
            tally.wrong[f"a registration: {type(failure).__name__}"] += 1
            return
        code = said.get("errorCode") if answer.status >= 400 else said.get("status")
        tally.told[f"{answer.status} {code}"] += 1
        if answer.status == 200 and code in ("Success", "Initiated"):
            tally.acknowledged.add(email)
        elif answer.status >= 400 and (answer.status == 500 or code not in ERRORS):
            tally.wrong[f"a registration: {answer.status} {code}"] += 1

    async def _open(self, data: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        writer.write(data)
        await writer.drain()
        return reader, writer

    def _ask(self, path: str, more: str = "Connection: close\r\n") -> bytes:
        return f"GET {path} HTTP/1.1\r\nHost: soak.invalid\r\n{more}\r\n".encode()

    def _some_event(self) -> str:
        parts = ("", "/sessions", "/passes", "/speakers", "/tracks", "/registrations/count")
        path = f"/EvtMgmt/api/v2.0/{self.random.choice(self.events).path}{self.random.choice(parts)}"
        return f"{path}?api-version={self.random.random()}"

    async def _leave(self) -> None:
        """A tab that is closed before its answer is there. The number in the query makes it a miss."""
        self.tally.rude["left"] += 1
        _, writer = await self._open(self._ask(self._some_event()))
        await asyncio.sleep(self.random.uniform(0, 0.02))
        await _close(writer)

    async def _reset(self) -> None:
        self.tally.rude["reset"] += 1
        _, writer = await self._open(self._ask(self._some_event()))
        writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def _half(self) -> None:
        """Half a request, or a body that never comes whole."""
        self.tally.rude["half"] += 1
        whole = b"POST /EvtMgmt/api/v2.0/events/Contoso_Open_Day/registrations HTTP/1.1\r\nHost: x\r\nContent-Length: 90\r\n\r\n{"
        _, writer = await self._open(whole[: self.random.randrange(1, len(whole) + 1)])
        await _close(writer)

    async def _scan(self) -> None:
        self.tally.rude["scan"] += 1
        path = self.random.choice((*_SCANS, f"/{self.random.random()}", f"/EvtMgmt/api/v2.0/events/No_{self.random.random()}/x"))
        reader, writer = await self._open(self._ask(path))
        with suppress(ConnectionError):
            line = await reader.readline()
            if line and line.split(b" ")[1] in (b"500", b"200"):
                self.tally.wrong[f"a scan: {line!r}"] += 1
        await _close(writer)

    async def _read_slowly(self) -> None:
        self.tally.rude["slow"] += 1
        reader, writer = await self._open(self._ask("/EvtMgmt/api/v2.0/events/published"))
        with suppress(ConnectionError):
            for _ in range(20):
                await reader.read(2_000)
                await asyncio.sleep(0.02)
        await _close(writer)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
