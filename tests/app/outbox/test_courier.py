"""The courier: order, waits, what it does when nobody knows, and how it ends."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.outbox import courier as module
from app.outbox import delivering
from app.outbox.courier import Courier
from app.outbox.entries import State
from app.outbox.lock import Lock
from app.outbox.sealing import Letter, Sealing
from app.outbox.settings import OutboxSettings
from app.outbox.store import Store
from tests.app.outbox.material import EVENT, KEY, ROOM, SEALING, digests, put, sealed
from tests.app.outbox.test_sealing import OTHER
from translation import errors
from translation.errors import ErrorKind, ProxyError
from translation.registration import read_result

pytestmark = pytest.mark.anyio
QUICK = {"rate": "off", "backoff_first": 0.05, "backoff_most": 0.1}


class Dynamics:
    """Takes what is sent; ``next`` is what it does instead, one after another."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.times: list[float] = []
        self.next: list[ErrorKind | BaseException | dict[str, Any] | Callable[[], Awaitable[None]]] = []

    async def send(self, letter: Letter) -> dict[str, Any]:
        self.times.append(asyncio.get_running_loop().time())
        self.sent.append((letter.event, orjson.loads(letter.body)["attendees"][0]["email"].partition("@")[0]))
        what = self.next.pop(0) if self.next else None
        if isinstance(what, ErrorKind):
            raise ProxyError(what)
        if isinstance(what, BaseException):
            raise what
        if isinstance(what, dict):
            return read_result(what)
        if what is not None:
            await what()
        return read_result(None)


@asynccontextmanager
async def working(
    store: Store, dynamics: Dynamics, directory: Path, sealing: Sealing = SEALING, **settings: Any
) -> AsyncIterator[tuple[Courier, list[tuple[str | None, State | None, int]]]]:
    """A courier at work; gives it and what it tells."""
    told: list[tuple[str | None, State | None, int]] = []

    async def do(work: Callable[[], Any]) -> Any:
        return work()

    found = OutboxSettings.model_validate({**QUICK, **settings})
    courier = Courier(store, do, Lock(directory), sealing, found, dynamics.send, lambda *what: told.append(what))
    task = asyncio.create_task(courier.run())
    try:
        yield courier, told
    finally:
        courier.stop()
        await asyncio.wait_for(task, 20)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - it is a file
            await asyncio.sleep(0.01)


def state_of(store: Store) -> tuple[State, str | None, int]:
    (entry,) = store.entries()
    return entry.state, entry.code, entry.attempts


async def test_it_delivers_in_order_per_event_and_forgets(store: Store, tmp_path: Path) -> None:
    names = [f"v{number}" for number in range(12)]
    for number, name in enumerate(names):
        put(store, f"{name}@example.com", EVENT if number % 3 else "Family_Day")
    dynamics = Dynamics()
    dynamics.next = [errors.UPSTREAM_UNREACHABLE, errors.TOO_MANY_REQUESTS]
    async with working(store, dynamics, tmp_path) as (_, told):
        await until(lambda: not store.entries())
    delivered = dynamics.sent[2:]
    assert [name for event, name in delivered if event == EVENT] == [name for number, name in enumerate(names) if number % 3]
    assert [name for event, name in delivered if event != EVENT] == names[::3]
    assert [each for each in told if each[2]] == [(event, None, 1) for event, _ in delivered]
    assert store.summary().totals["delivered"] == 12


async def test_the_waits_grow_and_one_tries_for_all(store: Store, tmp_path: Path) -> None:
    for number in range(5):
        put(store, event=f"Event_{number}")
    dynamics = Dynamics()
    dynamics.next = [errors.UPSTREAM_UNREACHABLE] * 6
    async with working(store, dynamics, tmp_path, backoff_first=0.1, backoff_most=0.4):
        await until(lambda: len(dynamics.times) >= 6)
    # The first attempts were made together, before any had failed.
    gaps = [later - earlier for earlier, later in zip(dynamics.times, dynamics.times[1:], strict=False)]
    assert all(gap >= 0.2 for gap in gaps[4:])


