"""The cutover of one process, put together: its state, who chooses, the second organisation, the shadow."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import orjson

from app.abuse.addresses import ClientAddresses
from app.archive.shelf import Shelf
from app.backend import Backend
from app.budget import Budget
from app.cutover.decision import Source
from app.cutover.live import Live, open_store
from app.cutover.places import Pages, Places
from app.cutover.reports import Reports
from app.cutover.router import Router
from app.cutover.settings import Shadow as ShadowSettings
from app.cutover.shadow import Shadow
from app.cutover.state import CutoverState, Stage
from app.cutover.store import Snapshot
from app.cutover.traffic import Traffic
from app.cutover.usage import Usage
from app.cutover.watcher import Watcher
from app.hosting.life import Life
from app.metrics import Metrics
from app.organisation import Observer
from app.outbound import Outbound
from app.parts import aliases_of, archived_of, build_backend, build_budget, build_outbound, build_protection, build_upstream
from app.readiness import Readiness
from app.settings import Settings
from app.settings import Upstream as UpstreamSettings
from app.shared.names import organisation_of, prefix_of
from app.upstream import Upstream
from translation.aliases import Aliases
from translation.parity import Parity

if TYPE_CHECKING:
    from app.shared.line import Line

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
        life: Its parts: they start, run and are let go of with it.
        observed: What is counted for the watcher and the console; None where there is nothing to watch.
        shelf: The archive, when there is one.
    """

    settings: Settings
    live: Live | None
    router: Router
    places: Places
    parity: Parity
    life: Life
    observed: Observed | None = None
    outbound: Outbound | None = None
    shadow: Shadow | None = None
    shelf: Shelf | None = None

    def observer(self, source: Source) -> Observer | None:
        """What is told of the calls to an organisation that visitors' requests make."""
        return None if self.observed is None else partial(self.observed.traffic.observe, source.value)


def stage(
    settings: Settings,
    budget: Budget,
    metrics: Metrics,
    life: Life | None = None,
    addresses: ClientAddresses | None = None,
    old_budget: Budget | None = None,
    line: "Line | None" = None,
) -> tuple[Staging, Readiness]:
    """Put the cutover together, and what is told of tokens.

    Args:
        settings: The settings.
        budget: How many calls may be made to real-time.
        metrics: Where things are counted.
        life: Where the parts are added; a new one by default.
        addresses: Finds visitors' addresses; by default no proxy is believed.
        old_budget: How many calls may be made to outbound; a new one by default.
        line: The way to Redis, where there is one.

    Raises:
        ConfigurationError: The state cannot be kept where the settings say.
    """
    life = life or Life()
    aliases = aliases_of(settings)
    both = settings.outbound is not None
    places = life.part("places", partial(Places, aliases), shape=(settings.aliases, both))
    parity = life.part("parity", Parity, shape=both)
    live = _follow(settings, both, metrics, life)
    state = _state_of(settings, live)
    credential = None if settings.admin.token is None else settings.admin.token.get_secret_value()
    pages = _remember_pages(settings, life, line if both else None)
    tokens = settings.realtime, settings.outbound, live, settings.archive
    readiness = life.part(
        "readiness", lambda: Readiness(metrics, lambda: NEEDED[state().stage] if both else NEEDED[Stage.REALTIME]), shape=tokens
    )
    shelf = _put_up(settings, metrics, readiness, life)
    router = Router(
        state,
        settings.cutover,
        credential,
        places,
        metrics,
        both=both,
        pages=pages,
        addresses=addresses,
        archived=None if shelf is None else archived_of(settings, shelf),
    )
    staging = Staging(settings, live, router, places, parity, life, shelf=shelf)
    if live is not None:
        _observe(staging, live)
    if settings.outbound is not None:
        upstream = life.part(
            "upstream outbound", partial(build_upstream, settings.upstream), shape=settings.upstream, close=Upstream.close
        )
        observe = staging.observer(Source.OUTBOUND)
        old = old_budget or build_budget(settings, Source.OUTBOUND)
        budgets = {Source.REALTIME: budget, Source.OUTBOUND: old}
        protection = life.part(
            "protection outbound",
            partial(build_protection, settings, metrics, Source.OUTBOUND),
            shape=(settings.upstream, settings.faults, settings.outbound.endpoint),
        )
        staging.outbound = build_outbound(
            settings.outbound, upstream, old, metrics, readiness, observe=observe, protection=protection
        )
        _add_shadow(staging, state, aliases, budgets, metrics, readiness)
        if staging.observed is not None:
            recent, probe = staging.observed.reports.recent, staging.outbound.probe
            watcher = partial(Watcher, settings.rollback, staging.observed.live, recent, probe, metrics)
            life.part("watcher", watcher, run=lambda made: made.run(), close=lambda made: made.close())
    return staging, readiness


