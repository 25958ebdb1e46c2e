"""Two replicas with a Redis between them: a registration goes where the page came from, whichever replica answered that."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
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

numbers = count()
BEARER = {"authorization": f"Bearer {ADMIN}"}


class Replicas:
    """Proxies before both organisations, which share the cutover's state."""

    def __init__(self, sandbox: Sandbox, running: list[tuple[int, Gateway]], client: httpx.Client) -> None:
        self.sandbox = sandbox
        self.urls = [f"http://127.0.0.1:{port}" for port, _ in running]
        self.routers = [gateway._answering.router for _, gateway in running]
        self.client = client

    def switch(self, stage: str, percent: float = 100) -> None:
        """As a person does, at the first replica, and until all have heard of it."""

        def changed() -> bool:
            """Whether this machine let Redis answer in time."""
            answer = self.client.patch(
                f"{self.urls[0]}/admin/cutover",
                json={"stage": stage, "percent": percent, "why": "a test"},
                headers={**BEARER, "if-match": "*"},
            )
            assert answer.status_code in (200, 503)
            return answer.status_code == 200

        until(changed)
        for router in self.routers:
            until(lambda router=router: (router.state.stage, router.state.percent) == (stage, percent))  # type: ignore[misc]

    def page(self, number: int, event: str, visitor: dict[str, str]) -> str | None:
        """Who answered an event's page."""
        answer = self.client.get(f"{self.urls[number]}{BASE}{event_path(event)}", headers=visitor)
        assert answer.status_code == 200
        return answered_by(answer)

    def told(self, number: int) -> None:
        """Until all that was seen there is told."""
        pages = self.routers[number]._pages
        assert isinstance(pages, SharedPages)
        until(lambda: not pages._some.is_set())

    def register(self, number: int, event: str, visitor: dict[str, str]) -> str | None:
        """Who was sent a registration, whatever became of it."""
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


def fresh() -> dict[str, str]:
    """A visitor who has not been here."""
    return {"x-visitor": f"visitor {next(numbers)}"}


def test_a_registration_at_another_replica_goes_where_the_page_came_from(redis: RedisServer) -> None:
    with replicas(redis) as two:

        def undisturbed() -> bool:
            """Whether this machine let Redis answer in time; what came of it is told then."""
            before = [two.alone(number) for number in (0, 1)]
            ann, bert, carl, dora = (fresh() for _ in range(4))
            two.switch("split", 0)
            pages = [two.page(0, OPEN_DAY, ann), two.page(0, OPEN_DAY, ann), two.page(0, FORUM_NEW, ann)]
            two.told(0)
            two.switch("realtime")
            old = [two.register(1, OPEN_DAY, ann), two.register(1, FORUM_OLD, ann)]
            new = two.register(1, OPEN_DAY, bert)
            # Both pages again, of the other replica; then the registrations come to the first.
            pages_then = [two.page(1, OPEN_DAY, ann), two.page(1, OPEN_DAY, carl)]
            two.told(1)
            two.switch("outbound")
            last = [two.register(0, OPEN_DAY, ann), two.register(0, OPEN_DAY, bert), two.register(0, OPEN_DAY, carl)]
            newcomer = two.register(0, OPEN_DAY, dora)
            if [two.alone(number) for number in (0, 1)] != before:
                return False
            assert pages == ["outbound"] * 3  # the second from memory; the third by the other id
            assert old == ["outbound"] * 2
            assert new == "realtime"
            assert pages_then == ["realtime"] * 2
            assert last == ["realtime"] * 3  # a registration is a page as well: its payment goes where it went
            assert newcomer == "outbound"
            return True

        until(undisturbed, 60)


def test_with_a_frozen_redis_the_rules_of_the_moment_decide(redis: RedisServer) -> None:
    with replicas(redis, state={"redis_url": redis.url, "redis_timeout": 0.05}) as two:
        ann = fresh()
        two.switch("split", 0)
        assert two.page(0, OPEN_DAY, ann) == "outbound"
        two.told(0)
        two.switch("realtime")
        redis.freeze()
        before = two.alone(1)
        assert two.register(1, OPEN_DAY, ann) == "realtime"
        assert two.alone(1) > before
        assert two.register(0, OPEN_DAY, ann) == "outbound"  # its own page
        redis.thaw()
