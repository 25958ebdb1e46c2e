"""The connections to Dynamics with a memory: what it said before anything was repaired, for ``evtmgmt-proxy check``."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final

from app.transport import Transport
from app.upstream import Trouble, Upstream, UpstreamAnswer, UpstreamError, UpstreamStream

REQUEST_ID: Final = "x-request-id"


@dataclass(slots=True)
class Seen:
    """What one call met.

    Attributes:
        status: The HTTP status, or None when no answer came.
        headers: Those of the answer, names in any letter case.
        body: That of the answer; empty for images.
        ms: Milliseconds until the answer or the failure.
        trouble: The kind of failure, or None.
        why: The failure in words of a closed list, without addresses.
    """

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    ms: float | None = None
    trouble: Trouble | None = None
    why: str = ""


class Witness(Upstream):
    """An upstream that remembers what each call met, by the request id that the call carried.

    The backend above it works as ever, so that what is remembered and what is translated are one and the same answer.
    """

    def __init__(self, transport: Transport, *, total_timeout: float, max_answer_bytes: int) -> None:
        super().__init__(transport, total_timeout=total_timeout, max_answer_bytes=max_answer_bytes)
        self._seen: dict[str, Seen] = {}

    def seen(self, request_id: str) -> Seen:
        """What the call with that request id met; blank until then, and filled in by it."""
        return self._seen.setdefault(request_id, Seen())

    async def call(
        self,
        method: str,
        url: str,
        headers: Sequence[tuple[str, str]],
        body: bytes | None = None,
        seconds: float | None = None,
    ) -> UpstreamAnswer:
        """Send a request, read its whole answer, and remember both.

        Raises:
            UpstreamError: Whatever went wrong.
        """
        seen, started = self.seen(dict(headers)[REQUEST_ID]), perf_counter()
        try:
            answer = await super().call(method, url, headers, body, seconds)
        except UpstreamError as error:
            _failed(seen, error, started)
            raise
        seen.status, seen.headers, seen.body = answer.status, answer.headers, answer.body
        seen.ms = _since(started)
        return answer

    @asynccontextmanager
    async def stream(
        self, url: str, headers: Sequence[tuple[str, str]], seconds: float | None = None
    ) -> AsyncIterator[UpstreamStream]:
        """GET an address, remember status and headers, and hand the body on.

        Raises:
            UpstreamError: Whatever went wrong, also while the body is read.
        """
        seen, started = self.seen(dict(headers)[REQUEST_ID]), perf_counter()
        try:
            async with super().stream(url, headers, seconds) as stream:
                seen.status, seen.headers, seen.ms = stream.status, stream.headers, _since(started)
                yield stream
        except UpstreamError as error:
            _failed(seen, error, started)
            raise


def _failed(seen: Seen, error: UpstreamError, started: float) -> None:
    seen.trouble, seen.why, seen.ms = error.trouble, error.cause, _since(started)


def _since(started: float) -> float:
    return round((perf_counter() - started) * 1000, 1)
