"""What a registration has to pass in place of the lost captcha: a hidden field, a least time, an answer that is verified.

Cheap checks first. What is refused is always told: a visitor whose browser filled in the hidden field has to know that they are
not registered.
"""

from typing import Any

import orjson

from app.abuse.addresses import Client
from app.abuse.fields import take_answer, take_honeypot
from app.abuse.first_sights import FirstSights
from app.abuse.verifier import LONGEST_ANSWER, Verdict, Verifier
from app.guard import Headers
from app.metrics import Metrics
from translation.errors import CHALLENGE_FAILED, CHALLENGE_UNAVAILABLE, INVALID_BODY, SENT_TOO_SOON, ProxyError

RETRY_SECONDS = 30
"""What a visitor is asked to wait when the provider does not answer."""


class Challenge:
    """Checks registrations.

    Args:
        metrics: Counts what becomes of them.
        honeypot: Name of the hidden field.
        sights: When clients first read events; None when no time is demanded.
        verifier: Asks the provider; None when there is none.
        field: Where the answer stands in the body.
        header: A header that may hold it instead, in lower case.
        admits_unverified: Whether registrations pass while the provider does not answer.
    """

    def __init__(
        self,
        metrics: Metrics,
        *,
        honeypot: str | None = None,
        sights: FirstSights | None = None,
        verifier: Verifier | None = None,
        field: str | None = None,
        header: bytes | None = None,
        admits_unverified: bool = False,
    ) -> None:
        self._metrics = metrics
        self._honeypot = honeypot
        self.sights = sights
        self._verifier = verifier
        self._field = field
        self._header = header
        self._admits_unverified = admits_unverified

    async def check(self, client: Client, event: str, headers: Headers, body: bytes) -> bytes:
        """Refuse a registration that does not pass.

        Args:
            client: Who sent it.
            event: For which event.
            headers: The request's.
            body: As it was received.

        Returns:
            The body without what only the challenge wanted.

        Raises:
            ProxyError: ``ChallengeFailed``, ``SentTooSoon``, ``ChallengeUnavailable``, or ``InvalidBody`` for what is no object
                or nested too deeply.
        """
        changed = False
        answer: Any = None
        if self._honeypot is not None or self._field is not None:
            value = _read(body)
            if self._honeypot is not None:
                changed, filled = take_honeypot(value, self._honeypot)
                if filled:
                    raise self._refusal("honeypot")
            if self._field is not None:
                answer = take_answer(value, self._field)
                changed = changed or answer is not None
            if changed:
                body = _written(value)
        if self.sights is not None and (seconds := self.sights.wait(client.key, event)):
            self._metrics.challenges.labels("too_soon").inc()
            raise ProxyError(SENT_TOO_SOON, retry_after=seconds)
        if self._verifier is not None:
            await self._verify(self._verifier, (self._header and headers.text(self._header)) or answer)
        else:
            self._metrics.challenges.labels("passed").inc()
        return body

    async def _verify(self, verifier: Verifier, answer: Any) -> None:
        if not isinstance(answer, str) or not answer.strip():
            raise self._refusal("missing")
        if len(answer) > LONGEST_ANSWER:
            raise self._refusal(Verdict.FAILED)
        verdict = await verifier.verify(answer)
        if verdict is Verdict.UNAVAILABLE and self._admits_unverified:
            self._metrics.challenges.labels("admitted_unverified").inc()
        elif verdict is Verdict.UNAVAILABLE:
            self._metrics.challenges.labels(verdict.value).inc()
            raise ProxyError(CHALLENGE_UNAVAILABLE, retry_after=RETRY_SECONDS)
        elif verdict is not Verdict.PASSED:
            raise self._refusal(verdict)
        else:
            self._metrics.challenges.labels(verdict.value).inc()

    def _refusal(self, outcome: str) -> ProxyError:
        self._metrics.challenges.labels(str(outcome)).inc()
        return ProxyError(CHALLENGE_FAILED, cause=str(outcome))


def _read(body: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        raise ProxyError(INVALID_BODY, detail="The body is not JSON.") from None
    if not isinstance(value, dict):
        raise ProxyError(INVALID_BODY, detail="The body is no object.")
    return value


def _written(value: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:  # it reads 1,024 levels and writes 254
        raise ProxyError(INVALID_BODY, detail="The body holds a value that is not allowed.") from None
