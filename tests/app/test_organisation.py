"""Calling one organisation over real sockets: what it is sent, what is refused before, who is told, what becomes of failures."""

import asyncio
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from socket import AF_INET, SOCK_STREAM, socket
from typing import Any
from urllib.parse import quote

import pytest

from app import settings
from app.budget import Budget, Need
from app.calls import Call
from app.faults.protection import Protection
from app.metrics import Metrics
from app.organisation import SHADOW, Organisation
from app.rates import Rate, read_rate
from app.transport import build_transport
from app.upstream import NOT_SENT, Trouble, Upstream, UpstreamAnswer, UpstreamError
from sandbox.server import Sandbox
from tests.clock import Clock
from tests.examples import OPEN_DAY, TRACEPARENT, sent_headers
from translation import errors
from translation.errors import ErrorKind, ProxyError
from translation.operations import BY_NAME
from translation.query import read_query

pytestmark = pytest.mark.anyio

EVENT = {"event": OPEN_DAY}
READ = Call(BY_NAME["get_event"], EVENT, EVENT)
WRITE = Call(BY_NAME["register"], EVENT, EVENT, body=b"{}")
BOTH = pytest.mark.parametrize("call", [READ, WRITE], ids=["read", "write"])


@dataclass
class Bench:
    """A real-time organisation of the sandbox, called.

    Attributes:
        told: What the observer was told: operation, whether it failed.
    """

    sandbox: Sandbox
    organisation: Organisation
    budget: Budget
    metrics: Metrics
    clock: Clock
    seconds: list[float | None] = field(default_factory=list)
    told: list[tuple[str, bool]] = field(default_factory=list)

    async def ask(self, call: Call = READ, query: tuple[str, ...] = (), **more: Any) -> UpstreamAnswer:
        headers = (*self.organisation.headers, *call.trace)
        body = call.body if call.operation.writes else None
        return await self.organisation.ask(call, call.operation.upstream or "", query, headers, body, **more)

    def counted(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0

    def image(self) -> Call:
        asked = {"speaker": self.sandbox.realtime.events[OPEN_DAY].speakers[0]["id"]}
        return Call(BY_NAME["get_speaker_image"], asked, asked)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Any]:
        call = self.image()
        async with self.organisation.open(call, call.operation.upstream or "", ()) as stream:
            yield stream


@asynccontextmanager
async def bench(
    rate: Rate | None = None, burst: int = 4, wait: float = 0.0, endpoint: str | None = None, **upstream: Any
) -> AsyncIterator[Bench]:
    total = upstream.pop("total_timeout", 60.0)
    transport = build_transport(settings.Upstream(**{"read_timeout": 30, "pool_timeout": 0.1, **upstream}), "tests/1")
    connections = Upstream(transport, total_timeout=total, max_answer_bytes=2**16)
    clock = Clock()
    budget = Budget(rate, burst, wait, clock, name="here")
    async with Sandbox() as sandbox:
        metrics = Metrics()
        found: Bench

        def told(operation: str, failed: bool, seconds: float | None) -> None:
            found.told.append((operation, failed))
            found.seconds.append(seconds)

        organisation = Organisation(
            "new",
            endpoint or sandbox.realtime_endpoint,
            sandbox.realtime_token,
            sandbox.realtime_origin,
            connections,
            budget,
            metrics,
            told,
        )
        found = Bench(sandbox, organisation, budget, metrics, clock)
        try:
            yield found
        finally:
            await connections.close()


# What is sent.


