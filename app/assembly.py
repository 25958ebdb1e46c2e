"""How a portal is put together: settings in, a gateway out, with everything that is started and let go of with it."""

from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

from app.abuse.parts import build_addresses, build_admission
from app.answering import Answering, Leg
from app.archive.shelf import Shelf
from app.backend import Backend
from app.budget import Need
from app.caching.cache import Cache
from app.caching.finishing import Finisher
from app.caching.memory import Memory
from app.caching.parts import build_second_level
from app.caching.reading import Reading
from app.caching.warming import warm_up
from app.cors import Cors
from app.cutover.decision import WITH_ARCHIVE, Source
from app.cutover.parts import Staging, stage
from app.cutover.state import Stage
from app.delivery import Delivery
from app.faults.draining import Draining
from app.gateway import App, Gateway
from app.hosting.budgets import Budgets
from app.hosting.life import Life
from app.hosting.portal import Portal
from app.hosting.quieting import quiet
from app.hosting.switchboard import Nobody
from app.metrics import Metrics
from app.outbox.outbox import Outbox
from app.outbox.parts import build_outbox
from app.parts import aliases_of, archive_repairs, build_backend, build_files, build_protection, build_upstream, workers
from app.problems import Problems
from app.readiness import Readiness
from app.record import Recorder
from app.settings import Limits, Settings
from app.shared.parts import build_line, share_budgets
from app.telemetry.traces import Traces
from app.upstream import Upstream
from routes import both_handlers, outbound_handlers, realtime_handlers, with_archive_handlers
from routes.archived import Archived, archive_handlers
from routes.learning import Hearer
from translation.errors import PORTAL_NOT_FOUND
from translation.messages import Messages

if TYPE_CHECKING:
    from app.caching.second_level import SecondLevel

Probes = dict[Source, Callable[[], Awaitable[None]]]
Service = Callable[[Settings, Staging, Metrics, Readiness, Problems, Outbox | None], tuple[App, frozenset[str]]]
"""Makes the application for everything that is no operation, and tells the first segments of its paths."""
NOT_IN_ANSWERS = frozenset(
    {
        *("portal", "limits", "faults", "rates", "challenge", "shadow", "rollback"),
        *("admin", "state", "outbox", "metrics", "log_level", "telemetry", "reload", "portals"),
    }
)
"""Groups of settings that no kept answer shows anything of: when another one changes, the cache begins empty."""