def _remember_pages(settings: Settings, life: Life, line: "Line | None") -> Pages:
    """Where visitors' pages came from: those of this process, or of all replicas."""
    seconds = settings.cutover.page_memory
    if line is None:
        return life.part("pages", partial(Pages, seconds), shape=seconds)
    from app.cutover.shared_pages import SharedPages  # and with it the client of Redis

    token = settings.realtime.token.get_secret_value()
    secret = blake2b(token.encode("utf-8"), person=b"evtmgmt pages", digest_size=32).digest()
    # Who tells visitors apart in another way, or has another outbound, means other pages.
    own = settings.cutover.salt, settings.cutover.sticky_header, settings.outbound and settings.outbound.endpoint
    text = orjson.dumps([settings.portal_name, *own])
    prefix = prefix_of(organisation_of(settings.realtime.endpoint))
    name = f"{prefix}pages:{blake2b(text, key=secret, digest_size=8).hexdigest()}"
    shape = line, name, secret, seconds
    return life.part("pages", partial(SharedPages, *shape), shape=shape, run=SharedPages.run, close=SharedPages.close)


def _put_up(settings: Settings, metrics: Metrics, readiness: Readiness, life: Life) -> Shelf | None:
    """The archive, where there is one."""
    path = settings.archive.path
    if path is None:
        return None
    make = partial(Shelf, path, metrics, readiness.degraded)
    return life.part("archive", make, shape=(path, readiness), start=Shelf.start, run=Shelf.run, close=Shelf.close)


def _follow(settings: Settings, both: bool, metrics: Metrics, life: Life) -> Live | None:
    """The state that is followed; None where nothing can change it."""
    if not (both or settings.admin.token or settings.state.path or settings.state.redis_url):
        return None
    initial = settings.cutover.state()
    archive = settings.archive.path is not None

    def tell(snapshot: Snapshot) -> None:
        metrics.cutover_version.set(snapshot.version)

    async def start(live: Live) -> None:
        tell(await live.start(initial))
        live.on_change(tell)

    def make() -> Live:
        store = open_store(settings.state, settings.realtime.endpoint, settings.portal_name)
        return Live(store, both=both, archive=archive)

    async def close(live: Live) -> None:
        await live.store.close()

    # What is in memory alone begins with what the settings say: so it begins anew when they say something else.
    begins = None if settings.state.path or settings.state.redis_url else initial
    shape = settings.state, settings.realtime.endpoint, both, archive, begins
    return life.part("state", make, shape=shape, start=start, run=Live.run, close=close)


def _observe(staging: Staging, live: Live) -> None:
    """What is counted for the watcher and the console."""
    settings, life = staging.settings, staging.life
    traffic = life.part("traffic", Traffic, shape=None)
    usage = life.part("usage", partial(Usage, settings.cutover.salt), shape=settings.cutover.salt)
    reports = life.part(
        "reports",
        partial(Reports, live.store, staging.parity, usage, traffic, settings.rollback.window),
        shape=(live, staging.parity, usage, traffic, settings.rollback.window),
        run=lambda made: made.run(),
    )
    staging.observed = Observed(live, traffic, usage, reports)


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
    own, life = own_connections(settings.upstream, settings.shadow), staging.life
    new, old = (
        life.part(f"upstream {name}", partial(build_upstream, own), shape=own, close=Upstream.close)
        for name in ("shadow", "shadow-outbound")
    )
    realtime: Backend = build_backend(settings, new, budgets[Source.REALTIME], metrics, readiness, name="shadow")
    outbound = build_outbound(settings.outbound, old, budgets[Source.OUTBOUND], metrics, readiness, name="shadow-outbound")
    shadow = partial(Shadow, settings.shadow, state, realtime, outbound, aliases, staging.parity, metrics)
    staging.shadow = life.part("shadow", shadow, run=Shadow.run)


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