@pytest.mark.parametrize("name", ["list_events", "get_event", "register", "create_checkin"])
async def test_token_and_origin_are_on_each_call_and_nothing_else_is(name: str) -> None:
    async with bench() as at:
        operation = BY_NAME[name]
        asked = EVENT if operation.parameters else {}
        trace = (("traceparent", TRACEPARENT), ("x-request-id", "r-1"))
        raw = b"emApplicationtoken=of-a-visitor&api-version=1&_=2"
        call = Call(operation, asked, asked, read_query(raw, operation.query), trace, b'{"attendeeId":"x"}', source="x")
        await at.ask(call, tuple(part.decode() for _, part in call.query.kept))
        (record,) = at.sandbox.recorder.find()
        token = [f"emApplicationtoken={quote(at.sandbox.realtime_token, safe='')}"] if operation.token else []
        assert record.request.target.decode().partition("?")[2].split("&") == [*token, "api-version=1"]
        found = sent_headers(record)
        assert found.pop("content-length", ["18"]) == ["18"]
        assert found.pop("user-agent") == ["tests/1"]
        assert found == {
            "host": [at.sandbox.base_url.removeprefix("http://")],
            "accept": ["application/json"],
            "accept-encoding": ["gzip"],
            "origin": [at.sandbox.realtime_origin],
            "traceparent": [TRACEPARENT],
            "x-request-id": ["r-1"],
        }


async def test_token_and_origin_are_on_an_image_as_well() -> None:
    async with bench() as at, at.open() as stream:
        assert stream.status == 200
        (record,) = at.sandbox.recorder.find()
        assert record.request.query == {"emApplicationtoken": at.sandbox.realtime_token}
        assert sent_headers(record)["origin"] == [at.sandbox.realtime_origin]
        assert sent_headers(record)["accept"] == ["image/*"]


async def test_todays_ids_are_sent_and_escaped() -> None:
    async with bench() as at:
        sent = {"event": "Münchner Herbstgespräche"}
        await at.ask(Call(BY_NAME["list_tracks"], {"event": "alte Tagung"}, sent))
        (record,) = at.sandbox.recorder.find()
        assert record.request.path.endswith("/events/M%C3%BCnchner%20Herbstgespr%C3%A4che/tracks")


# What goes wrong.


async def _unreachable(at: Bench) -> None:
    await at.sandbox.stop()


def _fault(kind: str) -> Callable[[Bench], Any]:
    async def add(at: Bench) -> None:
        at.sandbox.faults.add(kind, times=None)

    return add


TROUBLES: dict[Trouble, tuple[Callable[[Bench], Any], ErrorKind, ErrorKind]] = {
    Trouble.UNREACHABLE: (_unreachable, errors.UPSTREAM_UNREACHABLE, errors.UPSTREAM_UNREACHABLE),
    Trouble.TIMEOUT: (_fault("hang"), errors.UPSTREAM_TIMEOUT, errors.REGISTRATION_OUTCOME_UNKNOWN),
    Trouble.BROKEN: (_fault("reset"), errors.UPSTREAM_FAILED, errors.REGISTRATION_ANSWER_UNREADABLE),
    Trouble.UNREADABLE: (_fault("gzip_lie"), errors.UPSTREAM_ANSWER_INVALID, errors.REGISTRATION_ANSWER_UNREADABLE),
    Trouble.TOO_LARGE: (_fault("endless"), errors.UPSTREAM_ANSWER_TOO_LARGE, errors.REGISTRATION_ANSWER_UNREADABLE),
}
NOBODY_LISTENS = {Trouble.CONNECT_TIMEOUT, Trouble.POOL_TIMEOUT}
"""Those that need a setting of their own: the two tests after the table."""


def assert_silent(at: Bench, error: BaseException) -> None:
    """Nothing of an error tells the token or the address."""
    told = "".join(traceback.format_exception(error)) + repr(error) + str(error) + repr(at.organisation)
    token = at.sandbox.realtime_token
    for secret in (token, quote(token, safe=""), token[:12], at.sandbox.base_url, "emApplicationtoken"):
        assert secret not in told


def test_every_trouble_is_tested() -> None:
    assert TROUBLES.keys() | NOBODY_LISTENS == set(Trouble)
    assert NOBODY_LISTENS | {Trouble.UNREACHABLE} == NOT_SENT