async def test_it_waits_as_long_as_dynamics_asks_and_keeps_that(store: Store, tmp_path: Path) -> None:
    put(store)
    dynamics = Dynamics()
    dynamics.next = [ProxyError(errors.TOO_MANY_REQUESTS, retry_after=100)]
    async with working(store, dynamics, tmp_path):
        await until(lambda: delivering.held(store)[1] > 90)
    assert state_of(store) == (State.WAITING, "TooManyRequests", 1)
    async with working(store, dynamics, tmp_path):
        await asyncio.sleep(0)
    assert len(dynamics.sent) == 1


async def test_what_dynamics_asked_of_a_visitor_holds_for_deliveries_too(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)
    dynamics = Dynamics()
    other = Store(tmp_path)  # of another worker, whose visitor met a 429
    async with working(store, dynamics, tmp_path):
        await until(lambda: store.place != "" and (tmp_path / "outbox.lock").exists())
        other.put(EVENT, digests(), sealed(), ROOM, hold=100)
        await asyncio.sleep(0.2)
        assert dynamics.sent == []
    other.close()


async def test_a_hold_is_heeded_once_and_for_an_hour_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(delivering, "LONGEST_HOLD", 0.1)
    now = [10_000_000.0]
    store = Store(tmp_path, lambda: now[0])
    store.put(EVENT, digests(), sealed(), ROOM, hold=100)
    now[0] -= 1_000_000  # a clock that was wrong
    dynamics = Dynamics()
    async with working(store, dynamics, tmp_path):
        await until(lambda: not store.entries())
    assert len(dynamics.sent) == 1
    store.close()


async def test_an_event_that_nothing_is_taken_for_keeps_no_others_waiting(store: Store, tmp_path: Path) -> None:
    put(store, "first@example.com", "Sick_Event")
    for number in range(3):
        put(store, f"v{number}@example.com")

    class Sick(Dynamics):
        async def send(self, letter: Letter) -> dict[str, Any]:
            if letter.event == "Sick_Event":
                self.next = [errors.UPSTREAM_FAILED]
            return await super().send(letter)

    dynamics = Sick()
    async with working(store, dynamics, tmp_path):
        await until(lambda: store.summary().totals["delivered"] == 3)
    assert state_of(store)[:2] == (State.WAITING, "UpstreamFailed")
    assert [name for event, name in dynamics.sent if event == EVENT] == ["v0", "v1", "v2"]


@pytest.mark.parametrize(
    ("what", "state", "code"),
    [
        (errors.REGISTRATION_OUTCOME_UNKNOWN, State.PARKED, "RegistrationOutcomeUnknown"),
        (ZeroDivisionError("a defect"), State.PARKED, "InternalError"),
        (errors.UPSTREAM_REJECTED, State.DEAD, "UpstreamRejected"),
        ({"status": "Failed"}, State.DEAD, "NotRegistered"),
        ({"redirectUrl": "https://pay.example.com/"}, State.DEAD, "PaymentDue"),
    ],
    ids=str,
)
async def test_what_did_not_simply_fail_is_never_sent_again_by_itself(
    store: Store, tmp_path: Path, what: Any, state: State, code: str
) -> None:
    put(store, "first@example.com")
    put(store, "second@example.com")
    dynamics = Dynamics()
    dynamics.next = [what]
    async with working(store, dynamics, tmp_path) as (_, told):
        await until(lambda: len(store.entries()) == 1)
        await until(lambda: (EVENT, state, 1) in told)
    assert [name for _, name in dynamics.sent] == ["first", "second"]
    assert state_of(store) == (state, code, 1)


async def test_what_no_key_opens_is_dead_and_not_sent(store: Store, tmp_path: Path) -> None:
    put(store)
    dynamics = Dynamics()
    async with working(store, dynamics, tmp_path, Sealing([OTHER])):
        await until(lambda: state_of(store)[0] is State.DEAD)
    assert (state_of(store), dynamics.sent) == ((State.DEAD, "KeyUnknown", 1), [])
    assert KEY != OTHER


