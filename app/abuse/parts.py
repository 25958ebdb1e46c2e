"""The parts of this package, put together as the settings say."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from app.abuse.addresses import ClientAddresses, Trusted
from app.abuse.admission import Admission
from app.abuse.challenge import Challenge
from app.abuse.client_tokens import ClientTokens
from app.abuse.first_sights import FirstSights
from app.abuse.limiting import RateLimits
from app.abuse.origins import Origins
from app.abuse.settings import Provider
from app.abuse.sights_of_workers import SightsOfWorkers
from app.abuse.verifier import FIELDS, Verifier
from app.abuse.windows import Windows
from app.cutover.live import SHARED_STATE
from app.hosting.life import Life
from app.metrics import Metrics
from app.parts import aliases_of, build_upstream
from app.settings import Settings
from app.upstream import Upstream

if TYPE_CHECKING:
    from app.shared.line import Line

VERIFIER_CONNECTIONS = 16


def build_addresses(settings: Settings) -> ClientAddresses:
    """Finds clients' addresses, as the settings trust proxies."""
    return ClientAddresses(Trusted.read(settings.portal.trusted_proxies))


def build_admission(
    settings: Settings, addresses: ClientAddresses, metrics: Metrics, life: Life, line: "Line | None" = None
) -> Admission:
    """What lets requests in. What it counted and remembers outlives a change of other settings."""
    tokens = [token.get_secret_value() for token in settings.portal.client_tokens]
    return Admission(
        addresses,
        Origins(settings.origins),
        _build_limits(settings, metrics, life, line),
        metrics,
        ClientTokens(tokens) if tokens else None,
        _build_challenge(settings, metrics, life),
    )


def _build_limits(settings: Settings, metrics: Metrics, life: Life, line: "Line | None") -> RateLimits:
    aliases = aliases_of(settings)
    shared = None
    if line is not None:
        from app.abuse.shared_windows import SharedWindows  # and with it the client of Redis

        # Portals and organisations that share a Redis have counters of their own.
        own = (
            settings.realtime.endpoint,
            settings.realtime.token.get_secret_value(),
            sorted(settings.origins),
            settings.portal_name,
        )
        secret = " ".join(map(str, own)).rstrip()
        shared = life.part("rates in Redis", partial(SharedWindows, line, secret), shape=(line, secret))
    windows = life.part("rates", Windows, shape=None)
    return RateLimits(settings.rates, lambda event: aliases.parameters({"event": event})["event"], metrics, windows, shared)


def _build_challenge(settings: Settings, metrics: Metrics, life: Life) -> Challenge | None:
    own = settings.challenge
    if own.honeypot is None and not own.minimum_age and own.provider is None:
        return None
    sights = None
    if own.minimum_age:
        folder = os.environ.get(SHARED_STATE)
        make: Callable[[], FirstSights] = partial(FirstSights, own.minimum_age)
        if folder is not None:  # there are other workers
            make = partial(SightsOfWorkers, own.minimum_age, Path(folder, f"sights-{settings.portal_name}"))
        sights = life.part("first sights", make, shape=(own.minimum_age, folder))
    return Challenge(
        metrics,
        honeypot=own.honeypot,
        sights=sights,
        verifier=_build_verifier(settings, life),
        field=None if own.provider is None else own.field or FIELDS[Provider(own.provider)],
        header=None if own.header is None else own.header.lower().encode("ascii"),
        admits_unverified=own.when_unavailable == "admit",
    )


def _build_verifier(settings: Settings, life: Life) -> Verifier | None:
    own = settings.challenge
    if own.provider is None or own.secret is None:
        return None
    connection = settings.upstream.model_copy(
        update={
            "connections": VERIFIER_CONNECTIONS,
            "connect_timeout": min(settings.upstream.connect_timeout, own.timeout),
            "read_timeout": own.timeout,
            "pool_timeout": own.timeout,
            "total_timeout": own.timeout,
            "max_answer_bytes": 65_536,
        }
    )
    upstream = life.part("upstream verifier", partial(build_upstream, connection), shape=connection, close=Upstream.close)
    hosts = own.hostnames or {urlsplit(origin).hostname or "" for origin in settings.origins}
    return Verifier(Provider(own.provider), own.secret.get_secret_value(), upstream, hosts, own.minimum_score, own.url)