@BOTH
@pytest.mark.parametrize("trouble", TROUBLES, ids=str)
async def test_every_trouble_is_its_row_and_a_write_has_an_unknown_outcome(trouble: Trouble, call: Call) -> None:
    arrange, of_reads, of_writes = TROUBLES[trouble]
    async with bench(read_timeout=1 if trouble is Trouble.TIMEOUT else 30) as at:
        await arrange(at)
        with pytest.raises(ProxyError) as failed:
            await at.ask(call)
        assert failed.value.kind is (of_writes if call.operation.writes else of_reads)
        assert (failed.value.cause or "").startswith(f"{trouble}: ")
        assert_silent(at, failed.value)
        assert at.told == [(call.operation.name, True)]
        labels = {"operation": call.operation.name, "backend": "new", "outcome": trouble.value}
        assert at.counted("evtmgmt_upstream_requests_total", **labels) == 1
        assert at.counted("evtmgmt_upstream_seconds_count", backend="new") == 1


@BOTH
async def test_a_host_that_takes_no_connection_was_sent_nothing(call: Call) -> None:
    with socket(AF_INET, SOCK_STREAM) as listener, socket(AF_INET, SOCK_STREAM) as first, socket(AF_INET, SOCK_STREAM) as second:
        # A full queue of connections that nobody accepts: the kernel answers no further one.
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        async with bench(endpoint=endpoint, connect_timeout=0.2) as at:
            with pytest.raises(ProxyError) as failed:
                await at.ask(call)
            assert failed.value.kind is errors.UPSTREAM_TIMEOUT
            assert failed.value.cause == "connect_timeout: ConnectTimeout"
            assert_silent(at, failed.value)


@BOTH
async def test_a_call_that_gets_no_connection_was_sent_nothing(call: Call) -> None:
    async with bench(connections=1, read_timeout=30) as at, asyncio.TaskGroup() as tasks:
        at.sandbox.faults.add("hang")
        hanging = tasks.create_task(at.ask())
        await at.sandbox.recorder.wait_async(outcome="pending")
        with pytest.raises(ProxyError) as failed:
            await at.ask(call)
        assert failed.value.kind is errors.UPSTREAM_TIMEOUT
        assert failed.value.cause == "pool_timeout: PoolTimeout"
        assert_silent(at, failed.value)
        assert len(at.sandbox.recorder.find()) == 1
        hanging.cancel()


@BOTH
async def test_a_write_that_is_cut_off_may_have_arrived(call: Call) -> None:
    async with bench(read_timeout=30) as at:
        at.sandbox.faults.add("hang")
        task = asyncio.create_task(at.ask(call))
        await at.sandbox.recorder.wait_async(outcome="pending")
        task.cancel()
        await asyncio.wait((task,))
        assert task.cancelled() is not call.operation.writes
        if call.operation.writes:
            error = task.exception()
            assert isinstance(error, ProxyError)
            assert error.kind is errors.REGISTRATION_OUTCOME_UNKNOWN
            assert_silent(at, error)


async def test_a_write_that_is_cut_off_while_it_waits_for_a_place_was_not_sent() -> None:
    async with bench() as at:
        protection = Protection("new", settings.Faults(), 1, 30, 30, at.metrics)
        at.organisation._protection = protection
        place = protection.attempt(WRITE)
        await place.start()
        waiting = asyncio.create_task(at.ask(WRITE))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait((waiting,))
        place.release()
        assert waiting.cancelled()
        assert at.sandbox.recorder.find() == []


async def test_an_answer_of_any_status_is_given_as_it_is() -> None:
    async with bench() as at:
        for status in (202, 302, 400, 401, 404, 429, 500, 503):
            at.sandbox.faults.add("status", status=status, body={"a": status}, headers={"X-A": "b"})
            answer = await at.ask()
            assert (answer.status, answer.headers["x-a"]) == (status, "b")
            assert answer.body == b'{"a":%d}' % status


# Who is told.


