"""The cutover of one process, put together: its state, who chooses, the second organisation, the shadow."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from app.backend import Backend
from app.budget import Budget
from app.cutover.decision import Source
from app.cutover.live import Live, open_store
from app.cutover.places import Places
from app.cutover.reports import Reports
from app.cutover.router import Router
from app.cutover.settings import Shadow as ShadowSettings
from app.cutover.shadow import Shadow
from app.cutover.state import CutoverState, Stage
from app.cutover.store import Snapshot
from app.cutover.traffic import Traffic
from app.cutover.usage import Usage
from app.cutover.watcher import Watcher
from app.metrics import Metrics
from app.organisation import Observer
from app.outbound import Outbound
from app.parts import aliases_of, build_backend, build_budget, build_outbound, build_protection, build_upstream
from app.readiness import Readiness
from app.settings import Settings
from app.settings import Upstream as UpstreamSettings
from app.upstream import Upstream
from translation.aliases import Aliases
from translation.parity import Parity

NEEDED: Final = {
    Stage.OUTBOUND: (Source.OUTBOUND,),
    Stage.SHADOW: (Source.OUTBOUND,),
    Stage.SPLIT: (Source.OUTBOUND, Source.REALTIME),
    Stage.REALTIME: (Source.REALTIME,),
}
"""Whose tokens have to be good for visitors to be served."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What a process counts, and what all processes counted.

    Attributes:
        live: The state, which the watcher may change.
        traffic: What was answered.
        usage: What portals use.
        reports: Adds up what all processes counted.
    """

    live: Live
    traffic: Traffic
    usage: Usage
    reports: Reports


@dataclass(slots=True)
class Staging:
    """What a process has for the cutover.

    Attributes:
        settings: The settings.
        live: The state that is followed; None where nothing can change it.
        router: Chooses who answers.
        places: Where things live.
        outbound: The old organisation, when there is one.
        shadow: Compares, when there is one.
        parity: What was compared.
        observed: What is counted for the watcher and the console; None where there is nothing to watch.
        metrics: Where the version of the state is shown.
        upstreams: Connections to be closed at the end.
    """

    settings: Settings
    live: Live | None
    router: Router
    places: Places
    parity: Parity
    metrics: Metrics
    observed: Observed | None = None
    outbound: Outbound | None = None
    shadow: Shadow | None = None
    upstreams: list[Upstream] = field(default_factory=list)

    def observer(self, source: Source) -> Observer | None:
        """What is told of the calls to an organisation that visitors' requests make."""
        return None if self.observed is None else partial(self.observed.traffic.observe, source.value)

    async def start(self) -> None:
        """Take up the state that is kept.

        Raises:
            StoreAwayError: It is there and cannot be read.
        """
        if self.live is not None:
            self._tell(await self.live.start(self.settings.cutover.state()))
            self.live.on_change(self._tell)

    def _tell(self, snapshot: Snapshot) -> None:
        self.metrics.cutover_version.set(snapshot.version)

    def tasks(self) -> list[Coroutine[Any, Any, None]]:
        """What runs as long as the process does."""
        found: list[Coroutine[Any, Any, None]] = []
        if self.live is not None:
            found.append(self.live.run())
        if self.shadow is not None:
            found.append(self.shadow.run())
        if self.observed is not None:
            found.append(self.observed.reports.run())
            if self.outbound is not None:
                settings, recent = self.settings.rollback, self.observed.reports.recent
                found.append(Watcher(settings, self.observed.live, recent, self.outbound.probe, self.metrics).run())
        return found

    async def close(self) -> None:
        """Let go of connections and files."""
        await asyncio.gather(*(upstream.close() for upstream in self.upstreams))
        if self.live is not None:
            await self.live.store.close()


def stage(settings: Settings, budget: Budget, metrics: Metrics) -> tuple[Staging, Readiness]:
    """Put the cutover together, and what is told of tokens.

    Args:
        settings: The settings.
        budget: How many calls may be made to real-time; outbound has a budget of its own.
        metrics: Where things are counted.

    Raises:
        ConfigurationError: The state cannot be kept where the settings say.
    """
    aliases = aliases_of(settings)
    places = Places(aliases)
    both = settings.outbound is not None
    changeable = both or settings.admin.token or settings.state.path or settings.state.redis_url
    live = Live(open_store(settings.state, settings.realtime.endpoint), both=both) if changeable else None
    state = _state_of(settings, live)
    credential = None if settings.admin.token is None else settings.admin.token.get_secret_value()
    router = Router(state, settings.cutover, credential, places, metrics, both=both)
    readiness = Readiness(metrics, lambda: NEEDED[state().stage] if both else NEEDED[Stage.REALTIME])
    staging = Staging(settings, live, router, places, Parity(), metrics)
    if live is not None:
        traffic, usage = Traffic(), Usage(settings.cutover.salt)
        reports = Reports(live.store, staging.parity, usage, traffic, settings.rollback.window)
        staging.observed = Observed(live, traffic, usage, reports)
    if settings.outbound is not None:
        upstream = build_upstream(settings.upstream)
        staging.upstreams.append(upstream)
        observe = staging.observer(Source.OUTBOUND)
        budgets = {Source.REALTIME: budget, Source.OUTBOUND: build_budget(settings, Source.OUTBOUND)}
        old = budgets[Source.OUTBOUND]
        protection = build_protection(settings, metrics, Source.OUTBOUND)
        staging.outbound = build_outbound(
            settings.outbound, upstream, old, metrics, readiness, observe=observe, protection=protection
        )
        _add_shadow(staging, state, aliases, budgets, metrics, readiness)
    return staging, readiness


def _state_of(settings: Settings, live: Live | None) -> Callable[[], CutoverState]:
    if live is not None:
        return lambda: live.snapshot.state
    state = settings.cutover.state()
    return lambda: state


def _add_shadow(
    staging: Staging,
    state: Callable[[], CutoverState],
    aliases: Aliases,
    budgets: Mapping[Source, Budget],
    metrics: Metrics,
    readiness: Readiness,
) -> None:
    """The shadow has connections of its own, so that it takes none from visitors; of their budgets it gets what they leave."""
    settings = staging.settings
    assert settings.outbound is not None  # noqa: S101 - the caller looked
    own = own_connections(settings.upstream, settings.shadow)
    new, old = build_upstream(own), build_upstream(own)
    staging.upstreams += [new, old]
    realtime: Backend = build_backend(settings, new, budgets[Source.REALTIME], metrics, readiness, name="shadow")
    outbound = build_outbound(settings.outbound, old, budgets[Source.OUTBOUND], metrics, readiness, name="shadow-outbound")
    staging.shadow = Shadow(settings.shadow, state, realtime, outbound, aliases, staging.parity, metrics)


def own_connections(upstream: UpstreamSettings, shadow: ShadowSettings) -> UpstreamSettings:
    """The settings of the shadow's connections."""
    return upstream.model_copy(
        update={
            "connections": shadow.connections,
            "connect_timeout": min(upstream.connect_timeout, shadow.timeout),
            "read_timeout": min(upstream.read_timeout, shadow.timeout),
            "total_timeout": shadow.timeout,
            "max_answer_bytes": shadow.max_answer_bytes,
        }
    )
