"""Errors as answers: the body of the closed list in the visitor's language."""

from http import HTTPStatus
from uuid import uuid4

import orjson

from app.calls import JSON, PROBLEM, Header, Reply
from translation.errors import ProxyError, error_body
from translation.messages import Messages

_CLOSING = frozenset({408, 413, 431})
"""Statuses after which the rest of the request is not read: the connection ends."""


class Problems:
    """Writes errors.

    Args:
        messages: The visitors' sentences.
    """

    def __init__(self, messages: Messages) -> None:
        self._messages = messages

    def reply(self, error: ProxyError, request_id: str, accept_language: str | None) -> Reply:
        """The answer to a failure.

        Args:
            error: What went wrong.
            request_id: The correlation id.
            accept_language: The visitor's languages.
        """
        language, sentence = self._messages.sentence(error, accept_language)
        headers: list[Header] = [(b"content-language", language.encode("ascii")), (b"vary", b"Accept-Language")]
        if error.retry_after is not None:
            headers.append((b"retry-after", str(error.retry_after).encode("ascii")))
        if error.allow:
            headers.append((b"allow", ", ".join(error.allow).encode("ascii")))
        if error.http_status in _CLOSING:
            headers.append((b"connection", b"close"))
        if error.verbatim is not None:
            return Reply(error.http_status, JSON, error.verbatim, headers[1:])
        return Reply(error.http_status, PROBLEM, orjson.dumps(error_body(error, sentence, request_id)), headers)

    def raw(self, error: ProxyError) -> bytes:
        """The answer as bytes of HTTP/1.1, for messages that the server cannot parse."""
        reply = self.reply(error, uuid4().hex, None)
        status = HTTPStatus(reply.status)
        return b"HTTP/1.1 %d %s\r\ncontent-type: %s\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s" % (
            status.value,
            status.phrase.encode("ascii"),
            PROBLEM,
            len(reply.body),
            reply.body,
        )
