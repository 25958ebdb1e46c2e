"""The parts that settings describe, each made alone: for the service and for the commands that ask the organisations."""

import os
from typing import Final
from urllib.parse import urlsplit

from app import settings as configured
from app.backend import Backend
from app.bridge.script import Script, build_script
from app.budget import Budget
from app.cutover.archived import Archived, Held
from app.cutover.decision import Source
from app.cutover.settings import Outbound as OutboundSettings
from app.faults.protection import Protection
from app.metrics import Metrics
from app.organisation import Observer, Organisation
from app.outbound import Outbound
from app.portal_files.files import PortalFiles
from app.rates import read_rate, shared_among
from app.readiness import Readiness
from app.settings import Settings
from app.transport import build_transport
from app.upstream import Upstream
from app.version import VERSION
from translation.aliases import Aliases
from translation.messages import Messages
from translation.repairs import Repairs

WORKERS: Final = "WEB_CONCURRENCY"
"""The environment variable in which ``serve`` tells its processes how many they are."""
USER_AGENT: Final = f"evtmgmt-proxy/{VERSION}"


def aliases_of(settings: Settings) -> Aliases:
    """Ids changed by the migration."""
    return Aliases.of(**settings.aliases.model_dump())


def build_budget(settings: Settings, name: str = Source.REALTIME) -> Budget:
    """This process's part of the calls that may be made to an organisation."""
    rate, burst = shared_among(workers(), read_rate(settings.upstream.budget), settings.upstream.budget_burst)
    return Budget(rate, burst, settings.upstream.budget_wait, name=name)


def build_upstream(settings: configured.Upstream) -> Upstream:
    """The connections to an organisation."""
    return Upstream(
        build_transport(settings, USER_AGENT),
        total_timeout=settings.total_timeout,
        max_answer_bytes=settings.max_answer_bytes,
    )


def build_protection(settings: Settings, metrics: Metrics, name: str = Source.REALTIME) -> Protection:
    """What stands between an organisation's failures and visitors, in this process."""
    upstream = settings.upstream
    return Protection(name, settings.faults, upstream.connections, upstream.pool_timeout, upstream.total_timeout, metrics)


def build_backend(
    settings: Settings,
    upstream: Upstream,
    budget: Budget,
    metrics: Metrics,
    readiness: Readiness,
    name: str = Source.REALTIME,
    observe: Observer | None = None,
    protection: Protection | None = None,
) -> Backend:
    """The real-time organisation, as the settings describe it."""
    script = build_bridge(settings)
    repairs = Repairs(
        keep_registration_form=settings.answers.registration_form == "keep",
        keep_anonymous=settings.answers.allow_anonymous_registrations == "keep",
        captcha=False,
        upstream_hosts=frozenset({(urlsplit(settings.realtime.endpoint).hostname or "").lower()}),
        bridge=None if script is None else script.bridge,
    )
    realtime = settings.realtime
    token = realtime.token.get_secret_value()
    organisation = Organisation(name, realtime.endpoint, token, realtime.origin, upstream, budget, metrics, observe, protection)
    return Backend(organisation, realtime.configured, repairs, aliases_of(settings), metrics, readiness)


def build_bridge(settings: Settings) -> Script | None:
    """The script that shows real-time forms in old portals, where it is wanted."""
    base = settings.bridge_base
    if settings.answers.registration_form != "bridge" or base is None:
        return None
    return build_script(base, settings.answers.form_loaders, settings.answers.form_hosts, Messages(settings.messages))


def build_files(settings: Settings) -> PortalFiles | None:
    """The portal's files, where the proxy serves them."""
    folder = settings.portal.static_dir
    if folder is None:
        return None
    return PortalFiles(folder, source_maps=settings.portal.source_maps, patience=settings.limits.answer_timeout)


def archived_of(settings: Settings, held: Held) -> Archived:
    """What the archive has to do with requests, as the settings say.

    Args:
        settings: The settings.
        held: What it holds.
    """
    sides = (Source.REALTIME,) if settings.outbound is None else (Source.REALTIME, Source.OUTBOUND)
    return Archived(held, sides, listed=settings.archive.listed != "none", whole=not settings.realtime.configured)


def archive_repairs(settings: Settings, endpoint: str) -> Repairs:
    """How answers of the archive are mended: what needed the old organisation is left out.

    Args:
        settings: The settings.
        endpoint: The old base address that it was recorded from: its pictures are there no more. Empty when it is not known.
    """
    old = endpoint or ("" if settings.outbound is None else settings.outbound.endpoint)
    return Repairs(upstream_hosts=frozenset({urlsplit(old).hostname or ""} - {""}))


def build_outbound(
    settings: OutboundSettings,
    upstream: Upstream,
    budget: Budget,
    metrics: Metrics,
    readiness: Readiness,
    name: str = Source.OUTBOUND,
    observe: Observer | None = None,
    protection: Protection | None = None,
) -> Outbound:
    """The outbound organisation, as the settings describe it."""
    token = settings.token.get_secret_value()
    organisation = Organisation(name, settings.endpoint, token, settings.origin, upstream, budget, metrics, observe, protection)
    base = None if settings.public_url is None else (settings.endpoint, settings.public_url)
    return Outbound(organisation, readiness, base)


def workers() -> int:
    """How many processes share the work, as ``serve`` tells them."""
    return int(os.environ.get(WORKERS, "1"))
