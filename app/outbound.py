"""The outbound organisation as a backend: the old API itself, handed through (CONTRACT 1).

The proxy is transparent here: bodies travel as they are, in both directions, and so do sign-in and captcha. What it does is to
attach the server's token and origin, to refuse what is no JSON, and, where a public address is configured, to put it in the place
of the old base address.
"""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

import orjson

from app.calls import Call
from app.organisation import Organisation
from app.readiness import Readiness
from app.upstream import UpstreamAnswer, UpstreamStream
from translation import errors
from translation.answers import read_json, translate
from translation.errors import ErrorKind, OldType, ProxyError
from translation.operations import BY_NAME, Operation
from translation.repairs import AS_IT_IS

_VISITORS_MATTER: Final = OldType.ANONYMOUS_ACCESS_NOT_ALLOWED.value


class Outbound:
    """The outbound organisation.

    Args:
        organisation: Makes the calls.
        readiness: Is told whether the token was accepted.
        base: The old base address, and what stands in its place in answers; None to leave answers as they are.
    """

    def __init__(self, organisation: Organisation, readiness: Readiness, base: tuple[str, str] | None) -> None:
        self._organisation = organisation
        self._readiness = readiness
        # In JSON, slashes may be escaped.
        pairs = [] if base is None else [base, tuple(address.replace("/", "\\/") for address in base)]
        self._bases = [(old.lower().encode("ascii"), new.encode("ascii")) for old, new in pairs]

    async def ask(self, call: Call) -> bytes:
        """The body of a JSON answer to a read or a write, as the old API gave it.

        Raises:
            ProxyError: A row of the closed list; with the old API's own body where it has one for portals.
        """
        headers = (*self._organisation.headers, *call.trace)
        if call.authorization is not None:
            headers = (*headers, ("authorization", call.authorization))
        body = None
        if call.operation.writes:
            headers = (*headers, ("content-type", call.content_type or "application/json"))
            body = call.body
        excused = partial(_is_visitors, call)
        answer = await self._organisation.ask(call, call.operation.path, self._query(call), headers, body, excused)
        self._check(call, answer)
        return self._moved(answer.body)

    async def value(self, call: Call) -> Any:
        """The answer of a read, parsed and in the normal form of the old contract: blanks are null.

        Raises:
            ProxyError: A row of the closed list.
        """
        return normal_form(call, await self.ask(call))

    async def probe(self) -> None:
        """Read the list, to see whether the token is accepted.

        Raises:
            ProxyError: A row of the closed list.
        """
        await self.ask(Call(BY_NAME["list_events"], {}, {}))

    @asynccontextmanager
    async def image(self, call: Call) -> AsyncIterator[UpstreamStream]:
        """Open an image or another body that is to be streamed.

        Raises:
            ProxyError: A row of the closed list; while the body is read, ``UpstreamError``.
        """
        async with self._organisation.open(call, call.operation.path, self._query(call)) as stream:
            self._check(call, UpstreamAnswer(stream.status, stream.headers, b""))
            yield stream

    @staticmethod
    def _query(call: Call) -> list[str]:
        return [raw.decode("ascii") for _, raw in call.query.kept]

    def _moved(self, body: bytes) -> bytes:
        for old, new in self._bases:
            # Neither host names nor the old API's paths tell letter cases apart (CONTRACT 1).
            if old in body.lower():
                parts = re.split(re.escape(old), body, flags=re.IGNORECASE)
                body = new.join(parts)
        return body

    def _check(self, call: Call, answer: UpstreamAnswer) -> None:
        status = answer.status
        if 200 <= status < 300:
            self._readiness.accepted(self._organisation.name)
            return
        cause = f"status {status}"
        document = _document(answer.body)
        if status in (401, 403) and not _is_visitors(call, answer):
            self._readiness.refused(self._organisation.name)
            raise ProxyError(errors.UPSTREAM_REFUSED_PROXY, cause=cause)
        seconds = self._organisation.slow_down(call, answer.headers) if status == 429 else None
        kind = _kind(call.operation, status)
        if 400 <= status < 600 and document is not None and self._is_harmless(answer.body, document):
            raise ProxyError(kind, status=status, verbatim=self._moved(answer.body), retry_after=seconds, cause=cause)
        kept = status if kind is errors.UPSTREAM_REJECTED else None
        raise ProxyError(kind, status=kept, retry_after=seconds, cause=cause)

    def _is_harmless(self, body: bytes, document: Mapping[str, Any]) -> bool:
        """Whether an error does not repeat the token, neither as it stands nor behind escapes of JSON."""
        try:
            texts = (body.decode("utf-8", "replace"), orjson.dumps(document).decode())
        except orjson.JSONEncodeError:  # nested more deeply than it writes
            return False
        return all(self._organisation.harmless(text) is not None for text in texts)


def normal_form(call: Call, body: bytes) -> Any:
    """An answer of the old API, parsed, in the form that ``Backend.read`` gives as well: missing fields are null.

    Raises:
        ProxyError: ``UpstreamAnswerInvalid``, or ``NotFound`` for a single thing answered as null.
    """
    value, _ = translate(call.operation, read_json(body), call.asked, call.sent, AS_IT_IS)
    return value


def _kind(operation: Operation, status: int) -> ErrorKind:
    """The row of the closed list for a status that is no success."""
    if status == 404:
        return errors.NOT_FOUND
    if status == 429:
        return errors.TOO_MANY_REQUESTS
    if 400 <= status < 500:
        return errors.UPSTREAM_REJECTED
    if operation.writes and status != 503:
        return errors.REGISTRATION_ANSWER_UNREADABLE
    return errors.UPSTREAM_ANSWER_INVALID if status < 400 else errors.UPSTREAM_FAILED


def _document(body: bytes) -> Mapping[str, Any] | None:
    """An error of the old API that portals can read (CONTRACT 1.2 "Errors"), or None."""
    try:
        document = orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        return None
    return document if isinstance(document, dict) and ("Message" in document or "errorMessage" in document) else None


def _is_visitors(call: Call, answer: UpstreamAnswer) -> bool:
    """Whether a refusal is about the visitor's sign-in, not about the proxy's token."""
    if answer.status not in (401, 403):
        return False
    if call.authorization is not None or call.operation.path.startswith("users/"):
        return True
    document = _document(answer.body)
    return document is not None and document.get("type") == _VISITORS_MATTER