@pytest.mark.parametrize("status", [200, 202, 302, 400, 401, 403, 404, 409, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("image", [False, True])
async def test_the_observer_is_told_once_of_each_answer(status: int, image: bool) -> None:
    failed = status in (401, 403, 500, 502, 503, 504)
    async with bench() as at:
        at.sandbox.faults.add("status", status=status)
        if image:
            async with at.open() as stream:
                assert stream.status == status
        else:
            await at.ask()
        name = "get_speaker_image" if image else "get_event"
        assert at.told == [(name, failed)]
        (seconds,) = at.seconds
        assert seconds is not None
        assert 0 <= seconds < 30
        assert at.counted("evtmgmt_upstream_requests_total", operation=name, backend="new", outcome=str(status)) == 1


@pytest.mark.parametrize("status", [401, 403, 500])
async def test_what_is_the_visitors_own_matter_is_no_failure(status: int) -> None:
    async with bench() as at:
        at.sandbox.faults.add("status", status=status, times=2)
        await at.ask(excused=lambda answer: answer.status == status)
        await at.ask(excused=lambda answer: False)
        assert [failed for _, failed in at.told] == [False, True]


async def test_nobody_is_told_of_a_call_that_was_not_made_or_not_waited_for() -> None:
    async with bench(read_rate("1/h"), burst=1, read_timeout=30) as at:
        at.sandbox.faults.add("hang")
        left = asyncio.ensure_future(at.ask())
        await at.sandbox.recorder.wait_async(outcome="pending")
        left.cancel()
        await asyncio.gather(left, return_exceptions=True)
        with pytest.raises(ProxyError):
            await at.ask()
        assert at.told == []


async def test_an_answer_that_cannot_be_used_is_told_afterwards_without_a_time() -> None:
    async with bench() as at:
        await at.ask()
        at.organisation.unusable(READ.operation)
        assert at.told == [("get_event", False), ("get_event", True)]
        assert at.seconds[1] is None
        assert at.counted("evtmgmt_upstream_seconds_count", backend="new") == 1


async def test_without_an_observer_nothing_is_missed() -> None:
    async with bench() as at:
        at.organisation._observe = None
        assert (await at.ask()).status == 200
        at.organisation.unusable(READ.operation)


# The budget.


async def test_registrations_never_wait_and_a_spent_budget_says_when_to_come_again() -> None:
    async with bench(read_rate("6/min"), burst=2) as at:
        for _ in range(2):
            await at.ask()
        for call, operation in ((READ, at.ask), (replace(READ, need=Need.REFRESH), at.ask)):
            with pytest.raises(ProxyError) as refused:
                await operation(call)
            assert refused.value.kind is errors.TOO_MANY_REQUESTS
            assert refused.value.retry_after == 10
            assert refused.value.cause == "the budget of calls to Dynamics is spent"
        with pytest.raises(ProxyError) as refused:
            async with at.open():
                pytest.fail("a call that the budget does not allow was made")
        assert refused.value.kind is errors.TOO_MANY_REQUESTS
        assert (await at.ask(WRITE)).status != 429
        # Whatever it calls itself, a write is a registration.
        assert (await at.ask(replace(WRITE, need=Need.REFRESH))).status != 429
        assert [record.operation for record in at.sandbox.recorder.find()] == ["get_event"] * 2 + ["register"] * 2
        assert at.counted("evtmgmt_budget_refused_total", need="read", reason="spent") == 2
        assert at.counted("evtmgmt_budget_refused_total", need="refresh", reason="spent") == 1
        assert at.counted("evtmgmt_budget_tokens", backend="realtime") < 1


async def test_what_nobody_waits_for_is_held_back_first() -> None:
    async with bench(read_rate("6/min"), burst=4) as at:
        refresh = replace(READ, need=Need.REFRESH)
        for _ in range(3):
            await at.ask(refresh)
        with pytest.raises(ProxyError):
            await at.ask(refresh)
        await at.ask()


async def test_a_429_slows_all_down_but_that_of_the_shadow() -> None:
    async with bench() as at:
        assert at.organisation.slow_down(replace(READ, source=SHADOW), {"retry-after": "17"}) == 17
        await at.ask()
        assert at.organisation.slow_down(READ, {}) == 30
        with pytest.raises(ProxyError) as refused:
            await at.ask()
        assert (refused.value.kind, refused.value.retry_after) == (errors.TOO_MANY_REQUESTS, 30)
        assert refused.value.cause == "the budget of calls to Dynamics is paused"
        assert (await at.ask(WRITE)).status != 429
        at.clock.go(30)
        await at.ask()


# Images.


async def test_an_open_image_holds_a_connection_and_gives_it_back() -> None:
    async with bench(connections=1) as at:
        for _ in range(3):
            async with at.open() as stream:
                with pytest.raises(ProxyError) as failed:
                    await at.ask()
                assert failed.value.kind is errors.UPSTREAM_TIMEOUT
                assert b"".join([chunk async for chunk in stream.chunks]).startswith(b"\x89PNG")
        assert (await at.ask()).status == 200


async def _unread(stream: Any) -> None:
    pass


async def _half_read(stream: Any) -> None:
    assert await anext(stream.chunks)


async def _defect(stream: Any) -> None:
    raise ZeroDivisionError


async def _broken(stream: Any) -> None:
    async for _ in stream.chunks:
        pass


@pytest.mark.parametrize(
    ("fault", "use", "becomes"),
    [
        (None, _unread, None),
        ("endless", _unread, None),
        ("endless", _half_read, None),
        (None, _defect, ZeroDivisionError),
        ("truncate", _broken, ProxyError),
        ("slow_drip", _broken, ProxyError),
    ],
)
async def test_however_an_image_ends_its_connection_is_free_again(fault: str | None, use: Any, becomes: Any) -> None:
    async with bench(connections=1, read_timeout=1 if fault == "slow_drip" else 30) as at:
        if fault is not None:
            at.sandbox.faults.add(fault, **({"size": 4, "seconds": 30.0} if fault == "slow_drip" else {}))
        with nullcontext() if becomes is None else pytest.raises(becomes) as failed:
            async with at.open() as stream:
                await use(stream)
        if failed is not None and becomes is ProxyError:
            assert_silent(at, failed.value)
        assert at.told == [("get_speaker_image", False)]  # its headers had come
        assert (await at.ask()).status == 200


async def test_a_body_that_breaks_off_outside_of_the_context_is_an_upstream_error() -> None:
    async with bench(connections=1) as at, AsyncExitStack() as resources:
        at.sandbox.faults.add("truncate")
        stream = await resources.enter_async_context(at.open())
        with pytest.raises(UpstreamError):
            await _broken(stream)
        await resources.aclose()
        assert (await at.ask()).status == 200


@pytest.mark.parametrize(("fault", "kind"), [("hang", errors.UPSTREAM_TIMEOUT), ("reset", errors.UPSTREAM_FAILED)])
async def test_an_image_that_does_not_come_is_a_row_and_a_failure(fault: str, kind: ErrorKind) -> None:
    async with bench(connections=1, read_timeout=1 if fault == "hang" else 30) as at:
        at.sandbox.faults.add(fault, operation="get_speaker_image", times=None)
        with pytest.raises(ProxyError) as failed:
            async with at.open():
                pytest.fail("nothing has come")
        assert failed.value.kind is kind
        assert_silent(at, failed.value)
        assert at.told == [("get_speaker_image", True)]
        assert (await at.ask()).status == 200


async def test_an_image_whose_visitor_leaves_gives_its_connection_back() -> None:
    async with bench(connections=1, read_timeout=30) as at:

        async def look() -> None:
            async with at.open() as stream:
                await _broken(stream)

        at.sandbox.faults.add("slow_drip", size=4, seconds=30.0)
        looking = asyncio.create_task(look())
        await at.sandbox.recorder.wait_async(outcome="pending")
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        assert (await at.ask()).status == 200


# What is told of its words.


@pytest.mark.parametrize("form", ["as it is", "in an address", "in an address of .NET", "in JSON", "cut"])
@pytest.mark.parametrize("token", ["+/=ab+cd/efghij", 'quo"te\\d and long enough', "ключ-鍵-🔑-ключ"])
async def test_a_text_that_repeats_the_token_is_not_told(token: str, form: str) -> None:
    async with bench() as at:
        organisation = Organisation("new", "http://x.invalid/", token, "o", at.organisation._upstream, at.budget, Metrics())
        written = {
            "as it is": token,
            "in an address": quote(token, safe=""),
            "in an address of .NET": quote(token, safe="").lower(),
            "in JSON": token.replace("\\", "\\\\").replace('"', '\\"'),
            "cut": token[:12],
        }[form]
        assert organisation.harmless(f"No: '{written}") is None
        assert organisation.harmless("The event is full.") == "The event is full."
        assert organisation.harmless(None) is None