def build_portal(
    settings: Settings,
    metrics: Metrics,
    budgets: Budgets,
    service: Service,
    draining: Draining,
    before: Portal | None = None,
    traces: Traces | None = None,
) -> Portal:
    """Put a portal together.

    Args:
        settings: Of this portal.
        metrics: Where things are counted: those of the portal.
        budgets: The budgets of all organisations.
        service: Makes the application for what is no operation.
        draining: Whether the process is about to stop.
        before: The same portal as it was with other settings, whose parts are taken over where they fit.
        traces: Which requests are traced; None where none are.

    Raises:
        ConfigurationError: The state cannot be kept where the settings say.
    """
    life = Life(None if before is None else before.life)
    if settings.portal_name:
        life.part("gauges", lambda: metrics, shape=settings.portal_name, close=quiet)
    upstream = life.part("upstream", partial(build_upstream, settings.upstream), shape=settings.upstream, close=Upstream.close)
    budget = budgets.of(settings, Source.REALTIME)
    old = None if settings.outbound is None else budgets.of(settings, Source.OUTBOUND)
    line = build_line(settings, metrics, life)
    staging, readiness = stage(settings, budget, metrics, life, addresses := build_addresses(settings), old, line)
    # As the connections are, which its places stand for; what is known of an organisation's failures outlives a reload.
    shape = settings.upstream, settings.faults, settings.realtime.endpoint
    protection = life.part("protection", partial(build_protection, settings, metrics), shape=shape)
    observe = staging.observer(Source.REALTIME)
    backend = build_backend(settings, upstream, budget, metrics, readiness, observe=observe, protection=protection)
    cache = settings.cache
    kept = life.part("cache", partial(Cache, cache.max_bytes, cache.max_entries, metrics), shape=shape_of_answers(settings))
    alone = settings.outbound is None
    finisher = Finisher(kept, cache.max_entry_bytes, settings.upstream.total_timeout, cache.browsers, shared=alone)
    share_budgets(settings, line, {Source.REALTIME: budget} | ({} if old is None else {Source.OUTBOUND: old}), life)
    second = build_second_level(settings, line, shape_of_answers(settings), kept, finisher, metrics, life)
    legs, probes, outbox = _legs(settings, staging, backend, kept, finisher, metrics, readiness, second, traces)
    problems = Problems(Messages(settings.messages))
    cors = Cors(settings.origins)
    answering = Answering(
        legs,
        staging.router,
        build_admission(settings, addresses, metrics, life, line),
        settings.limits,
        settings.answers.allow_query,
        cache.obey_clients,
        staging.shadow,
        None if staging.observed is None else staging.observed.usage,
        settings.faults.deadline,
    )
    _add_background(settings, staging, legs, probes, readiness)
    application, rooms = service(settings, staging, metrics, readiness, problems, outbox)
    gateway = Gateway(
        answering=answering,
        service=application,
        service_rooms=rooms,
        limits=settings.limits,
        cors=cors,
        delivery=Delivery(cors, finisher, settings.limits.answer_timeout),
        problems=problems,
        recorder=Recorder(metrics, None if staging.observed is None else staging.observed.traffic.answered),
        draining=draining,
        files=build_files(settings),
        traces=traces,
    )
    return Portal(settings, gateway, readiness, life)


def shape_of_answers(settings: Settings) -> dict[str, Any]:
    """The settings that kept answers show something of. Tokens are none: another one of the same organisation sees the same."""
    shown = {name: getattr(settings, name) for name in type(settings).model_fields if name not in NOT_IN_ANSWERS}
    for name in ("realtime", "outbound"):
        if shown[name] is not None:
            shown[name] = shown[name].model_dump(exclude={"token"})
    shown["bridge"] = settings.bridge_base if settings.answers.registration_form == "bridge" else None
    return {**shown, "upstream": shown["upstream"].model_dump(include={"max_answer_bytes", "max_image_bytes"})}


def _legs(
    settings: Settings,
    staging: Staging,
    backend: Backend,
    cache: Cache,
    finisher: Finisher,
    metrics: Metrics,
    readiness: Readiness,
    second: "SecondLevel | None",
    traces: Traces | None,
) -> tuple[dict[Source, Leg], Probes, Outbox | None]:
    """Those who may answer, a cheap call to each organisation, and the outbox where there is one."""

    def reading(source: Source) -> Reading:
        memory = staging.life.part(f"memory {source}", Memory, shape=cache, close=lambda made: made.close())
        # An archive is a file of this host: another replica's may hold something else.
        shared = None if source is Source.ARCHIVE or source in WITH_ARCHIVE.values() else second
        return Reading(settings.cache, cache, finisher, metrics, source=source, memory=memory, second=shared)

    aliases = aliases_of(settings)
    images = settings.upstream.max_image_bytes
    sides = {Source.REALTIME: reading(Source.REALTIME)}
    outbox = None
    if settings.outbox.enabled:
        make = partial(build_outbox, settings, backend, sides[Source.REALTIME].registered, metrics, readiness, traces)
        outbox = staging.life.part("outbox", make, start=Outbox.start, run=Outbox.run, close=Outbox.close)
    places = staging.places if staging.observed or staging.shelf else None
    hearers: dict[str, Hearer] = {}
    handlers = realtime_handlers(
        backend, sides[Source.REALTIME], aliases, images, places, outbox, shared=staging.outbound is None, hearers=hearers
    )
    legs = {Source.REALTIME: Leg(sides[Source.REALTIME], handlers, aliases.parameters)}
    probes: Probes = {Source.REALTIME: backend.probe}
    if staging.outbound is not None:
        sides[Source.OUTBOUND] = reading(Source.OUTBOUND)
        handlers = outbound_handlers(staging.outbound, sides[Source.OUTBOUND], images, staging.places, hearers)
        legs[Source.OUTBOUND] = Leg(sides[Source.OUTBOUND], handlers, aliases.old_parameters, knows_users=True)
        probes[Source.OUTBOUND] = staging.outbound.probe
        for source, first in ((Source.REALTIME_FIRST, Source.REALTIME), (Source.OUTBOUND_FIRST, Source.OUTBOUND)):
            union = reading(source)
            legs[source] = Leg(union, both_handlers(first, union, sides, aliases, metrics), aliases.parameters)
    if staging.shelf is not None:
        _add_archive(settings, staging, staging.shelf, legs, reading)
    if second is not None:
        second.registrations.hearers = tuple(leg.reading.expire for leg in legs.values())
        second.hearers = hearers
    return legs, probes, outbox


