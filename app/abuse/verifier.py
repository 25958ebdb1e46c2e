"""Asks the provider of a challenge whether a person solved it: Turnstile, reCAPTCHA and hCaptcha speak the same protocol.

A POST of a form with ``secret`` and ``response``, answered by JSON with ``success``, ``hostname``, ``error-codes`` and, by
reCAPTCHA v3, ``score``. Each takes an answer once. The visitor's address, which they would take too, is not sent.
"""

import re
from collections.abc import Collection
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlencode

import orjson
import structlog

from app.abuse.settings import Provider
from app.upstream import Upstream, UpstreamError

log = structlog.get_logger("evtmgmt.challenge")

ADDRESSES: Final = {
    Provider.TURNSTILE: "https://challenges.cloudflare.com/turnstile/v0/siteverify",
    Provider.RECAPTCHA: "https://www.google.com/recaptcha/api/siteverify",
    Provider.HCAPTCHA: "https://api.hcaptcha.com/siteverify",
}
FIELDS: Final = {
    Provider.TURNSTILE: "cf-turnstile-response",
    Provider.RECAPTCHA: "g-recaptcha-response",
    Provider.HCAPTCHA: "h-captcha-response",
}
"""The fields that their scripts put into a form."""
LONGEST_ANSWER: Final = 10_000
ANY_HOST: Final = "*"
_HEADERS: Final = (("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json"))
_OPERATORS: Final = frozenset({"missing-input-secret", "invalid-input-secret", "sitekey-secret-mismatch", "internal-error"})
"""What is not the visitor's fault."""
_CODE: Final = re.compile(r"[a-z-]{1,60}")


class Verdict(StrEnum):
    """What the provider says of an answer."""

    PASSED = "passed"
    FAILED = "failed"
    WRONG_HOST = "wrong_host"
    LOW_SCORE = "low_score"
    UNAVAILABLE = "unavailable"


class Verifier:
    """Asks the provider.

    Args:
        provider: Which one.
        secret: The site's secret key.
        upstream: Its connections.
        hostnames: Where a challenge may have been solved; ``*`` for anywhere.
        minimum_score: Of reCAPTCHA v3, from 0 (a program) to 1 (a person).
        url: An address in place of the provider's own.
    """

    def __init__(
        self,
        provider: Provider,
        secret: str,
        upstream: Upstream,
        hostnames: Collection[str],
        minimum_score: float,
        url: str | None = None,
    ) -> None:
        self._provider = provider
        self._secret = secret
        self._upstream = upstream
        self._hostnames = frozenset(hostnames)
        self._minimum_score = minimum_score
        self._url = url or ADDRESSES[provider]

    async def verify(self, answer: str) -> Verdict:
        """What the provider says of an answer. Nothing is raised: what it does not say is ``unavailable``."""
        body = urlencode({"secret": self._secret, "response": answer}).encode("ascii")
        try:
            said = await self._upstream.call("POST", self._url, _HEADERS, body)
            value = orjson.loads(said.body) if said.status < 500 else None
        except UpstreamError as error:
            log.warning("the challenge cannot be verified", cause=str(error))
            return Verdict.UNAVAILABLE
        except orjson.JSONDecodeError:
            value = None
        if not isinstance(value, dict) or not isinstance(value.get("success"), bool):
            log.warning("the challenge cannot be verified", cause=f"the provider answered {said.status} without a verdict")
            return Verdict.UNAVAILABLE
        return self._judge(value)

    def _judge(self, value: dict[str, Any]) -> Verdict:
        if not value["success"]:
            given = value.get("error-codes")
            codes = [code for code in given if isinstance(code, str) and _CODE.fullmatch(code)] if isinstance(given, list) else []
            if _OPERATORS.intersection(codes):
                log.error("the challenge cannot be verified", cause=", ".join(codes[:5]))
                return Verdict.UNAVAILABLE
            return Verdict.FAILED
        host = value.get("hostname")
        if ANY_HOST not in self._hostnames and (not isinstance(host, str) or host.lower() not in self._hostnames):
            return Verdict.WRONG_HOST
        score = value.get("score")
        # hCaptcha has a score as well, where more is worse; its own verdict heeds it.
        if self._provider is Provider.RECAPTCHA and isinstance(score, (int, float)) and score < self._minimum_score:
            return Verdict.LOW_SCORE
        return Verdict.PASSED
