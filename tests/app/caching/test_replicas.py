"""Replicas with a real Redis between them: calls as of one, registrations known to all, and no request that Redis fails."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from socket import AF_INET, SOCK_STREAM, socket
from threading import Barrier
from typing import Any

import httpx
import pytest
import trustme
from redis import Redis

from sandbox.server import Sandbox, SandboxThread
from tests.clock import until
from tests.examples import CONFERENCE, FORUM, OPEN_DAY, TOKYO, registration
from tests.redis_server import RedisServer, running_redis
from tests.service import BASE, event_path, running_proxy, settings_for

PASSWORD = "geheim-3f"
RIGHTS = "on >geheim-3f ~evtmgmt:* &evtmgmt:* +@read +@write +@scripting +@pubsub +time +select"
"""What docs/cutover.md says."""
numbers = count()


class Replicas:
    """Proxies before one sandbox."""

    def __init__(self, sandbox: Sandbox, ports: list[int]) -> None:
        self.sandbox = sandbox
        self.urls = [f"http://127.0.0.1:{port}" for port in ports]
        self.client = httpx.Client(timeout=60, trust_env=False)

    def get(self, number: int, path: str) -> httpx.Response:
        return self.client.get(f"{self.urls[number]}{BASE}{path}")

    def metric(self, number: int, line: str) -> float:
        text = self.client.get(f"{self.urls[number]}/metrics").text
        return sum(float(found.rsplit(" ", 1)[1]) for found in text.splitlines() if found.startswith(line))

    def calls(self, operation: str) -> float:
        """Calls to Dynamics that all of them made."""
        line = f'evtmgmt_upstream_requests_total{{backend="realtime",operation="{operation}"'
        return sum(self.metric(number, line) for number in range(len(self.urls)))


@contextmanager
def replicas(redis_url: str, number: int = 2, own: dict[int, dict[str, Any]] | None = None, **groups: Any) -> Iterator[Replicas]:
    """Proxies that are patient with this machine; ``own`` are settings of single ones."""
    groups = {"cache": {"warm": False}, "state": {"redis_url": redis_url, "redis_timeout": 1}, "log_level": "warning", **groups}
    with ExitStack() as running:
        sandbox = running.enter_context(SandboxThread(Sandbox()))
        settings = [settings_for(sandbox, **{**groups, **(own or {}).get(index, {})}) for index in range(number)]
        proxies = Replicas(sandbox, [running.enter_context(running_proxy(one))[0] for one in settings])
        running.enter_context(proxies.client)
        yield proxies


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture(scope="module")
def four(redis: RedisServer) -> Iterator[Replicas]:
    with replicas(redis.url, 4) as proxies:
        yield proxies


def test_a_herd_makes_one_call(four: Replicas) -> None:
    four.sandbox.faults.add("latency", seconds=0.3, operation="list_speakers", times=None)
    together = Barrier(16)

    def ask(visitor: int, path: str) -> bytes:
        together.wait(30)
        answer = httpx.get(f"{four.urls[visitor % 4]}{BASE}{path}", timeout=60)
        assert answer.status_code == 200
        return answer.content

    def herd(path: str) -> None:
        assert len(set(visitors.map(partial(ask, path=path), range(16)))) == 1

    with ThreadPoolExecutor(16) as visitors:
        as_one(four, "list_speakers", event_path(OPEN_DAY, "/speakers"), herd)
    four.sandbox.faults.clear()


def as_one(proxies: Replicas, operation: str, path: str, ask: Callable[[str], object]) -> None:
    """All that is asked makes one call, at least when this machine lets Redis answer within a second."""

    def one_call() -> bool:
        before = proxies.calls(operation)
        ask(f"{path}?api-version={next(numbers)}")
        return proxies.calls(operation) == before + 1

    until(one_call, 60)


def test_a_replica_learns_from_what_another_one_brought(redis: RedisServer) -> None:
    """Else it walks over all events for a track that it has just shown."""
    with replicas(redis.url) as two:
        events = [CONFERENCE, OPEN_DAY, TOKYO]  # with tracks and their sessions

        def by_itself() -> float:
            outcomes = ("asked", "alone")
            return sum(two.metric(1, f'evtmgmt_second_level_total{{operation="list_tracks",outcome="{one}"') for one in outcomes)

        def learned() -> bool:
            """Whether this machine let Redis answer in time."""
            path, before = event_path(events.pop(), "/tracks"), by_itself()
            first, second = two.get(0, path), two.get(1, path)
            if by_itself() != before:
                return False
            assert first.json() == second.json()
            calls = two.calls("list_events"), two.calls("list_tracks")
            assert two.get(1, f"tracks/{second.json()[0]['id']}/sessions").status_code == 200
            assert (two.calls("list_events"), two.calls("list_tracks")) == calls
            return True

        until(learned, 60)


def test_an_answer_is_the_same_from_memory_and_from_redis(four: Replicas) -> None:
    answers: list[httpx.Response] = []
    again: list[httpx.Response] = []

    def ask(path: str) -> None:
        answers[:] = [four.get(number, path) for number in range(4)]
        again[:] = [four.get(number, path) for number in range(4)]

    as_one(four, "get_event", event_path(OPEN_DAY), ask)
    assert len({(answer.content, answer.headers["etag"], answer.headers["cache-control"]) for answer in [*answers, *again]}) == 1
    marks = [answer.headers["x-evtmgmt-cache"] for answer in answers]
    assert marks[0] == "miss"
    assert marks[2:] == ["hit", "hit"]  # the second may have come before the answer was there, and have waited
    assert [answer.headers["x-evtmgmt-cache"] for answer in again] == ["hit"] * 4
    assert {answer.headers["content-encoding"] for answer in answers} == {"gzip"}


def test_an_unknown_event_is_asked_for_once(four: Replicas) -> None:
    def ask(path: str) -> None:
        assert [four.get(number, path).status_code for number in range(4)] == [404] * 4

    as_one(four, "get_event", "events/Nowhere", ask)


def test_a_registration_through_one_is_seen_through_all(four: Replicas) -> None:
    path = event_path(OPEN_DAY, "/registrations/count")
    four.sandbox.faults.add("body", body=7, operation="count_event_registrations", times=None)
    assert [four.get(number, path).json() for number in range(4)] == [7] * 4
    heard = [four.metric(number, "evtmgmt_registrations_heard_total") for number in range(4)]
    posted = four.client.post(f"{four.urls[1]}{BASE}{event_path(OPEN_DAY, '/registrations')}", json=registration())
    assert posted.status_code == 200
    until(lambda: all(four.metric(number, "evtmgmt_registrations_heard_total") > heard[number] for number in range(4)))
    four.sandbox.faults.clear()
    four.sandbox.faults.add("body", body=8, operation="count_event_registrations", times=None)
    assert [four.get(number, path).json() for number in range(4)] == [8] * 4
    four.sandbox.faults.clear()


def test_nothing_of_a_visitor_and_no_token_is_in_redis(four: Replicas, redis: RedisServer) -> None:
    person = registration()["attendees"][0]
    four.client.post(f"{four.urls[0]}{BASE}{event_path(CONFERENCE, '/registrations')}", json=registration())
    four.get(0, event_path(CONFERENCE, "/registrations/count") + "?emApplicationtoken=the-old-token-of-the-portal&data=Maria")
    four.get(1, event_path(CONFERENCE, "/registrations/count"))  # so it is in Redis
    with Redis(unix_socket_path=str(redis.socket)) as client:
        keys = list(client.scan_iter())
        assert keys
        texts = [*keys, *(client.dump(key) for key in keys)]
    secrets = [
        person["email"],
        person["lastName"],
        four.sandbox.realtime_token,
        "the-old-token-of-the-portal",
        "Maria",
        "127.0.0.1",
    ]
    assert [secret for secret in secrets if any(secret.encode() in text for text in texts)] == []


def test_replicas_of_different_settings_do_not_mix() -> None:
    other = {"answers": {"allow_anonymous_registrations": "keep"}}
    unshared = {"cache": {"warm": False, "shared": False}}
    with running_redis() as redis, replicas(redis.url, 4, own={1: other, 2: unshared}) as proxies:

        def three_calls() -> bool:
            before, path = proxies.calls("get_event"), f"{event_path(OPEN_DAY)}?api-version={next(numbers)}"
            assert [proxies.get(number, path).status_code for number in range(4)] == [200] * 4
            assert proxies.calls("get_event") >= before + 3
            return proxies.calls("get_event") == before + 3

        until(three_calls, 60)
        # A registration concerns them all the same.
        path = event_path(OPEN_DAY, "/registrations/count")
        proxies.sandbox.faults.add("body", body=7, operation="count_event_registrations", times=1)
        assert proxies.get(1, path).json() == 7
        proxies.client.post(f"{proxies.urls[0]}{BASE}{event_path(OPEN_DAY, '/registrations')}", json=registration())
        until(lambda: proxies.metric(1, "evtmgmt_registrations_heard_total") > 0)
        assert proxies.get(1, path).json() != 7


def test_a_redis_that_is_frozen_killed_and_empty_fails_no_request() -> None:
    with (
        running_redis() as redis,
        replicas(redis.url, state={"redis_url": redis.url}) as proxies,
        ThreadPoolExecutor(4) as visitors,
    ):

        def load() -> list[int]:
            def ask(number: int) -> int:
                event = (OPEN_DAY, CONFERENCE, FORUM)[number % 3]
                return proxies.get(number % 2, event_path(event) + f"?api-version={next(numbers)}").status_code

            return list(visitors.map(ask, range(40)))

        outcome = load()
        redis.freeze()
        outcome += load()
        assert sum(proxies.metric(number, "evtmgmt_redis_alone_total") for number in range(2)) > 0
        assert [proxies.metric(number, "evtmgmt_redis_up") for number in range(2)] == [0, 0]
        redis.thaw()
        outcome += load()
        redis.kill()
        outcome += load()
        redis.start()  # it had kept nothing
        outcome += load()
        assert set(outcome) == {200}

        def ask(path: str) -> None:
            assert {proxies.get(number, path).status_code for number in range(2)} == {200}

        as_one(proxies, "get_event", event_path(OPEN_DAY), ask)


def test_over_tls_as_a_user_with_few_rights(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with socket(AF_INET, SOCK_STREAM) as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    tls = ("--tls-port", str(port), "--tls-auth-clients", "no", "--bind", "127.0.0.1")
    pem = str(tmp_path / "server.pem")
    files = ("--tls-cert-file", pem, "--tls-key-file", pem, "--tls-ca-cert-file", str(tmp_path / "ca.pem"))
    users = tmp_path / "users.acl"
    users.write_text(f"user default off\nuser evtmgmt {RIGHTS}\n", encoding="utf-8")
    with running_redis(*tls, *files, "--aclfile", str(users)) as server:
        url = f"rediss://evtmgmt:{PASSWORD}@localhost:{port}/0?ssl_ca_certs={tmp_path / 'ca.pem'}"
        state = {"redis_url": url, "redis_timeout": 1}
        with replicas(url, state=state, upstream={"budget": "10/s"}, rates={"reads_per_client": "9000/h"}) as proxies:

            def ask(path: str) -> None:
                assert [proxies.get(number, path).status_code for number in range(2)] == [200, 200]

            as_one(proxies, "get_event", event_path(OPEN_DAY), ask)
        with Redis(unix_socket_path=str(server.socket), username="evtmgmt", password=PASSWORD) as client:
            kinds = {re.sub(rb"{.*?}|:[0-9a-f]{16}.*", b"", key).split(b"/")[0] for key in client.scan_iter()}
        assert {b"evtmgmt::state", b"evtmgmt::shared:answer", b"evtmgmt::budget"} <= kinds
        assert [kind for kind in kinds if b"rates" in kind]
