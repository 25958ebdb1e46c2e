"""The visitors, as a process of their own: ``python -m benchmarks.visitors``. Their calls go out as browsers send them.

Each visitor has connections of its own, six at most, as browsers do. The first call of an address is preflighted, because the
old portal sends Content-Type on GETs (PORTAL-FACTS); images are not, and are fetched once. Prints one JSON object.
"""

import argparse
import asyncio
import sys
from collections import Counter
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Final

import aiohttp
import orjson
import uvloop
from yarl import URL

from benchmarks.material import CLIENT_TOKEN
from benchmarks.pages import LOOK, Ask, Event, Page, Visitor, schedule, visit

_HEADERS: Final = {"Accept": "application/json, text/plain, */*", "Accept-Encoding": "gzip", "Content-Type": "application/json"}
_PREFLIGHT: Final = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "content-type"}
SLOW: Final = 50.0
"""Milliseconds; half of what the upstream takes."""
_PATIENCE: Final = aiohttp.ClientTimeout(total=30)


@dataclass(slots=True)
class Seen:
    """What the visitors saw.

    Attributes:
        milliseconds: How long each call took, from the moment the page wanted it; preflights apart.
        statuses: Answers by status.
        preflights: How many there were.
        marks: Answers by ``X-EvtMgmt-Cache``.
        slow: Calls that took longer than ``SLOW``, by path: their visitors waited for the upstream.
        wrong: What no visitor should see, in words.
    """

    milliseconds: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    preflights: int = 0
    marks: Counter[str] = field(default_factory=Counter)
    slow: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)

    def summary(self) -> dict[str, Any]:
        """As JSON values."""
        ordered = sorted(self.milliseconds)
        return {
            "calls": len(ordered),
            "preflights": self.preflights,
            "statuses": dict(sorted(self.statuses.items())),
            "marks": dict(sorted(self.marks.items())),
            "p50": percentile(ordered, 50),
            "p99": percentile(ordered, 99),
            "slowest": ordered[-1] if ordered else 0.0,
            "slow": dict(self.slow),
            "wrong": dict(self.wrong),
        }


def percentile(ordered: list[float], percent: float) -> float:
    """The value that ``percent`` of the sorted values do not exceed; 0 when there are none."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else 0.0


class Browser:
    """One visitor's browser.

    Args:
        base: The old base of the proxy, with its trailing slash.
        origin: The portal's origin.
        seen: Where what is seen is kept.
    """

    def __init__(self, base: str, origin: str, seen: Seen) -> None:
        self._base = base
        self._origin = origin
        self._seen = seen
        self._preflights: dict[str, asyncio.Task[None]] = {}
        self._images: set[str] = set()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=6), timeout=_PATIENCE, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
        )

    async def close(self) -> None:
        """Close its connections."""
        await self._session.close()

    async def open(self, page: Page, pause: float) -> None:
        """Open a page; ``pause`` seconds before each step but the first."""
        for number, step in enumerate(page):
            if number:
                await asyncio.sleep(pause)
            await asyncio.gather(*map(self._ask, step))

    async def _ask(self, ask: Ask) -> None:
        if ask.image:
            if ask.path not in self._images:
                self._images.add(ask.path)
                await self._call(ask.path, self._base + ask.path, {})
            return
        if ask.path not in self._preflights:
            self._preflights[ask.path] = asyncio.create_task(self._preflight(ask.path))
        await self._preflights[ask.path]
        address = f"{self._base}{ask.path}?emApplicationtoken={CLIENT_TOKEN}"
        await self._call(ask.path, address, {**_HEADERS, "Origin": self._origin})

    async def _preflight(self, path: str) -> None:
        self._seen.preflights += 1
        headers = {**_PREFLIGHT, "Origin": self._origin}
        async with self._session.options(URL(self._base + path, encoded=True), headers=headers) as answer:
            allowed = answer.headers.get("Access-Control-Allow-Headers", "").lower()
            if not answer.ok or answer.headers.get("Access-Control-Allow-Origin") != self._origin or allowed != "content-type":
                self._seen.wrong[f"a preflight of {path} that browsers refuse"] += 1

    async def _call(self, path: str, address: str, headers: dict[str, str]) -> None:
        seen = self._seen
        started = perf_counter()
        try:
            async with self._session.get(URL(address, encoded=True), headers=headers) as answer:
                await answer.read()
        except (aiohttp.ClientError, TimeoutError) as failure:
            seen.wrong[f"{path}: {type(failure).__name__}"] += 1
            return
        milliseconds = (perf_counter() - started) * 1_000
        seen.milliseconds.append(milliseconds)
        if milliseconds > SLOW:
            seen.slow[path] += 1
        seen.statuses[str(answer.status)] += 1
        seen.marks[answer.headers.get("X-EvtMgmt-Cache", "none")] += 1
        if answer.status != (501 if path == "users/authenticated" else 200):
            seen.wrong[f"{path}: status {answer.status}"] += 1
        elif headers and answer.headers.get("Access-Control-Allow-Origin") != self._origin:
            seen.wrong[f"{path}: an answer that browsers hide"] += 1


async def find_event(base: str, origin: str, name: str) -> Event:
    """An event with the ids of its parts, as its answers tell them."""
    event = Event(name)
    async with aiohttp.ClientSession(timeout=_PATIENCE, raise_for_status=True) as session:

        async def read(part: str) -> list[dict[str, Any]]:
            async with session.get(URL(f"{base}{event.path}/{part}", encoded=True), headers={"Origin": origin}) as answer:
                found: list[dict[str, Any]] = orjson.loads(await answer.read())
                return found

        return Event(
            name,
            tracks=tuple(one["id"] for one in await read("tracks")),
            portraits=tuple(one["imageUrl"] for one in await read("speakers") if one["imageUrl"]),
            sponsorships=tuple(one["id"] for one in await read("sponsorships")),
        )


async def run(base: str, origin: str, names: list[str], visitors: int, seconds: float) -> Seen:
    """Let the visitors come; with none of them, each event is visited once, to warm the cache."""
    events = [await find_event(base, origin, name) for name in names]
    seen = Seen()
    began = perf_counter()

    async def come(visitor: Visitor) -> None:
        browser = Browser(base, origin, seen)
        try:
            for time, page in zip(visitor.times, visit(visitor.event), strict=True):
                await asyncio.sleep(time - (perf_counter() - began))
                await browser.open(page, seconds * LOOK)
        finally:
            await browser.close()

    coming = schedule(events, visitors, seconds) if visitors else [Visitor(event, (0.0,) * 5) for event in events]
    await asyncio.gather(*map(come, coming))
    return seen


def main() -> None:
    """Run with the words of the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.visitors")
    parser.add_argument("--base", required=True)
    parser.add_argument("--origin", required=True)
    parser.add_argument("--event", action="append", required=True)
    parser.add_argument("--visitors", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    words = parser.parse_args()
    seen = uvloop.run(run(words.base, words.origin, words.event, words.visitors, words.seconds))
    sys.stdout.buffer.write(orjson.dumps(seen.summary()))


if __name__ == "__main__":
    main()
