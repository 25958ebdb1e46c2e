"""Whether a request may go on: origin, client token, rate; and, once its body is read, the challenge."""

from collections.abc import Mapping

from app.abuse.addresses import ClientAddresses
from app.abuse.challenge import Challenge
from app.abuse.client_tokens import ClientTokens
from app.abuse.first_sights import READS
from app.abuse.limiting import RateLimits
from app.abuse.origins import Origins
from app.bodies import Scope
from app.guard import Headers
from app.metrics import Metrics
from translation.errors import ProxyError
from translation.operations import Operation

CHALLENGED = "register"
"""The operation that a challenge stands before."""
_UNLIKE_REGISTRATIONS = frozenset({"create_checkin"})
"""A desk sends many, from wherever its page is."""


class Admission:
    """Lets requests in, or does not.

    Args:
        addresses: Finds clients' addresses.
        origins: Knows the portals' origins.
        limits: How often clients may ask.
        metrics: Counts what was refused.
        tokens: The client tokens that are demanded; None for none.
        challenge: What registrations have to pass; None for nothing.
    """

    def __init__(
        self,
        addresses: ClientAddresses,
        origins: Origins,
        limits: RateLimits,
        metrics: Metrics,
        tokens: ClientTokens | None = None,
        challenge: Challenge | None = None,
    ) -> None:
        self._addresses = addresses
        self._origins = origins
        self._limits = limits
        self._metrics = metrics
        self._tokens = tokens
        self._challenge = challenge
        self._sights = None if challenge is None else challenge.sights

    async def admit(self, operation: Operation, parameters: Mapping[str, str], headers: Headers, scope: Scope) -> None:
        """Refuse what may not be asked, by this client or so often.

        Args:
            operation: What is asked.
            parameters: Path parameters as the portal sent them.
            headers: The request's.
            scope: The ASGI scope.

        Raises:
            ProxyError: ``OriginNotAllowed``, ``ClientTokenMissing``, ``ClientTokenInvalid``, ``BadTarget`` or ``RateLimited``.
        """
        registers = operation.writes and operation.name not in _UNLIKE_REGISTRATIONS
        if registers:
            try:
                self._origins.check(headers)
            except ProxyError:
                self._metrics.refused_origins.labels(operation.name).inc()
                raise
        if self._tokens is not None:
            self._tokens.check(operation, scope["query_string"])
        if registers:
            await self._limits.registration(self._addresses.of(scope, headers.all), parameters.get("event"))
        elif self._limits.counts_reads:
            await self._limits.read(self._addresses.of(scope, headers.all))
        if self._sights is not None and operation.name in READS:
            self._sights.saw(self._addresses.of(scope, headers.all).key, parameters["event"])

    def admits_kept(self, operation: str, asked: tuple[str, ...], headers: Headers, scope: Scope) -> bool:
        """Whether a kept answer may be given at once. That is not counted: it costs next to nothing.

        Args:
            operation: Its name.
            asked: The values of its path parameters.
            headers: The request's.
            scope: The ASGI scope.
        """
        if self._tokens is not None and not self._tokens.knows(operation, scope["query_string"]):
            return False
        if self._sights is not None and operation in READS:
            self._sights.saw(self._addresses.of(scope, headers.all).key, asked[0])
        return True

    async def challenged(
        self, operation: Operation, parameters: Mapping[str, str], headers: Headers, scope: Scope, body: bytes
    ) -> bytes:
        """The body of a registration that passed the challenge, without what only the challenge wanted.

        Raises:
            ProxyError: ``ChallengeFailed``, ``SentTooSoon``, ``ChallengeUnavailable`` or ``InvalidBody``.
        """
        if self._challenge is None or operation.name != CHALLENGED:
            return body
        client = self._addresses.of(scope, headers.all)
        return await self._challenge.check(client, parameters["event"], headers, body)
