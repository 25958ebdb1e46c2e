"""One call to an organisation under its protection: from the ticket to what became of it, and perhaps once more."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Final

from app.budget import Need
from app.calls import Call
from app.faults.breaker import Breaker, BreakerOpenError
from app.faults.lanes import Lane
from app.faults.places import NoPlaceError, Places
from app.faults.retries import Retries, answer_passes, failure_passes, pause
from app.metrics import Metrics
from app.telemetry.current import note
from app.telemetry.vocabulary import RETRY, RETRY_REFUSED
from app.upstream import Trouble, UpstreamError
from translation.errors import BREAKER_OPEN, UPSTREAM_TIMEOUT, ProxyError

_FAILURES: Final = frozenset({Trouble.UNREACHABLE, Trouble.CONNECT_TIMEOUT, Trouble.TIMEOUT, Trouble.BROKEN})
"""Troubles for which Dynamics, or the way to it, is to blame: neither a wrong answer nor a lack of places here."""


@dataclass(frozen=True, slots=True)
class Way:
    """What the attempts of one lane share.

    Attributes:
        name: The organisation, as metrics call it.
        lane: The kind of calls.
        breaker: None where nothing is left out.
        places: None where nobody is bounded.
        retries: None where nothing is repeated.
        pool_timeout: Longest wait for a place, in seconds.
        total_timeout: Longest time for a whole call, in seconds.
        usual: The time that a call has that did not have to wait, in seconds.
        metrics: Where repetitions are counted.
    """

    name: str
    lane: Lane
    breaker: Breaker | None
    places: Places | None
    retries: Retries | None
    pool_timeout: float
    total_timeout: float
    usual: float
    metrics: Metrics


class Attempt:
    """A call that may be made. ``release`` it in the end, whatever happens.

    Args:
        way: What it shares with others.
        call: What is asked.
        ticket: Of the breaker.

    Attributes:
        repeated: Whether it is, or was to be, made once more.
        seconds: The time that it has, once it is ready to start.
    """

    __slots__ = ("_answered", "_call", "_seated", "_ticket", "_way", "repeated", "seconds")

    def __init__(self, way: Way, call: Call, ticket: int) -> None:
        self._way = way
        self._call = call
        self._ticket: int | None = ticket
        self._answered: int | None = None
        self._seated = False
        self.repeated = False
        self.seconds = way.total_timeout

    @property
    def left(self) -> float:
        """Seconds until the visitor's request has to be answered."""
        until = self._call.until
        return self._way.total_timeout if until is None else until - perf_counter()

    async def start(self) -> None:
        """Take a place, and see what time is left for the call.

        A registration has its whole time once it is sent: what became of it is worth more than the seconds.

        Raises:
            ProxyError: ``BreakerOpen`` or ``UpstreamTimeout``: nothing was sent.
            UpstreamError: There was no place in time.
        """
        if not self._seat():
            await self._wait()
        if self._call.until is not None:
            left = self.left
            if left <= 0:
                raise over()
            if not self._call.operation.writes:
                self.seconds = min(left, self._way.total_timeout)

    def answered(self, status: int, headers: Mapping[str, str]) -> bool:
        """There was an answer. Returns whether another one may be better."""
        breaker, ticket = self._way.breaker, self._ticket
        if breaker is not None and ticket is not None:
            if status >= 500:
                breaker.failed(ticket, f"status {status}")
            else:
                breaker.succeeded(ticket)
            self._answered, self._ticket = ticket, None
        return status >= 500 and answer_passes(self._call.operation, status, headers)

    def failed(self, error: UpstreamError) -> bool:
        """There was no answer. Returns whether another call is worth it."""
        breaker, ticket = self._way.breaker, self._ticket
        hurried = error.trouble is Trouble.TIMEOUT and self.seconds < self._way.usual / 2
        if breaker is not None and ticket is not None and error.trouble in _FAILURES and not hurried:
            breaker.failed(ticket, error.cause)
            self._ticket = None
        return failure_passes(self._call.operation, error)

    def spoiled(self, error: UpstreamError) -> None:
        """The body of an answer that was told of broke off."""
        if self._way.breaker is not None and self._answered is not None and error.trouble in _FAILURES:
            self._way.breaker.failed(self._answered, error.cause)

    def release(self) -> None:
        """Let the place go, and the ticket when nothing became known of the call."""
        if self._seated:
            self._seated = False
            assert self._way.places is not None  # noqa: S101 - it gave the place
            self._way.places.free(self._way.lane)
        if self._ticket is not None and self._way.breaker is not None:
            self._way.breaker.unknown(self._ticket)
            self._ticket = None

    async def repeat(self, may: Callable[[Need], bool]) -> bool:
        """Be ready for the same call once more, after a short while, if that is allowed. Nobody waits for anything else.

        Args:
            may: Takes a call from the budget of Dynamics, if there is one.
        """
        retries, need = self._way.retries, self._call.need
        # Nobody waits for a refresh: it comes again by itself.
        if retries is None or self.repeated or need is Need.REFRESH:
            return False
        self.repeated = True
        seconds = pause()
        reason = "time" if self.left <= seconds else None if self._enter() else "breaker"
        if reason is None and not retries.spend():
            reason = "retries"
        if reason is None:
            await asyncio.sleep(seconds)
            need = Need.REGISTRATION if self._call.operation.writes else need
            reason = "budget" if not may(need) else None if self._seat() else "places"
        if reason is not None:
            self._way.metrics.retries_refused.labels(self._way.name, reason).inc()
            note(RETRY_REFUSED, organisation=self._way.name, reason=reason)
            return False
        await self.start()
        self._way.metrics.retries.labels(self._way.name, self._way.lane.value).inc()
        note(RETRY, organisation=self._way.name, lane=self._way.lane.value)
        return True

    def _enter(self) -> bool:
        if self._way.breaker is not None:
            try:
                self._ticket = self._way.breaker.enter()
            except BreakerOpenError:
                return False
        return True

    def _seat(self) -> bool:
        if not self._seated:
            places = self._way.places
            if places is None:
                return True
            self._seated = places.take(self._way.lane)
        return self._seated

    async def _wait(self) -> None:
        places, breaker = self._way.places, self._way.breaker
        assert places is not None  # noqa: S101 - else there was one
        try:
            await places.wait(self._way.lane, min(self._way.pool_timeout, self.left))
        except NoPlaceError:
            raise UpstreamError(Trouble.POOL_TIMEOUT, f"no place for {self._way.lane.value}") from None
        self._seated = True
        if breaker is not None and self._ticket is not None and not breaker.stands(self._ticket):
            raise ProxyError(BREAKER_OPEN, retry_after=1, cause=f"most {self._way.lane.value} failed meanwhile")


def over() -> ProxyError:
    """The time for a visitor's request is over, and nothing was sent."""
    return ProxyError(UPSTREAM_TIMEOUT, cause="the time for the request was over before it could be sent")