async def test_what_was_being_sent_when_another_died_is_parked(store: Store, tmp_path: Path) -> None:
    delivering.claim(store, put(store))
    dynamics = Dynamics()
    async with working(store, dynamics, tmp_path) as (_, told):
        await until(lambda: bool(told))
    assert state_of(store) == (State.PARKED, "Interrupted", 1)
    assert (told[0], dynamics.sent) == ((None, State.PARKED, 1), [])


async def test_it_says_that_it_sends_before_it_sends(store: Store, tmp_path: Path) -> None:
    put(store)
    dynamics = Dynamics()
    seen: list[tuple[State, str | None, int]] = []

    async def look() -> None:
        seen.append(state_of(store))

    dynamics.next = [look]
    async with working(store, dynamics, tmp_path):
        await until(lambda: not store.entries())
    assert seen == [(State.SENDING, None, 1)]


async def test_who_does_not_hold_the_lock_sends_nothing_until_it_does(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)
    lock = Lock(tmp_path)
    assert lock.take()
    put(store)
    dynamics = Dynamics()
    async with working(store, dynamics, tmp_path):
        await asyncio.sleep(0.1)
        assert dynamics.sent == []
        lock.release()
        await until(lambda: not store.entries())


async def test_it_finishes_what_is_under_way_when_it_is_stopped(store: Store, tmp_path: Path) -> None:
    put(store, "first@example.com")
    put(store, "second@example.com")
    dynamics, begun, answer = Dynamics(), asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        begun.set()
        await answer.wait()

    dynamics.next = [slow]
    async with working(store, dynamics, tmp_path) as (courier, _):
        await asyncio.wait_for(begun.wait(), 20)
        courier.stop()
        answer.set()
    assert len(dynamics.sent) == 1
    assert state_of(store)[0] is State.WAITING


async def test_deliveries_keep_the_distance_of_the_rate(store: Store, tmp_path: Path) -> None:
    for number in range(4):
        put(store, event=f"Event_{number}")
    dynamics = Dynamics()
    async with working(store, dynamics, tmp_path, rate="20/s"):
        await until(lambda: not store.entries())
    assert dynamics.times[-1] - dynamics.times[0] >= 0.1


async def test_what_waited_for_too_long_is_dead_and_not_sent(tmp_path: Path) -> None:
    now = [10_000.0]
    store = Store(tmp_path, lambda: now[0])
    put(store)
    now[0] += 86_401
    dynamics = Dynamics()
    async with working(store, dynamics, tmp_path) as (_, told):
        await until(lambda: (None, State.DEAD, 1) in told)
    assert (state_of(store)[:2], dynamics.sent) == ((State.DEAD, "TooOld"), [])
    store.close()


async def test_a_clock_that_jumps_makes_nothing_too_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(module, "TIDY_SECONDS", 0.01)
    monkeypatch.setattr(module, "CLOCK_DOUBT", 0.5)
    now = [10_000.0]
    store = Store(tmp_path, lambda: now[0])
    dynamics = Dynamics()
    dynamics.next = [errors.REGISTRATION_OUTCOME_UNKNOWN, ProxyError(errors.TOO_MANY_REQUESTS, retry_after=3_000)]
    put(store, "parked@example.com")
    put(store, "waiting@example.com")
    async with working(store, dynamics, tmp_path) as (_, told):
        await until(lambda: delivering.held(store)[1] > 2_000)
        now[0] += 10 * 366 * 86_400
        await asyncio.sleep(0.2)
        assert [entry.state for entry in store.entries()] == [State.PARKED, State.WAITING]
        await until(lambda: (None, State.DEAD, 1) in told)  # it stayed: the clock is right now
        assert [entry.state for entry in store.entries()] == [State.DEAD]
    store.close()