def _add_archive(
    settings: Settings, staging: Staging, shelf: Shelf, legs: dict[Source, Leg], reading: Callable[[Source], Reading]
) -> None:
    """The archive, and the lists of those that may answer together with it."""
    aliases = aliases_of(settings)
    archived = Archived(shelf, lambda: archive_repairs(settings, shelf.endpoint), sign_in=settings.archive.hide_form)
    own = reading(Source.ARCHIVE)
    if settings.archive.listed != "none":
        for source, together in WITH_ARCHIVE.items():
            if source in legs:
                union = reading(together)
                only_past = settings.archive.listed == "past"
                handlers = with_archive_handlers(
                    union, legs[source].reading, archived, lambda: staging.router.state, aliases, only_past=only_past
                )
                legs[together] = Leg(union, handlers, aliases.parameters)
    legs[Source.ARCHIVE] = Leg(own, archive_handlers(archived, shelf, own), aliases.old_parameters)


def _add_background(settings: Settings, staging: Staging, legs: dict[Source, Leg], probes: Probes, readiness: Readiness) -> None:
    """What is done beside requests: a refused token is tried again, lists are followed, the cache is filled."""

    def add(name: str, work: Callable[[], Coroutine[Any, Any, object]]) -> None:
        staging.life.part(name, lambda: work, run=lambda work: work())

    add("watch of tokens", partial(readiness.watch, probes))
    always = settings.admin.token is not None or staging.shelf is not None
    if len(probes) > 1 or always:
        read = {side: partial(legs[side].reading.value, "list_events", {}, (), Need.REFRESH) for side in probes}
        add("lists of events", partial(staging.router.follow_lists, read, always=always))
    if settings.cache.enabled and settings.cache.warm and staging.life.is_new("cache"):

        async def warm() -> None:
            first = Source.OUTBOUND if staging.router.state.stage in (Stage.OUTBOUND, Stage.SHADOW) else Source.REALTIME
            await warm_up(legs[first].reading, settings.cache.warm_events, settings.cache.warm_rate / workers())

        add("warm-up", warm)


def build_front(
    limits: Limits, metrics: Metrics, service: App, rooms: frozenset[str], draining: Draining, traces: Traces | None = None
) -> Gateway:
    """The gateway of what is for no portal of a table. Any page may read what it answers: it says nothing of the portals.

    Args:
        limits: Those of the process.
        metrics: Where things are counted: those of no portal.
        service: The application of the service's own pages.
        rooms: The first segments of their paths.
        draining: Whether the process is about to stop.
        traces: Which requests are traced; None where none are.
    """
    cors = Cors.for_anybody()
    nothing = Finisher(Cache(0, 0, metrics), 0, limits.answer_timeout, browsers=False)
    return Gateway(
        answering=Nobody(),
        service=service,
        service_rooms=rooms,
        limits=limits,
        cors=cors,
        delivery=Delivery(cors, nothing, limits.answer_timeout),
        problems=Problems(Messages({})),
        recorder=Recorder(metrics),
        draining=draining,
        elsewhere=PORTAL_NOT_FOUND,
        traces=traces,
    )
