"""The real-time organisation as a backend: operations in, values of the old contract out.

It builds the upstream request from the table and validated parameters, attaches the server's token and the registered
origin (CONTRACT 2), and turns every failure into a row of the closed list.
"""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from app.calls import Call
from app.cutover.decision import Source
from app.metrics import Metrics
from app.organisation import Organisation
from app.readiness import Readiness
from app.upstream import UpstreamAnswer, UpstreamStream
from translation import errors
from translation.aliases import Aliases
from translation.answers import read_json, translate
from translation.errors import ProxyError
from translation.headers import retry_after
from translation.operations import BY_NAME, Operation
from translation.registration import BODIES, read_body, read_result
from translation.repairs import Repairs
from translation.sentences import sentence_of


class Backend:
    """The real-time organisation.

    Args:
        organisation: Makes the calls.
        configured: Query parameters of the list that the operator chose, by lower-case name, as they travel.
        repairs: How answers are mended.
        aliases: Ids changed by the migration.
        metrics: Where repairs are counted.
        readiness: Is told whether the token was accepted.
    """

    def __init__(
        self,
        organisation: Organisation,
        configured: Mapping[str, str],
        repairs: Repairs,
        aliases: Aliases,
        metrics: Metrics,
        readiness: Readiness,
    ) -> None:
        self._organisation = organisation
        self._configured = configured
        self._repairs = repairs
        self._aliases = aliases
        self._metrics = metrics
        self._readiness = readiness

    async def read(self, call: Call) -> Any:
        """The answer of a JSON read, in the old form.

        Raises:
            ProxyError: A row of the closed list.
        """
        answer = await self._ask(call, (*self._organisation.headers, *call.trace))
        try:
            value, done = translate(call.operation, read_json(answer.body), call.asked, call.sent, self._repairs)
        except Exception as error:
            if not (isinstance(error, ProxyError) and error.kind is errors.NOT_FOUND):
                self._organisation.unusable(call.operation)
            raise
        if call.source == Source.REALTIME:  # the shadow's answers reach nobody
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
        return await self.send(call, self.translated(call))

    def translated(self, call: Call) -> bytes:
        """The body of a registration, or of its finalization, as it goes upstream.

        Raises:
            ProxyError: ``InvalidBody``.
        """
        assert call.operation.name in BODIES  # noqa: S101 - the table and the handlers agree, a test proves it
        return read_body(call.body, call.operation.name, self._aliases)

    async def send(self, call: Call, body: bytes) -> dict[str, Any]:
        """Send a translated body, and give the result in the old form.

        Raises:
            ProxyError: A row of the closed list.
        """
        headers = (*self._organisation.headers, ("content-type", "application/json"), *call.trace)
        answer = await self._ask(call, headers, body)
        if not answer.body.strip():
            return read_result(None)
        try:
            result = read_result(read_json(answer.body))
        except ProxyError as unreadable:
            self._organisation.unusable(call.operation)
            raise ProxyError(errors.REGISTRATION_ANSWER_UNREADABLE, cause=unreadable.cause) from None
        if isinstance(result["errorMessage"], str):
            result["errorMessage"] = self._organisation.harmless(result["errorMessage"])
        return result

    async def check_in(self, call: Call) -> str | None:
        """Create a check-in (CONTRACT 2.1: without a token; it redirects).

        Returns:
            Where Dynamics redirects to, or None when it just accepts.

        Raises:
            ProxyError: A row of the closed list.
        """
        headers = (*self._organisation.headers, ("content-type", call.content_type or "application/json"), *call.trace)
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
        async with self._organisation.open(call, _path(call.operation), self._query(call)) as stream:
            self._check(call, stream.status, stream.headers, b"")
            yield stream

    def _query(self, call: Call) -> list[str]:
        # The list shows what the operator configured, whatever the portal asks (CONTRACT 2.1).
        configured = self._configured if call.operation.name == "list_events" else {}
        return [*(raw.decode("ascii") for name, raw in call.query.kept if name not in configured), *configured.values()]

    async def _ask(self, call: Call, headers: tuple[tuple[str, str], ...], body: bytes | None = None) -> UpstreamAnswer:
        answer = await self._organisation.ask(call, _path(call.operation), self._query(call), headers, body)
        self._check(call, answer.status, answer.headers, answer.body)
        return answer

    def _check(self, call: Call, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Turn every status that is no success into a row of the closed list."""
        operation = call.operation
        if 200 <= status < 300 or (300 <= status < 400 and operation.name == "create_checkin"):
            if operation.token:
                self._readiness.accepted(self._organisation.name)
            return
        cause = f"status {status}"
        if status < 400:
            self._organisation.unusable(operation)
        if status in (401, 403):
            if operation.token:
                self._readiness.refused(self._organisation.name)
            raise ProxyError(errors.UPSTREAM_REFUSED_PROXY, cause=cause)
        if status == 404:
            raise ProxyError(errors.NOT_FOUND, cause=cause)
        if status == 429:
            seconds = self._organisation.slow_down(call, headers)
            raise ProxyError(errors.TOO_MANY_REQUESTS, retry_after=seconds, cause=cause)
        if 400 <= status < 500:
            sentence = self._organisation.harmless(sentence_of(body))
            raise ProxyError(errors.UPSTREAM_REJECTED, status=status, sentence=sentence, cause=cause)
        if operation.writes and status != 503:
            raise ProxyError(errors.REGISTRATION_ANSWER_UNREADABLE, cause=cause)
        if status < 400:
            raise ProxyError(errors.UPSTREAM_ANSWER_INVALID, cause=cause)
        asked = headers.get("retry-after") if status == 503 else None
        raise ProxyError(errors.UPSTREAM_FAILED, retry_after=None if asked is None else retry_after(asked), cause=cause)

    def _count(self, done: Counter[str]) -> None:
        for repair, times in done.items():
            if times:
                self._metrics.repairs.labels(repair).inc(times)


def _path(operation: Operation) -> str:
    assert operation.upstream is not None  # noqa: S101 - only operations with a counterpart come here
    return operation.upstream
