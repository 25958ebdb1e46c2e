"""The parts of this package, put together as the settings say."""

from urllib.parse import urlsplit

from app.abuse.addresses import ClientAddresses, Trusted
from app.abuse.admission import Admission
from app.abuse.challenge import Challenge
from app.abuse.client_tokens import ClientTokens
from app.abuse.first_sights import FirstSights
from app.abuse.limiting import RateLimits
from app.abuse.origins import Origins
from app.abuse.settings import Provider
from app.abuse.shared_windows import SharedWindows
from app.abuse.verifier import FIELDS, Verifier
from app.abuse.windows import Windows
from app.metrics import Metrics
from app.parts import aliases_of, build_upstream
from app.settings import Settings
from app.upstream import Upstream

VERIFIER_CONNECTIONS = 16


def build_addresses(settings: Settings) -> ClientAddresses:
    """Finds clients' addresses, as the settings trust proxies."""
    return ClientAddresses(Trusted.read(settings.portal.trusted_proxies))


def build_admission(settings: Settings, addresses: ClientAddresses, metrics: Metrics) -> tuple[Admission, list[Upstream]]:
    """What lets requests in, and the connections that it has: the caller closes them."""
    tokens = [token.get_secret_value() for token in settings.portal.client_tokens]
    challenge, upstreams = _build_challenge(settings, metrics)
    admission = Admission(
        addresses,
        Origins(settings.origins),
        _build_limits(settings, metrics),
        metrics,
        ClientTokens(tokens) if tokens else None,
        challenge,
    )
    return admission, upstreams


def _build_limits(settings: Settings, metrics: Metrics) -> RateLimits:
    aliases = aliases_of(settings)
    shared = None
    if settings.state.redis_url is not None:
        # Portals and organisations that share a Redis have counters of their own.
        secret = f"{settings.realtime.endpoint} {settings.realtime.token.get_secret_value()} {sorted(settings.origins)}"
        shared = SharedWindows(settings.state.redis_url.get_secret_value(), secret, metrics)
    return RateLimits(settings.rates, lambda event: aliases.parameters({"event": event})["event"], metrics, Windows(), shared)


def _build_challenge(settings: Settings, metrics: Metrics) -> tuple[Challenge | None, list[Upstream]]:
    own = settings.challenge
    if own.honeypot is None and not own.minimum_age and own.provider is None:
        return None, []
    verifier, upstreams = None, []
    if own.provider is not None and own.secret is not None:
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
        upstreams.append(build_upstream(connection))
        hosts = own.hostnames or {urlsplit(origin).hostname or "" for origin in settings.origins}
        secret = own.secret.get_secret_value()
        verifier = Verifier(Provider(own.provider), secret, upstreams[0], hosts, own.minimum_score, own.url)
    challenge = Challenge(
        metrics,
        honeypot=own.honeypot,
        sights=FirstSights(own.minimum_age) if own.minimum_age else None,
        verifier=verifier,
        field=None if own.provider is None else own.field or FIELDS[Provider(own.provider)],
        header=None if own.header is None else own.header.lower().encode("ascii"),
        admits_unverified=own.when_unavailable == "admit",
    )
    return challenge, upstreams
