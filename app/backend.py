"""The real-time organisation as a backend: operations in, values of the old contract out.

It builds the upstream request from the table and validated parameters, attaches the server's token and the registered
origin (CONTRACT 2), and turns every failure into a row of the closed list.
"""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Any, Final
from urllib.parse import quote, urlsplit

from app.budget import Budget, BudgetSpentError, Need
from app.calls import Call
from app.metrics import Metrics
from app.readiness import Readiness
from app.settings import Realtime
from app.upstream import NOT_SENT, Trouble, Upstream, UpstreamAnswer, UpstreamError, UpstreamStream
from translation import errors
from translation.aliases import Aliases
from translation.answers import read_json, translate
from translation.errors import ErrorKind, ProxyError
from translation.headers import retry_after
from translation.operations import BY_NAME, Operation
from translation.query import TOKEN_PARAMETER
from translation.registration import BODIES, read_body, read_result
from translation.repairs import Repairs
from translation.sentences import sentence_of
from translation.targets import upstream_path

_TROUBLES: Final[dict[Trouble, ErrorKind]] = {
    Trouble.UNREACHABLE: errors.UPSTREAM_UNREACHABLE,
    Trouble.CONNECT_TIMEOUT: errors.UPSTREAM_TIMEOUT,
    Trouble.POOL_TIMEOUT: errors.UPSTREAM_TIMEOUT,
    Trouble.TIMEOUT: errors.UPSTREAM_TIMEOUT,
    Trouble.BROKEN: errors.UPSTREAM_FAILED,
    Trouble.UNREADABLE: errors.UPSTREAM_ANSWER_INVALID,
    Trouble.TOO_LARGE: errors.UPSTREAM_ANSWER_TOO_LARGE,
}


