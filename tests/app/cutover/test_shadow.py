"""The shadow over real sockets: what it compares, and what it bears."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from structlog.testing import capture_logs

from app.backend import Backend
from app.budget import Budget, Need
from app.calls import Call
from app.cutover import shadow as module
from app.cutover.decision import Source
from app.cutover.parts import own_connections
from app.cutover.shadow import MOST_BYTES, Shadow, comparable
from app.cutover.state import CutoverState, Stage
from app.metrics import Metrics
from app.outbound import Outbound, normal_form
from app.parts import aliases_of, build_backend, build_outbound, build_upstream
from app.rates import read_rate
from app.readiness import Readiness
from app.upstream import Upstream
from sandbox.recorder import Record
from sandbox.server import Sandbox
from tests.clock import Clock
from tests.examples import OPEN_DAY, QUESTIONS, RIYADH, TRACEPARENT, sent_headers
from tests.old_side import raw_answer
from tests.service import both_sides, settings_for
from translation.comparison import Rules, compare
from translation.operations import BY_NAME, OPERATIONS
from translation.parity import Parity
from translation.query import read_query

pytestmark = pytest.mark.anyio

COMPARABLE = [operation.name for operation in OPERATIONS if comparable(operation)]
ENDS = 60
"""Seconds after which a test that waits has failed."""


def call(name: str = "get_event", event: str = OPEN_DAY, **more: Any) -> Call:
    """A call as the gateway makes it for outbound."""
    operation = BY_NAME[name]
    asked = dict.fromkeys(operation.parameters, event)
    return Call(operation, asked, asked, source=Source.OUTBOUND, **more)


@dataclass
class Rig:
    """A shadow beside a sandbox; its work goes on while the context is open."""

    sandbox: Sandbox
    shadow: Shadow
    realtime: Backend
    visitors: Outbound
    metrics: Metrics
    parity: Parity
    budgets: Mapping[str, Budget]
    clock: Clock
    state: list[CutoverState]
    working: "asyncio.Task[None] | None" = None

    @property
    def outcomes(self) -> dict[str, int]:
        """What became of all offers."""
        return outcomes(self.metrics)

    async def offer(self, *calls: Call) -> list[bytes]:
        """Offer what outbound answers to these calls."""
        bodies = []
        for one in calls:
            bodies.append(await self.visitors.ask(one))
            self.shadow.offer(one, bodies[-1])
        return bodies

    async def done(self) -> dict[str, int]:
        """Wait until all is compared; gives what became of it."""
        async with asyncio.timeout(ENDS):
            await self.shadow.idle()
        return self.outcomes

    async def compare(self, *calls: Call) -> dict[str, int]:
        await self.offer(*calls)
        return await self.done()

    def start(self) -> None:
        self.working = asyncio.create_task(self.shadow.run())

    def move(self, stage: Stage) -> None:
        self.state[0] = CutoverState(stage=stage)

    def asked(self, backend: str, operation: str | None = None) -> list[Record]:
        return self.sandbox.recorder.find(backend=backend, operation=operation)


def outcomes(metrics: Metrics) -> dict[str, int]:
    found: Counter[str] = Counter()
    for metric in metrics.shadow.collect():
        for sample in metric.samples:
            if sample.name.endswith("_total"):
                found[sample.labels["outcome"]] += int(sample.value)
    return dict(found)


@asynccontextmanager
async def rig(
    *, start: bool = True, budget: Budget | None = None, chances: list[float] | None = None, **shadow: Any
) -> AsyncIterator[Rig]:
    async with Sandbox() as sandbox:
        given = {"sample": 100, "noise": 0, "timeout": 5, **shadow}
        settings = settings_for(sandbox, **both_sides(sandbox, "shadow"), shadow=given)
        metrics, clock = Metrics(), Clock()
        budgets = {name: budget or Budget(None, 10, 0, clock) for name in ("realtime", "outbound")}
        readiness = Readiness(metrics, lambda: ("outbound",))
        assert settings.outbound is not None
        own = own_connections(settings.upstream, settings.shadow)
        ups: list[Upstream] = [build_upstream(settings.upstream), build_upstream(own), build_upstream(own)]
        visitors = build_outbound(settings.outbound, ups[0], Budget(None, 10, 0, clock), metrics, readiness)
        realtime = build_backend(settings, ups[1], budgets["realtime"], metrics, readiness, name="shadow")
        again = build_outbound(settings.outbound, ups[2], budgets["outbound"], metrics, readiness, name="shadow-outbound")
        state = [CutoverState(stage=Stage.SHADOW)]
        parity = Parity()
        draws = iter(chances or [])
        made = Shadow(
            settings.shadow,
            lambda: state[0],
            realtime,
            again,
            aliases_of(settings),
            parity,
            metrics,
            (lambda: next(draws)) if chances else (lambda: 0.0),
            clock,
        )
        found = Rig(sandbox, made, realtime, visitors, metrics, parity, budgets, clock, state)
        if start:
            found.start()
        try:
            yield found
        finally:
            if found.working is not None:
                found.working.cancel()
                await asyncio.gather(found.working, return_exceptions=True)
            await asyncio.gather(*(up.close() for up in ups))


# What is compared.


@pytest.mark.parametrize("name", COMPARABLE)
@pytest.mark.parametrize("event", [OPEN_DAY, QUESTIONS, RIYADH, "Annual_Forum"])
async def test_both_answers_are_compared_in_the_form_of_the_old_contract(name: str, event: str) -> None:
    async with rig() as at:
        one = call(name, event)
        (body,) = await at.offer(one)
        assert await at.done() == {"compared": 1}
        today = "Annual_Forum_2031" if event == "Annual_Forum" else event
        sent = dict.fromkeys(one.operation.parameters, today)
        right = await at.realtime.read(replace(one, sent=sent))
        expected = Parity()
        rules = Rules.of((), aliases_of(settings_for(at.sandbox, **both_sides(at.sandbox, "shadow"))))
        expected.add(compare(one.operation, normal_form(one, body), right, rules, event if sent else None), 0.0)
        assert without_times(at.parity) == without_times(expected)
        assert bool(at.parity.operations) == (orjson.loads(body) != [])


def without_times(parity: Parity) -> str:
    return re.sub(r'"(at|first|last)":[0-9.e]+', r'"\1":0', orjson.dumps(parity.document()).decode())


def test_which_operations_are_compared() -> None:
    assert set(COMPARABLE) == {
        "list_events",
        "get_event",
        "list_passes",
        "list_sessions",
        "list_tracks",
        "list_speakers",
        "list_sponsorships",
        "list_custom_registration_fields",
    }


async def test_real_time_is_asked_with_todays_ids_the_query_and_nothing_of_the_visitor() -> None:
    async with rig() as at:
        raw = b"api-version=7&emApplicationtoken=x&other=1"
        one = call("get_event", "Annual_Forum", query=read_query(raw, ("api-version",)), trace=(("traceparent", TRACEPARENT),))
        await at.compare(one)
        (record,) = at.asked("realtime")
        assert record.request.path.endswith("/events/Annual_Forum_2031")
        token = quote(at.sandbox.realtime_token, safe="")
        assert record.request.target.decode().partition("?")[2] == f"emApplicationtoken={token}&api-version=7"
        assert set(sent_headers(record)) == {"host", "user-agent", "accept", "accept-encoding", "origin"}
        # The visitor's own call is the only one of outbound.
        assert len(at.asked("outbound")) == 1


@pytest.mark.parametrize(
    "one",
    [
        call("count_event_registrations"),
        call("get_captcha", "Guarded_Expo"),
        replace(call("get_event"), source=Source.REALTIME),
        replace(call("list_events"), source=Source.REALTIME_FIRST),
        replace(call("list_events"), source=Source.OUTBOUND_FIRST),
        replace(call("get_event"), source="shadow"),
        call("list_sessions", authorization="Bearer ann"),
        call("register"),
        call("get_user"),
        call("list_track_sessions"),
        call("get_personal_calendar"),
        call("get_speaker_image"),
        call("get_session"),
    ],
    ids=lambda one: f"{one.operation.name} {one.source}",
)
async def test_what_is_not_compared(one: Call) -> None:
    async with rig() as at:
        at.shadow.offer(one, b"[]")
        assert await at.done() == {}
        assert at.sandbox.recorder.find() == []


@pytest.mark.parametrize("stage", [stage for stage in Stage if stage is not Stage.SHADOW])
async def test_in_other_stages_nothing_is(stage: Stage) -> None:
    async with rig() as at:
        at.move(stage)
        at.shadow.offer(call(), b"{}")
        assert await at.done() == {}


async def test_large_answers_are_counted_and_not_compared() -> None:
    async with rig(max_answer_bytes=1_024) as at:
        at.shadow.offer(call("list_tracks"), b"[" + b" " * 1_022 + b"]")
        at.shadow.offer(call("list_tracks"), b"[" + b" " * 1_023 + b"]")
        assert await at.done() == {"compared": 1, "too_large": 1}


async def test_a_sample_is_drawn_and_of_that_a_sample_for_noise() -> None:
    # sample, noise; sample; sample, noise
    async with rig(sample=25, noise=50, connections=1, chances=[0.2499, 0.4999, 0.25, 0.0, 0.5]) as at:
        for _ in range(3):
            await at.compare(call())
        assert at.outcomes == {"compared": 2, "noise": 1}
    async with rig(sample=0) as at:
        assert await at.compare(call()) == {}


# What it bears.


async def test_an_event_that_real_time_does_not_know_is_only_in_outbound() -> None:
    async with rig() as at:
        assert await at.compare(call("get_event", "Legacy_Roadshow"), call("list_tracks", "Legacy_Roadshow")) == {
            "only_outbound": 2
        }
        found = at.parity.operations["get_event"]["(answer)"]
        assert (found.seen.missing_right, found.samples[0].difference.item) == (1, "Legacy_Roadshow")


DEEP = b"[" * 900 + b"]" * 900
FAULTS: list[tuple[str, dict[str, Any], str]] = [
    ("hang", {}, "failed"),
    ("reset", {}, "failed"),
    ("close", {}, "failed"),
    ("truncate", {}, "failed"),
    ("slow_drip", {"size": 1, "seconds": 30.0}, "failed"),
    ("html", {}, "failed"),
    ("wrong_json", {}, "failed"),
    ("empty", {}, "failed"),
    ("gzip_lie", {}, "failed"),
    ("endless", {}, "failed"),
    ("gzip_bomb", {"size": 64 << 20}, "failed"),
    ("redirect", {}, "failed"),
    ("raw", {"body": raw_answer(DEEP)}, "failed"),
    ("raw", {"body": raw_answer(b"[" * 100_000)}, "failed"),
    ("raw", {"body": raw_answer(b'{"a":' * 300 + b"1" + b"}" * 300)}, "failed"),
    ("raw", {"body": "no HTTP\r\n\r\n"}, "failed"),
    ("body", {"body": 7}, "failed"),
    ("body", {"body": "text"}, "failed"),
    ("body", {"body": {"readableEventId": ["a"], "startDate": {"b": 1}, "building": 7, "customFields": []}}, "compared"),
    ("null", {}, "only_outbound"),
    ("status", {"status": 400}, "failed"),
    ("status", {"status": 401}, "failed"),
    ("status", {"status": 404}, "only_outbound"),
    ("status", {"status": 500}, "failed"),
    ("status", {"status": 503}, "failed"),
    ("gzip", {}, "compared"),
    ("set_cookie", {}, "compared"),
]


async def test_whatever_real_time_does_is_counted_and_the_next_is_compared() -> None:
    async with rig(timeout=2, max_answer_bytes=2**20) as at:
        before: Counter[str] = Counter()
        for kind, values, outcome in FAULTS:
            at.sandbox.faults.add(kind, backend="realtime", times=None, **values)
            found = Counter(await at.compare(call()))
            assert (kind, values, found - before) == (kind, values, Counter({outcome: 1}))
            at.sandbox.faults.clear()
            before = Counter(await at.compare(call()))
            assert before - found == Counter(compared=1)


async def test_of_fifty_megabytes_no_more_than_the_limit_is_read() -> None:
    async with rig(max_answer_bytes=2**20) as at:
        at.sandbox.faults.add("body", backend="realtime", body={"x": "y" * 50_000_000})
        assert await at.compare(call()) == {"failed": 1}
        (record,) = at.asked("realtime")
        async with asyncio.timeout(ENDS):
            await at.sandbox.recorder.wait_async(backend="realtime", outcome="cancelled")
        assert record.outcome == "cancelled"  # the rest was not taken
        (failed,) = [
            sample.labels["outcome"]
            for metric in at.metrics.upstream.collect()
            for sample in metric.samples
            if sample.name.endswith("_total") and sample.labels["backend"] == "shadow"
        ]
        assert failed == "too_large"


async def test_a_real_time_that_is_down_is_counted() -> None:
    async with rig() as at:
        bodies = await at.offer(call())
        await at.done()
        await at.sandbox.stop()
        for _ in range(5):
            at.shadow.offer(call(), bodies[0])
        assert await at.done() == {"compared": 1, "failed": 5}


@pytest.mark.parametrize("body", [b"", b"<html>", b"null", b"42", b'"x"', b"[1]", DEEP, b"\xff"], ids=lambda body: repr(body[:9]))
async def test_what_outbound_answered_and_cannot_be_read_is_not_asked_for(body: bytes) -> None:
    async with rig() as at:
        at.shadow.offer(call(), body)
        assert await at.done() == {"failed": 1}
        assert at.sandbox.recorder.find() == []


async def test_a_comparison_that_fails_is_a_defect_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    async with rig(connections=2) as at:

        def explode(*_: object) -> Iterator[object]:
            raise RecursionError("of Zoltana")

        def explode_later(*_: object) -> Iterator[object]:
            yield object()
            raise ValueError("of Zoltana")

        with capture_logs() as lines:
            for broken in (explode, explode_later):
                with monkeypatch.context() as patch:
                    patch.setattr(module, "compare_in_steps", broken)
                    await at.compare(*[call()] * 3)
        assert at.outcomes == {"defect": 6}
        assert [(line["operation"], line["error"]) for line in lines] == [("get_event", "RecursionError")] * 3 + [
            ("get_event", "ValueError")
        ] * 3
        assert "Zoltana" not in repr(lines)
        assert await at.compare(call()) == {"defect": 6, "compared": 1}


async def test_nothing_of_the_answers_is_logged() -> None:
    secret = "Zoltana Qwertz"
    async with rig() as at:
        at.sandbox.faults.add("merge", times=None, body={"name": secret, "description": secret, "email": f"{secret}@x"})
        with capture_logs() as lines:
            for kind in ("hang", "wrong_json", "html"):
                fault = at.sandbox.faults.add(kind, backend="realtime", times=None, operation="get_event")
                at.sandbox.faults.clear(fault.number)
            await at.compare(call("list_speakers"), call("get_event"))
        assert secret not in repr(lines)
        assert at.sandbox.realtime_token[:12] not in repr(lines)


# Bounds.


async def test_when_the_queue_is_full_further_ones_are_dropped_and_counted() -> None:
    async with rig(start=False, queue=3) as at:
        await at.offer(*[call()] * 5)
        assert at.outcomes == {"dropped": 2}
        at.start()
        assert await at.done() == {"dropped": 2, "compared": 3}
        assert await at.compare(call()) == {"dropped": 2, "compared": 4}


async def test_answers_that_wait_are_bounded_in_bytes_too() -> None:
    size = 4 * 2**20
    body = b"[" + b" " * (size - 2) + b"]"
    async with rig(start=False, queue=200) as at:
        for _ in range(100):
            at.shadow.offer(call("list_tracks"), body)
        most = MOST_BYTES // size
        assert at.outcomes == {"dropped": 100 - most}
        assert at.shadow._waiting == most * size <= MOST_BYTES
        at.start()
        assert await at.done() == {"dropped": 100 - most, "compared": most}
        assert at.shadow._waiting == 0
        assert await at.compare(call()) == {"dropped": 100 - most, "compared": most + 1}


async def test_as_many_calls_at_once_as_connections() -> None:
    async with rig(connections=2, timeout=30) as at:
        at.sandbox.faults.add("hang", backend="realtime", times=None)
        await at.offer(*[call()] * 6)
        async with asyncio.timeout(ENDS):
            await at.sandbox.recorder.wait_async(count=2, backend="realtime", outcome="pending")
        assert len(at.asked("realtime")) == 2
        assert at.shadow._queue.qsize() == 4


async def test_a_comparison_has_its_time_and_no_more() -> None:
    async with rig(timeout=1) as at:
        at.sandbox.faults.add("hang", backend="realtime", times=None)
        assert await at.compare(*[call()] * 8) == {"failed": 8}
        async with asyncio.timeout(ENDS):
            await at.sandbox.recorder.wait_async(count=8, backend="realtime", outcome="cancelled")


async def test_its_calls_share_that_time() -> None:
    async with rig(noise=100, timeout=2) as at:
        (body,) = await at.offer(call("list_tracks"))
        await at.done()
        at.sandbox.faults.add("latency", times=None, seconds=1.2)
        at.shadow.offer(call("list_tracks"), body)
        found = await at.done()
        assert (found["compared"], found["failed"]) == (1, 1)


async def test_comparisons_take_turns_with_everything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []

    def many_steps(*given: Any) -> Iterator[Any]:
        comparison = compare(given[0], [], [], given[3])
        for _ in range(5):
            steps.append("step")
            yield comparison
        steps.append("end")

    monkeypatch.setattr(module, "compare_in_steps", many_steps)
    async with rig(connections=4) as at:

        async def visitor() -> None:
            while steps.count("end") < 3:
                steps.append("visitor")
                await asyncio.sleep(0)

        visiting = asyncio.create_task(visitor())
        await at.compare(*[call()] * 3)
        await visiting
    told = [step for step in steps if step != "visitor"]
    assert told == (["step"] * 5 + ["end"]) * 3  # one after the other
    joined = "".join(step[0] for step in steps)
    assert "ss" not in joined  # and a visitor's turn between any two


# The budget.


async def test_the_shadow_is_held_back_before_reads_are() -> None:
    budget = Budget(read_rate("1/h"), 8, 0, Clock())
    async with rig(budget=budget, connections=1) as at:
        found = await at.compare(*[call()] * 10)
        assert found == {"compared": 6, "held_back": 4}  # a quarter is left to visitors
        assert len(at.asked("realtime")) == 6
        assert budget.take(Need.READ)
        assert budget.take(Need.READ)
        assert not budget.take(Need.READ)


async def test_a_real_time_that_asks_to_wait_is_left_alone_and_no_visitor_waits() -> None:
    async with rig(connections=1) as at:
        at.sandbox.faults.add("status", backend="realtime", status=429, headers={"Retry-After": "100"})
        assert await at.compare(*[call()] * 4) == {"held_back": 4}
        assert len(at.asked("realtime")) == 1
        assert [budget.paused_for for budget in at.budgets.values()] == [0, 0]
        at.clock.go(99.9)
        assert await at.compare(call()) == {"held_back": 5}
        at.clock.go(0.2)
        assert await at.compare(call()) == {"held_back": 5, "compared": 1}


async def test_an_outbound_that_asks_the_noise_to_wait_holds_no_visitor_up() -> None:
    async with rig(noise=100, connections=1) as at:
        (body,) = await at.offer(call())
        await at.done()
        at.sandbox.faults.add("status", backend="outbound", status=429, headers={"Retry-After": "100"})
        at.shadow.offer(call(), body)
        assert await at.done() == {"noise": 1, "compared": 1, "held_back": 1}
        assert [budget.paused_for for budget in at.budgets.values()] == [0, 0]


# Noise.


async def test_noise_is_what_outbound_says_when_it_is_asked_again() -> None:
    async with rig(noise=100) as at:
        assert await at.compare(call()) == {"noise": 1, "compared": 1}
        assert [len(at.asked(backend)) for backend in ("outbound", "realtime")] == [2, 1]
        noise = {path: found.noise for path, found in at.parity.operations["get_event"].items()}
        assert sum(tally.equal for tally in noise.values()) > 20
        assert sum(tally.unequal for tally in noise.values()) == 0
        # What it says differently each time is noise; the other comparison sees what the visitor saw.
        (body,) = await at.offer(call())
        await at.done()
        at.sandbox.faults.add("merge", backend="outbound", body={"eventName": "Another"})
        at.shadow.offer(call(), body)
        await at.done()
        name = at.parity.operations["get_event"]["eventName"]
        assert (name.noise.equal, name.noise.differs) == (2, 1)
        assert (name.seen.equal, name.seen.differs) == (3, 0)


async def test_old_ids_are_no_noise() -> None:
    async with rig(noise=100) as at:
        await at.compare(call("list_sessions", "Annual_Forum"), call("get_event", "Annual_Forum"))
        for fields in at.parity.operations.values():
            assert sum(found.noise.unequal for found in fields.values()) == 0
            assert sum(found.noise.equal for found in fields.values()) > 0


@pytest.mark.parametrize("kind", ["hang", "reset", "html"])
async def test_noise_that_cannot_be_measured_is_a_failure(kind: str) -> None:
    async with rig(noise=100, timeout=2) as at:
        (body,) = await at.offer(call())
        await at.done()
        at.sandbox.faults.add(kind, backend="outbound", times=None)
        at.shadow.offer(call(), body)
        assert await at.done() == {"noise": 1, "compared": 1, "failed": 1}


# The end.


async def test_when_the_stage_is_left_what_waits_is_forgotten_without_a_call() -> None:
    async with rig(start=False) as at:
        await at.offer(*[call()] * 5)
        at.sandbox.recorder.clear()
        at.move(Stage.OUTBOUND)
        at.start()
        assert await at.done() == {"left": 5}
        assert at.sandbox.recorder.find() == []
        assert at.parity.operations == {}
        at.move(Stage.SHADOW)
        assert await at.compare(call()) == {"left": 5, "compared": 1}


async def test_when_the_stage_is_left_half_way_real_time_is_not_asked() -> None:
    async with rig(noise=100, connections=1) as at:
        await at.offer(call(), call())
        at.sandbox.recorder.clear()
        at.move(Stage.SHADOW)

        async def leave() -> None:
            await at.sandbox.recorder.wait_async(backend="outbound")
            at.move(Stage.REALTIME)

        at.sandbox.faults.add("latency", backend="outbound", seconds=0.2)
        async with asyncio.timeout(ENDS):
            await leave()
        assert await at.done() == {"noise": 1, "left": 2}
        assert at.asked("realtime") == []


async def test_it_ends_at_once_whatever_is_under_way() -> None:
    async with rig(timeout=30, connections=3) as at:
        at.sandbox.faults.add("hang", backend="realtime", times=None)
        await at.offer(*[call()] * 10)
        async with asyncio.timeout(ENDS):
            await at.sandbox.recorder.wait_async(count=3, backend="realtime", outcome="pending")
        assert at.working is not None
        at.working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await at.working
        assert not [task for task in asyncio.all_tasks() if "Shadow" in repr(task.get_coro())]
        async with asyncio.timeout(ENDS):
            await at.sandbox.recorder.wait_async(count=3, backend="realtime", outcome="cancelled")
        assert len(at.asked("realtime")) == 3
        assert at.outcomes == {}
