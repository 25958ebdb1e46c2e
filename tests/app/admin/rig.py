"""The admin API and the console alone, on a real socket, with invented data behind them."""

import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from socket import AF_INET, SOCK_STREAM, socket
from threading import Thread
from time import time
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from app.admin.access import Access
from app.admin.attempts import Attempts
from app.admin.credentials import Credentials
from app.admin.gauges import Gauges
from app.admin.sources import Sources
from app.cutover.decision import Source
from app.cutover.explaining import explain
from app.cutover.live import Live
from app.cutover.places import Places
from app.cutover.reports import Reports
from app.cutover.router import Router
from app.cutover.settings import Cutover
from app.cutover.sqlite import SqliteStore
from app.cutover.standing import Obstacle, Severity
from app.cutover.state import CutoverState, Latch, Stage, Switch
from app.cutover.traffic import SLOT_SECONDS, Traffic
from app.cutover.usage import Usage
from app.metrics import Metrics
from routes.admin import admin_router
from routes.console import console_router
from tests.service import _Server
from translation.aliases import Aliases
from translation.comparison import Comparison, Difference, Verdict
from translation.operations import OPERATIONS
from translation.parity import Parity

TOKEN = "an-admin-token-of-some-length"
BEARER = {"authorization": f"Bearer {TOKEN}"}
NOW = 1_795_449_600.0
"""2026-11-23 16:00:00 UTC, a Monday."""


GAUGES = Gauges(8_412, 9_377, 3_481_220, {"realtime": 163.0, "outbound": 187.0}, 200, 0)


def listed(event: str, name: str, start: str) -> dict[str, str]:
    return {"readableEventId": event, "eventName": name, "startDate": start}


BOTH_LIST = [
    listed("Contoso_Ltd_Conference", "Contoso Ltd Conference", "2026-12-03T09:00:00"),
    listed("Autumn_Fair_2026", "Autumn fair", "2026-11-28T10:00:00"),
    listed("Data_Day", "Data day", "2027-01-18T09:30:00"),
]
OBSTACLES = [
    Obstacle(
        Severity.BLOCKER,
        "the event Winter_Gala is listed only in outbound, starts in 12 days",
        "Create it anew in real-time journeys, publish it, and add an alias where its readable id is another one.",
    ),
    Obstacle(
        Severity.WARNING,
        "37 visitors signed in this week: sign-in has no counterpart",
        "Switch sign-in off in the portal (`isAuthenticationEnabled: false`) and tell these visitors beforehand.",
    ),
    Obstacle(Severity.NOTE, "2 client tokens are in use, from 2 origins", "Nothing to do when you know these portals."),
]


def invented_traffic() -> Traffic:
    return Traffic.of_document(_invented_hour(), lambda: NOW)


@cache
def _invented_hour() -> dict[str, Any]:
    """An hour in which real-time takes over a part."""
    told = [NOW - 3_600.0]
    traffic = Traffic(lambda: told[0])
    dice = random.Random(7)
    names = ["list_events", "get_event", "list_sessions", "list_speakers", "list_passes", "register"]
    names = [operation.name for operation in OPERATIONS if operation.name in names] or [OPERATIONS[0].name]
    for slot in range(359):
        told[0] = NOW - 3_600 + slot * SLOT_SECONDS + 10
        share = 0.05 if slot < 120 else 0.25
        for _ in range(int(40 * (0.7 + 0.3 * dice.random()))):
            operation = dice.choice(names)
            backend = "realtime" if dice.random() < share else "outbound"
            failed = dice.random() < (0.004 if backend == "realtime" else 0.011)
            union = operation == "list_events" and share > 0.1
            traffic.answered("realtime+outbound" if union else backend, operation, 502 if failed else 200)
            if dice.random() < 0.4:
                traffic.observe(backend, operation, failed, dice.lognormvariate(-2.2, 0.5))
    told[0] = NOW
    return traffic.document()


