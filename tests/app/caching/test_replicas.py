"""Replicas with a real Redis between them: calls as of one, registrations known to all, and no request that Redis fails."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
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
from tests.examples import CONFERENCE, FORUM, OPEN_DAY, registration
from tests.redis_server import RedisServer, running_redis
from tests.service import BASE, event_path, running_proxy, settings_for

PASSWORD = "geheim-3f"
RIGHTS = "on >geheim-3f ~evtmgmt:* &evtmgmt:* +@all -@admin -@dangerous"
"""What docs/scale.md says."""
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

    def ask(visitor: int) -> bytes:
        together.wait(30)
        answer = httpx.get(f"{four.urls[visitor % 4]}{BASE}{event_path(OPEN_DAY, '/speakers')}", timeout=60)
        assert answer.status_code == 200
        return answer.content

    with ThreadPoolExecutor(16) as visitors:
        assert len(set(visitors.map(ask, range(16)))) == 1
    assert four.calls("list_speakers") == 1
    four.sandbox.faults.clear()


def test_an_answer_is_the_same_from_memory_and_from_redis(four: Replicas) -> None:
    path = event_path(OPEN_DAY)
    answers = [four.get(number, path) for number in range(4)]
    again = [four.get(number, path) for number in range(4)]
    assert len({(answer.content, answer.headers["etag"], answer.headers["cache-control"]) for answer in [*answers, *again]}) == 1
    marks = [answer.headers["x-evtmgmt-cache"] for answer in answers]
    assert marks[0] == "miss"
    assert marks[2:] == ["hit", "hit"]  # the second may have come before the answer was there, and have waited
    assert [answer.headers["x-evtmgmt-cache"] for answer in again] == ["hit"] * 4
    assert {answer.headers["content-encoding"] for answer in answers} == {"gzip"}
    assert four.calls("get_event") == 1


def test_an_unknown_event_is_asked_for_once(four: Replicas) -> None:
    before = four.calls("get_event")
    answers = [four.get(number, "events/Nowhere") for number in range(4)]
    assert [answer.status_code for answer in answers] == [404] * 4
    assert four.calls("get_event") == before + 1


def test_a_registration_through_one_is_seen_through_all(four: Replicas) -> None:
    path = event_path(OPEN_DAY, "/registrations/count")
    four.sandbox.faults.add("body", body=7, operation="count_event_registrations", times=1)
    assert [four.get(number, path).json() for number in range(4)] == [7] * 4
    heard = [four.metric(number, "evtmgmt_registrations_heard_total") for number in range(4)]
    posted = four.client.post(f"{four.urls[1]}{BASE}{event_path(OPEN_DAY, '/registrations')}", json=registration())
    assert posted.status_code == 200
    until(lambda: all(four.metric(number, "evtmgmt_registrations_heard_total") > heard[number] for number in range(4)))
    four.sandbox.faults.add("body", body=8, operation="count_event_registrations", times=1)
    assert [four.get(number, path).json() for number in range(4)] == [8] * 4


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
        for number in range(4):
            assert proxies.get(number, event_path(OPEN_DAY)).status_code == 200
        assert proxies.calls("get_event") == 3
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

        def shares_again() -> bool:
            path = event_path(OPEN_DAY) + f"?api-version={next(numbers)}"
            calls = proxies.calls("get_event")
            assert {proxies.get(number, path).status_code for number in range(2)} == {200}
            return proxies.calls("get_event") == calls + 1

        until(shares_again, 60)


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
    with running_redis(*tls, *files, "--aclfile", str(users)):
        url = f"rediss://evtmgmt:{PASSWORD}@localhost:{port}/0?ssl_ca_certs={tmp_path / 'ca.pem'}"
        state = {"redis_url": url, "redis_timeout": 1}
        rates = {"reads_per_client": "2/h"}
        with replicas(url, state=state, upstream={"budget": "10/s"}, rates=rates) as proxies:
            assert [proxies.get(number, event_path(OPEN_DAY)).status_code for number in range(2)] == [200, 200]
            assert proxies.calls("get_event") == 1
            assert proxies.get(0, "events/published").status_code == 429  # the other one counted as well
            assert [proxies.metric(number, "evtmgmt_redis_up") for number in range(2)] == [1, 1]
            assert sum(proxies.metric(number, "evtmgmt_redis_alone_total") for number in range(2)) == 0
