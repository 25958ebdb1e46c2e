"""What protects an organisation, and its callers, from its failures: a breaker per lane, places, the budget of repetitions."""

from collections.abc import Callable
from time import monotonic

import structlog

from app.calls import Call
from app.faults.attempt import Attempt, Way
from app.faults.breaker import Breaker, BreakerOpenError, Change, State
from app.faults.lanes import Lane, lane_of
from app.faults.places import Places
from app.faults.retries import Retries
from app.faults.settings import Faults
from app.metrics import Metrics
from app.telemetry.current import note
from app.telemetry.vocabulary import BREAKER_OPEN as OPENED
from app.telemetry.vocabulary import BREAKER_REFUSED
from translation.errors import BREAKER_OPEN, ProxyError

log = structlog.get_logger("evtmgmt.breaker")


class Protection:
    """One organisation's. Calls that visitors do not wait for at all, as the shadow's, have none.

    Args:
        name: The organisation, as metrics call it.
        settings: The bounds.
        connections: Connections to it.
        pool_timeout: Longest wait for one of them, in seconds.
        total_timeout: Longest time for a whole call, in seconds.
        metrics: Where it is counted.
        clock: A monotonic clock, in seconds.
    """

    def __init__(
        self,
        name: str,
        settings: Faults,
        connections: int,
        pool_timeout: float,
        total_timeout: float,
        metrics: Metrics,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._name = name
        self._metrics = metrics
        places = Places(connections, settings.registrations_percent, settings.images_percent)
        retries = Retries(settings.retry_percent, settings.retry_burst)
        usual = min(total_timeout, settings.deadline)
        self._ways = {
            lane: Way(
                name, lane, self._breaker(lane, settings, clock), places, retries, pool_timeout, total_timeout, usual, metrics
            )
            for lane in Lane
        }

    def attempt(self, call: Call) -> Attempt:
        """The right to make a call, once there is a place for it.

        Raises:
            ProxyError: ``BreakerOpen``.
        """
        way = self._ways[lane_of(call.operation)]
        try:
            ticket = 0 if way.breaker is None else way.breaker.enter()
        except BreakerOpenError as shut:
            self._metrics.breaker_refused.labels(self._name, way.lane.value).inc()
            note(BREAKER_REFUSED, organisation=self._name, lane=way.lane.value)
            raise ProxyError(
                BREAKER_OPEN, retry_after=shut.retry_after, cause=f"most {way.lane.value} of {self._name} failed"
            ) from None
        if way.retries is not None:
            way.retries.earn()
        return Attempt(way, call, ticket)

    def _breaker(self, lane: Lane, settings: Faults, clock: Callable[[], float]) -> Breaker | None:
        if not settings.breaker:
            return None
        state = self._metrics.breaker_state.labels(self._name, lane.value)
        opened = self._metrics.breaker_opened.labels(self._name, lane.value)
        state.set(State.CLOSED)

        def tell(change: Change) -> None:
            state.set(change.state)
            about = {"organisation": self._name, "lane": lane.value}
            if change.state is State.OPEN:
                opened.inc()
                note(OPENED, **about)
                log.error(
                    "breaker open: calls are left out",
                    **about,
                    failed=f"{change.failures} of {change.calls}",
                    cause=change.cause,
                    seconds=round(change.seconds, 1),
                )
            elif change.state is State.HALF_OPEN:
                log.warning("breaker half open: a few calls try", **about)
            else:
                log.warning("breaker closed: calls are made again", **about)

        return Breaker(settings, tell, clock)


class Unprotected:
    """Makes attempts that nothing holds up: for the shadow, and for commands that want to see what is.

    Args:
        name: The organisation, as metrics call it.
        total_timeout: Longest time for a whole call, in seconds.
        metrics: Where it is counted.
    """

    def __init__(self, name: str, total_timeout: float, metrics: Metrics) -> None:
        self._ways = {
            lane: Way(name, lane, None, None, None, total_timeout, total_timeout, total_timeout, metrics) for lane in Lane
        }

    def attempt(self, call: Call) -> Attempt:
        """The right to make a call."""
        return Attempt(self._ways[lane_of(call.operation)], call, 0)
