"""Calling one organisation's API: its address, token and origin, its share of the budget, its failures as rows of the list.

What both APIs have in common (CONTRACT 1 and 2): the token goes in the query, the registered origin in a header.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Final
from urllib.parse import quote

import orjson

from app.budget import Budget, BudgetSpentError, Need
from app.calls import Call
from app.faults.attempt import Attempt, over
from app.faults.protection import Protection, Unprotected
from app.metrics import Metrics
from app.telemetry.current import note
from app.telemetry.outgoing import outgoing
from app.telemetry.vocabulary import BUDGET_REFUSED, NO_PLACE
from app.upstream import NOT_SENT, Trouble, Upstream, UpstreamAnswer, UpstreamError, UpstreamStream
from translation import errors
from translation.errors import ErrorKind, ProxyError
from translation.headers import retry_after
from translation.operations import Operation
from translation.query import TOKEN_PARAMETER
from translation.targets import upstream_path

Observer = Callable[[str, bool, float | None], None]
"""Is told of each call: the operation's name, whether it failed, and the seconds it took.

Without seconds: the answer to a call that was told before cannot be used.
"""
SHADOW: Final = "shadow"
"""The source of calls that only compare (``app/cutover/shadow.py``)."""
_SIGN: Final = 12
"""Characters of the token by which it is known: a sentence may be cut in the middle of it."""

_TROUBLES: Final[dict[Trouble, ErrorKind]] = {
    Trouble.UNREACHABLE: errors.UPSTREAM_UNREACHABLE,
    Trouble.CONNECT_TIMEOUT: errors.UPSTREAM_TIMEOUT,
    Trouble.POOL_TIMEOUT: errors.UPSTREAM_TIMEOUT,
    Trouble.TIMEOUT: errors.UPSTREAM_TIMEOUT,
    Trouble.BROKEN: errors.UPSTREAM_FAILED,
    Trouble.UNREADABLE: errors.UPSTREAM_ANSWER_INVALID,
    Trouble.TOO_LARGE: errors.UPSTREAM_ANSWER_TOO_LARGE,
}


class Organisation:
    """One organisation's API.

    Args:
        name: What it is called in metrics.
        endpoint: The base address, with a slash at the end.
        token: The web application's token.
        origin: The registered origin.
        upstream: The connections.
        budget: How many calls may be made.
        metrics: Where calls are counted.
        observe: Is told of each call as well; of one that was repeated only what became of it in the end.
        protection: Against its failures; none for calls that no visitor waits for.

    Attributes:
        name: What it is called in metrics.
        headers: What every JSON call carries.
    """

    def __init__(
        self,
        name: str,
        endpoint: str,
        token: str,
        origin: str,
        upstream: Upstream,
        budget: Budget,
        metrics: Metrics,
        observe: Observer | None = None,
        protection: Protection | None = None,
    ) -> None:
        self.name = name
        self.headers: tuple[tuple[str, str], ...] = (("accept", "application/json"), ("origin", origin))
        self._image_headers = (("accept", "image/*"), ("origin", origin))
        self._endpoint = endpoint
        self._token = f"{TOKEN_PARAMETER}={quote(token, safe='')}"
        # As it is, in an address, in JSON.
        forms = (token, quote(token, safe=""), orjson.dumps(token).decode()[1:-1])
        self._token_signs = {form[:_SIGN].casefold() for form in forms}
        self._upstream = upstream
        self._budget = budget
        self._metrics = metrics
        self._tokens = metrics.budget_tokens.labels(budget.name)
        self._tokens.set(budget.tokens)
        self._observe = observe
        self._protection = protection or Unprotected(name, upstream.total_timeout, metrics)

    async def ask(
        self,
        call: Call,
        path: str,
        query: Sequence[str],
        headers: Sequence[tuple[str, str]],
        body: bytes | None = None,
        excused: Callable[[UpstreamAnswer], bool] | None = None,
    ) -> UpstreamAnswer:
        """Make a call and read the whole answer, whatever its status.

        Args:
            call: What is asked.
            path: The path template under the base.
            query: Raw parameters beside the token.
            headers: All headers.
            body: The body, or None.
            excused: Whether a refusal is the visitor's own matter, so that it is no failure of the organisation.

        Raises:
            ProxyError: There was no answer. Also for a write that is cancelled while it is made: it may have arrived.
        """
        operation = call.operation
        url = self._url(call, path, query)
        attempt = await self._begin(call)
        try:
            while True:
                started = perf_counter()
                try:
                    with outgoing(self.name, call, path, again=attempt.repeated) as sent:
                        answer = await self._upstream.call(operation.method, url, sent.headers(headers), body, attempt.seconds)
                        sent.answered(answer.status)
                except UpstreamError as error:
                    seconds = perf_counter() - started
                    again = attempt.failed(error)
                    attempt.release()
                    again = again and await attempt.repeat(self._budget.take)
                    self._record(operation, error.trouble.value, seconds, failed=True, final=not again)
                    if not again:
                        raise _listed(operation, error) from None
                    continue
                except asyncio.CancelledError:
                    if not operation.writes:
                        raise
                    # Visitors who leave cut no write off, only a process that ends: whoever waits for it has to be told.
                    raise ProxyError(errors.REGISTRATION_OUTCOME_UNKNOWN, cause="cut off as the process stops") from None
                seconds = perf_counter() - started
                again = attempt.answered(answer.status, answer.headers)
                attempt.release()
                again = again and await attempt.repeat(self._budget.take)
                failed = _is_failure(answer.status) and not (excused is not None and excused(answer))
                self._record(operation, str(answer.status), seconds, failed=failed, final=not again)
                if not again:
                    return answer
        finally:
            attempt.release()

    @asynccontextmanager
    async def open(self, call: Call, path: str, query: Sequence[str]) -> AsyncIterator[UpstreamStream]:
        """Make a call whose body is streamed, whatever its status.

        Raises:
            ProxyError: There was no answer; while the body is read, ``UpstreamError``.
        """
        operation = call.operation
        url, headers = self._url(call, path, query), (*self._image_headers, *call.trace)
        attempt = await self._begin(call)
        try:
            while True:
                started = perf_counter()
                answered = False
                try:
                    with outgoing(self.name, call, path, again=attempt.repeated) as sent:
                        async with self._upstream.stream(url, sent.headers(headers), attempt.seconds) as stream:
                            seconds = perf_counter() - started
                            sent.answered(stream.status)
                            again = attempt.answered(stream.status, stream.headers)
                            if not again:
                                answered = True
                                self._record(operation, str(stream.status), seconds, failed=_is_failure(stream.status))
                                yield stream
                                return
                    refusal = UpstreamStream(stream.status, stream.headers, _nothing())
                except UpstreamError as error:
                    if answered:
                        attempt.spoiled(error)
                        raise _listed(operation, error) from None
                    seconds = perf_counter() - started
                    again = attempt.failed(error)
                    attempt.release()
                    again = again and await attempt.repeat(self._budget.take)
                    self._record(operation, error.trouble.value, seconds, failed=True, final=not again)
                    if not again:
                        raise _listed(operation, error) from None
                    continue
                attempt.release()
                again = await attempt.repeat(self._budget.take)
                self._record(operation, str(refusal.status), seconds, failed=True, final=not again)
                if not again:
                    yield refusal
                    return
        finally:
            attempt.release()

    def unusable(self, operation: Operation) -> None:
        """The answer to a call that was recorded as good cannot be used: for who judges the organisation, it failed."""
        if self._observe is not None:
            self._observe(operation.name, True, None)

    def slow_down(self, call: Call, headers: Mapping[str, str]) -> int:
        """Heed a 429. Returns the seconds that the organisation asked to wait.

        What the shadow is told holds no visitor up: it alone waits.
        """
        seconds = retry_after(headers.get("retry-after"))
        if call.source != SHADOW:
            self._budget.pause(seconds)
        return seconds

    def harmless(self, text: str | None) -> str | None:
        """A text of the organisation for the visitor, or None when it repeats the token."""
        if text is None:
            return None
        folded = text.casefold()
        return None if any(sign in folded for sign in self._token_signs) else text

    def _url(self, call: Call, path: str, query: Sequence[str]) -> str:
        address = self._endpoint + upstream_path(path, call.sent)
        parts = [self._token, *query] if call.operation.token else query
        return f"{address}?{'&'.join(parts)}" if parts else address

    async def _begin(self, call: Call) -> Attempt:
        """The call's turn, or its refusal: Dynamics bounds the calls of an organisation (CONTRACT 2), its health does too."""
        try:
            attempt = self._protection.attempt(call)
        except ProxyError:
            # Who watches the organisation sees no calls now, and it fails all the same.
            if self._observe is not None and call.need is not Need.REFRESH:
                self._observe(call.operation.name, True, 0.0)
            raise
        started = perf_counter()
        try:
            need = Need.REGISTRATION if call.operation.writes else call.need
            taken = self._budget.take(need)
            self._tokens.set(self._budget.left)
            if not taken:
                await self._admit(need, attempt)
            await attempt.start()
        except UpstreamError as error:
            attempt.release()
            note(NO_PLACE)
            self._record(call.operation, error.trouble.value, perf_counter() - started, failed=True)
            raise _listed(call.operation, error) from None
        except BaseException:
            attempt.release()
            raise
        return attempt

    async def _admit(self, need: Need, attempt: Attempt) -> None:
        try:
            async with asyncio.timeout(max(0.0, attempt.left)):
                await self._budget.admit(need)
        except BudgetSpentError as spent:
            self._metrics.budget_refused.labels(need.name.lower(), spent.reason).inc()
            note(BUDGET_REFUSED, need=need.name.lower(), reason=spent.reason)
            cause = f"the budget of calls to Dynamics is {spent.reason}"
            raise ProxyError(errors.TOO_MANY_REQUESTS, retry_after=spent.retry_after, cause=cause) from None
        except TimeoutError:
            raise over() from None

    def _record(self, operation: Operation, outcome: str, seconds: float, *, failed: bool, final: bool = True) -> None:
        self._metrics.upstream.labels(operation.name, self.name, outcome).inc()
        self._metrics.upstream_seconds.labels(self.name).observe(seconds)
        if final and self._observe is not None:
            self._observe(operation.name, failed, seconds)


async def _nothing() -> AsyncIterator[bytes]:
    for part in tuple[bytes, ...]():
        yield part


def _is_failure(status: int) -> bool:
    """Whether an answer counts as a failure of the organisation: it is sick, or does not take the proxy's token."""
    return status >= 500 or status in (401, 403)


def _listed(operation: Operation, error: UpstreamError) -> ProxyError:
    """The row of the closed list for a failed call; a write that may have arrived has an unknown outcome."""
    kind = _TROUBLES[error.trouble]
    if operation.writes and error.trouble not in NOT_SENT:
        unknown = error.trouble is Trouble.TIMEOUT
        kind = errors.REGISTRATION_OUTCOME_UNKNOWN if unknown else errors.REGISTRATION_ANSWER_UNREADABLE
    return ProxyError(kind, cause=str(error))