def invented_parity(now: float = NOW) -> Parity:
    parity = Parity()
    for number in range(60):
        at = now - 86_400 + number * 600
        fields: dict[str, dict[Verdict, int]] = {
            "eventName": {Verdict.EQUAL: 1},
            "startDate": {Verdict.EQUAL: 1},
            "description": {Verdict.DIFFERS: 1} if number % 3 == 0 else {Verdict.EQUAL: 1},
            "building.name": {Verdict.MISSING_RIGHT: 1} if number % 20 == 0 else {Verdict.EQUAL: 1},
        }
        found = []
        if number % 3 == 0:
            left = "Meet the people who build with Contoso. Doors open at 8.30, coffee is served in the foyer."
            right = "Meet the people who build with Contoso. Doors open at 9.00, coffee is served in the foyer."
            found.append(Difference("description", Verdict.DIFFERS, f"Event_{number % 5}", left, right))
        if number % 20 == 0:
            found.append(Difference("building.name", Verdict.MISSING_RIGHT, "Data_Day", "Harbour hall", None))
        parity.add(Comparison("get_event", fields, found), at)
        parity.add(Comparison("list_events", {"[].eventName": {Verdict.EQUAL: 12}, "[].startDate": {Verdict.EQUAL: 12}}), at)
        speakers: dict[str, dict[Verdict, int]] = {
            "[].name": {Verdict.EQUAL: 4},
            "[].email": {Verdict.EQUAL: 3, Verdict.DIFFERS: 1},
        }
        hidden = Difference("[].email", Verdict.DIFFERS, "Data_Day", None, None, personal=True)
        parity.add(Comparison("list_speakers", speakers, [hidden]), at)
        parity.add(Comparison("list_speakers", {"[].name": {Verdict.EQUAL: 4}}), at, noise=True)
    return parity


SPLIT = CutoverState(
    stage=Stage.SPLIT,
    percent=25,
    operations={"get_personal_calendar": Switch.OUTBOUND},
    events={"autumn_*": Switch.REALTIME, "spring_launch": Switch.OFF},
)


@dataclass
class Desk:
    """What stands behind the pages, and where they are.

    Attributes:
        state: The state at the start.
        directory: Where it is kept; None for memory.
        both: Whether an outbound organisation is configured.
    """

    state: CutoverState = SPLIT
    directory: Path | None = None
    both: bool = True
    clock: Callable[[], float] = lambda: NOW
    attempts: Attempts = field(default_factory=Attempts)
    gauges: Gauges = GAUGES
    obstacles: list[Obstacle] = field(default_factory=lambda: list(OBSTACLES))
    traffic: Traffic = field(default_factory=invented_traffic)
    parity: Parity = field(default_factory=invented_parity)
    url: str = ""

    def __post_init__(self) -> None:
        self.store = SqliteStore(self.directory)
        self.live = Live(self.store, both=self.both)
        self.places = Places(Aliases.of({"Herbstmesse_2026": "Autumn_Fair_2026"}, {}, {}, {}))
        outbound = [listed("Winter_Gala", "Winter gala", "2026-12-05T19:00:00"), BOTH_LIST[0], BOTH_LIST[2]]
        outbound.append(listed("Herbstmesse_2026", "Autumn fair", "2026-11-28T10:00:00"))
        realtime = [*BOTH_LIST, listed("Spring_Launch", "Spring launch", "2027-03-02T10:00:00")]
        self.places.learn(Source.OUTBOUND, "list_events", {}, outbound)
        self.places.learn(Source.REALTIME, "list_events", {}, realtime)
        router = Router(lambda: self.live.state, Cutover(), TOKEN, self.places, Metrics(), both=self.both)
        self.explain = partial(explain, router)
        self.credentials = Credentials(TOKEN, lambda: self.clock())
        self.reports = Reports(self.store, self.parity, Usage("salt"), self.traffic, clock=self.clock)

    async def standing(self) -> list[Obstacle]:
        return self.obstacles

    def application(self) -> FastAPI:
        sources = Sources(self.live, self.places, self.reports, self.standing, self.explain, lambda: self.gauges, self.both)
        access = Access(self.credentials, self.attempts)

        @asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[None]:
            await self.live.start(self.state)
            yield
            await self.store.close()

        service = FastAPI(lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
        service.include_router(admin_router(access, sources))
        service.include_router(console_router(access, sources))
        return service


@contextmanager
def running_desk(desk: Desk | None = None) -> Iterator[Desk]:
    """The pages on a loopback port."""
    desk = desk or Desk()
    with socket(AF_INET, SOCK_STREAM) as listener:
        listener.bind(("127.0.0.1", 0))
        server = _Server(uvicorn.Config(desk.application(), log_config=None, http="httptools", lifespan="on"))
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        assert server.listening.wait(60)
        desk.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            yield desk
        finally:
            server.should_exit = True
            thread.join(60)
            assert not thread.is_alive()


def client_of(desk: Desk, **options: Any) -> httpx.Client:
    return httpx.Client(base_url=desk.url, trust_env=False, timeout=60, **options)


LATCHED = SPLIT.model_copy(
    update={"latches": {"get_event": Latch(at=time(), reason="11.2 % of 214 calls failed in 60 s, of outbound's 0.9 %")}}
)