class Backend:
    """The real-time organisation.

    Args:
        settings: Endpoint, token, origin.
        upstream: Its connections.
        budget: How many calls may be made.
        repairs: How answers are mended.
        aliases: Ids changed by the migration.
        metrics: Where calls are counted.
        readiness: Is told whether the token was accepted.
    """

    name: Final = "realtime"

    def __init__(
        self,
        settings: Realtime,
        upstream: Upstream,
        budget: Budget,
        repairs: Repairs,
        aliases: Aliases,
        metrics: Metrics,
        readiness: Readiness,
    ) -> None:
        self._endpoint = settings.endpoint
        token = settings.token.get_secret_value()
        self._token = f"{TOKEN_PARAMETER}={quote(token, safe='')}"
        # Its beginning is enough to know it by: a sentence may be cut in the middle of it.
        self._token_signs = (token[:12], quote(token, safe="")[:12])
        self._headers = (("accept", "application/json"), ("origin", settings.origin))
        self._image_headers = (("accept", "image/*"), ("origin", settings.origin))
        # The list shows what the operator configured, whatever the portal asks (CONTRACT 2.1).
        self._configured = {
            name: f"{spelled}={value}"
            for name, spelled, value in (
                ("webappid", "webappId", settings.webapp_id),
                ("businessunitid", "businessUnitId", settings.business_unit_id),
            )
            if value
        }
        self._upstream = upstream
        self._budget = budget
        metrics.budget_tokens.set(budget.tokens)
        self._repairs = repairs
        self._aliases = aliases
        self._metrics = metrics
        self._readiness = readiness

    async def read(self, call: Call) -> Any:
        """The answer of a JSON read, in the old form.

        Raises:
            ProxyError: A row of the closed list.
        """
        answer = await self._ask(call, (*self._headers, *call.trace))
        value, done = translate(call.operation, read_json(answer.body), call.asked, call.sent, self._repairs)
        self._count(done)
        return value

    async def probe(self) -> None:
        """Read the list, to see whether the token is accepted.

        Raises:
            ProxyError: A row of the closed list.
        """
        await self.read(Call(BY_NAME["list_events"], {}, {}))

    async def submit(self, call: Call) -> dict[str, Any]:
        """Send a registration, or finalize one, and give the result in the old form.

        Raises:
            ProxyError: ``InvalidBody`` before anything is sent; else a row of the closed list.
        """
        assert call.operation.name in BODIES  # noqa: S101 - the table and the handlers agree, a test proves it
        body = read_body(call.body, call.operation.name, self._aliases)
        headers = (*self._headers, ("content-type", "application/json"), *call.trace)
        answer = await self._ask(call, headers, body)
        if not answer.body.strip():
            return read_result(None)
        try:
            result = read_result(read_json(answer.body))
        except ProxyError as unreadable:
            raise ProxyError(errors.REGISTRATION_ANSWER_UNREADABLE, cause=unreadable.cause) from None
        if isinstance(result["errorMessage"], str):
            result["errorMessage"] = self._harmless(result["errorMessage"])
        return result

    async def check_in(self, call: Call) -> str | None:
        """Create a check-in (CONTRACT 2.1: without a token; it redirects).

        Returns:
            Where Dynamics redirects to, or None when it just accepts.

        Raises:
            ProxyError: A row of the closed list.
        """
        headers = (*self._headers, ("content-type", call.content_type or "application/json"), *call.trace)
        answer = await self._ask(call, headers, call.body)
        if answer.status < 300:
            return None
        location = answer.headers.get("location", "")
        parts = urlsplit(location)
        if parts.scheme not in ("http", "https") or not parts.netloc or not location.isprintable() or not location.isascii():
            raise ProxyError(errors.REGISTRATION_ANSWER_UNREADABLE, cause="a redirect without a usable address")
        return location

    @asynccontextmanager
    async def image(self, call: Call) -> AsyncIterator[UpstreamStream]:
        """Open an image; its body is to be streamed.

        Raises:
            ProxyError: A row of the closed list; while the body is read, ``UpstreamError``.
        """
        await self._admit(call)
        started = perf_counter()
        answered = False
        try:
            async with self._upstream.stream(self._url(call), (*self._image_headers, *call.trace)) as stream:
                answered = True
                self._record(call.operation, str(stream.status), started)
                self._check(call.operation, stream.status, stream.headers, b"")
                yield stream
        except UpstreamError as error:
            if not answered:
                self._record(call.operation, error.trouble.value, started)
            raise _listed(call.operation, error) from None

    def _url(self, call: Call) -> str:
        operation = call.operation
        parts = [self._token] if operation.token else []
        configured = self._configured if operation.name == "list_events" else {}
        parts += [raw.decode("ascii") for name, raw in call.query.kept if name not in configured]
        parts += configured.values()
        path = self._endpoint + upstream_path(operation, call.sent)
        return f"{path}?{'&'.join(parts)}" if parts else path

    async def _ask(self, call: Call, headers: tuple[tuple[str, str], ...], body: bytes | None = None) -> UpstreamAnswer:
        operation = call.operation
        await self._admit(call)
        started = perf_counter()
        try:
            answer = await self._upstream.call(operation.method, self._url(call), headers, body)
        except UpstreamError as error:
            self._record(operation, error.trouble.value, started)
            raise _listed(operation, error) from None
        self._record(operation, str(answer.status), started)
        self._check(operation, answer.status, answer.headers, answer.body)
        return answer

    async def _admit(self, call: Call) -> None:
        """Wait for the call's turn, or refuse it: Dynamics bounds the calls of an organisation (CONTRACT 2)."""
        need = Need.REGISTRATION if call.operation.writes else call.need
        self._metrics.budget_tokens.set(self._budget.tokens)
        if not self._budget.take(need):
            try:
                await self._budget.admit(need)
            except BudgetSpentError as spent:
                self._metrics.budget_refused.labels(need.name.lower(), spent.reason).inc()
                cause = f"the budget of calls to Dynamics is {spent.reason}"
                raise ProxyError(errors.TOO_MANY_REQUESTS, retry_after=spent.retry_after, cause=cause) from None

    def _check(self, operation: Operation, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Turn every status that is no success into a row of the closed list."""
        if 200 <= status < 300 or (300 <= status < 400 and operation.name == "create_checkin"):
            if operation.token:
                self._readiness.accepted()
            return
        cause = f"status {status}"
        if status in (401, 403):
            if operation.token:
                self._readiness.refused()
            raise ProxyError(errors.UPSTREAM_REFUSED_PROXY, cause=cause)
        if status == 404:
            raise ProxyError(errors.NOT_FOUND, cause=cause)
        if status == 429:
            seconds = retry_after(headers.get("retry-after"))
            self._budget.pause(seconds)
            raise ProxyError(errors.TOO_MANY_REQUESTS, retry_after=seconds, cause=cause)
        if 400 <= status < 500:
            raise ProxyError(errors.UPSTREAM_REJECTED, status=status, sentence=self._harmless(sentence_of(body)), cause=cause)
        if operation.writes and status != 503:
            raise ProxyError(errors.REGISTRATION_ANSWER_UNREADABLE, cause=cause)
        if status < 400:
            raise ProxyError(errors.UPSTREAM_ANSWER_INVALID, cause=cause)
        raise ProxyError(errors.UPSTREAM_FAILED, cause=cause)

    def _harmless(self, sentence: str | None) -> str | None:
        """A sentence of Dynamics for the visitor, or None when it repeats the token."""
        return None if sentence is None or any(sign in sentence for sign in self._token_signs) else sentence

    def _record(self, operation: Operation, outcome: str, started: float) -> None:
        self._metrics.upstream.labels(operation.name, self.name, outcome).inc()
        self._metrics.upstream_seconds.labels(self.name).observe(perf_counter() - started)

    def _count(self, done: Counter[str]) -> None:
        for repair, times in done.items():
            if times:
                self._metrics.repairs.labels(repair).inc(times)


def _listed(operation: Operation, error: UpstreamError) -> ProxyError:
    """The row of the closed list for a failed call; a write that may have arrived has an unknown outcome."""
    kind = _TROUBLES[error.trouble]
    if operation.writes and error.trouble not in NOT_SENT:
        unknown = error.trouble is Trouble.TIMEOUT
        kind = errors.REGISTRATION_OUTCOME_UNKNOWN if unknown else errors.REGISTRATION_ANSWER_UNREADABLE
    return ProxyError(kind, cause=str(error))
