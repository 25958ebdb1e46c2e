"""Two replicas with a Redis between them: a registration goes where the page came from, whichever replica answered that."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import orjson
import pytest

from app.cutover.decision import Source
from app.cutover.shared_pages import SharedPages
from app.gateway import Gateway
from sandbox.server import Sandbox, SandboxThread
from tests.app.cutover.sides import FORUM_NEW, FORUM_OLD, answered_by
from tests.clock import until
from tests.examples import OPEN_DAY, registration
from tests.redis_server import RedisServer, running_redis
from tests.service import ADMIN, BASE, both_sides, event_path, running_proxy, settings_for

ANNA, BERT = {"x-visitor": "anna"}, {"x-visitor": "bert"}
BEARER = {"authorization": f"Bearer {ADMIN}"}


class Replicas:
    """Proxies before both organisations, which share the cutover's state."""

    def __init__(self, sandbox: Sandbox, running: list[tuple[int, Gateway]], client: httpx.Client) -> None:
        self.sandbox = sandbox
        self.urls = [f"http://127.0.0.1:{port}" for port, _ in running]
        self.routers = [gateway._answering.router for _, gateway in running]
        self.client = client

    def switch(self, stage: str, percent: float = 100, *, wait: bool = True) -> None:
        """As a person does, at the first replica, and until all have heard of it."""
        answer = self.client.patch(
            f"{self.urls[0]}/admin/cutover",
            json={"stage": stage, "percent": percent, "why": "a test"},
            headers={**BEARER, "if-match": "*"},
        )
        assert answer.status_code == 200
        for router in self.routers:
            until(lambda router=router: (router.state.stage, router.state.percent) == (stage, percent))  # type: ignore[misc]

    def page(self, number: int, event: str = OPEN_DAY, visitor: dict[str, str] = ANNA) -> str | None:
        """Who answered an event's page, once all that was seen there is told."""
        answer = self.client.get(f"{self.urls[number]}{BASE}{event_path(event)}", headers=visitor)
        assert answer.status_code == 200
        return answered_by(answer)

    def told(self, number: int) -> None:
        pages = self.routers[number]._pages
        assert isinstance(pages, SharedPages)
        until(lambda: not pages._some.is_set())

    def register(self, number: int, event: str = OPEN_DAY, visitor: dict[str, str] = ANNA) -> str | None:
        answer = self.client.post(
            f"{self.urls[number]}{BASE}{event_path(event, '/registrations')}",
            content=orjson.dumps(registration()),
            headers={"content-type": "application/json", **visitor},
        )
        return answered_by(answer)

    def alone(self, number: int) -> float:
        text = self.client.get(f"{self.urls[number]}/metrics").text
        lines = [line for line in text.splitlines() if line.startswith('evtmgmt_redis_alone_total{part="pages"}')]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


@contextmanager
def replicas(redis: RedisServer, **groups: Any) -> Iterator[Replicas]:
    """Two, patient with this machine, that have read the lists of both sides."""
    with ExitStack() as running:
        sandbox = running.enter_context(SandboxThread(Sandbox()))
        groups = {"state": {"redis_url": redis.url, "redis_timeout": 1}, "log_level": "error", **groups}
        settings = settings_for(sandbox, **both_sides(sandbox), cache={"warm": False}, **groups)
        proxies = [running.enter_context(running_proxy(settings)) for _ in range(2)]
        client = running.enter_context(httpx.Client(timeout=60, trust_env=False))
        made = Replicas(sandbox, proxies, client)
        for router in made.routers:
            known: Callable[[Source], object] = router._places.listed
            until(lambda known=known: all(known(side) is not None for side in (Source.REALTIME, Source.OUTBOUND)))  # type: ignore[misc]
        yield made


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


def test_a_registration_at_another_replica_goes_where_the_page_came_from(redis: RedisServer) -> None:
    with replicas(redis) as two:
        two.switch("split", 0)
        assert two.page(0) == "outbound"
        assert two.page(0) == "outbound"  # from memory, and seen as well
        assert two.page(0, FORUM_NEW) == "outbound"  # by either of its ids
        two.told(0)
        two.switch("realtime")
        assert two.register(1) == "outbound"
        assert two.register(1, FORUM_OLD) == "outbound"
        assert two.register(1, visitor=BERT) == "realtime"  # who comes now is served as the state says
        # The page is opened anew, at the other replica; then the registration comes to the first.
        assert two.page(1) == "realtime"
        two.told(1)
        two.switch("outbound")
        assert two.register(0) == "realtime"
        assert two.register(0, visitor=BERT) == "realtime"  # a registration is a page as well: its payment follows it
        assert two.register(0, visitor={"x-visitor": "carl"}) == "outbound"
        assert [two.alone(number) for number in (0, 1)] == [0, 0]


def test_without_redis_the_rules_of_the_moment_decide(redis: RedisServer) -> None:
    with replicas(redis, state={"redis_url": redis.url, "redis_timeout": 0.05}) as two:
        two.switch("split", 0)
        assert two.page(0) == "outbound"
        until(lambda: two.routers[0]._pages._some.is_set() is False)  # type: ignore[attr-defined]
        two.switch("realtime")
        redis.freeze()
        assert two.register(1) == "realtime"
        assert two.register(0) == "outbound"  # its own page
        assert two.alone(1) >= 1
        redis.thaw()
