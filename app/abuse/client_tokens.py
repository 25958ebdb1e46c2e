"""The old client token, demanded as the old API did (CONTRACT 1): missing is 400, wrong is 401.

It stands in the portal's script, so it is no secret: it keeps out what never saw the portal. Of the old API's two demands only
this one is kept: a browser sends no Origin with a GET to its own host, and a proxy may share one with the portal.
"""

from collections import OrderedDict
from collections.abc import Collection
from hashlib import sha256
from hmac import compare_digest
from typing import Final
from urllib.parse import unquote_to_bytes

from translation.errors import BAD_TARGET, CLIENT_TOKEN_INVALID, CLIENT_TOKEN_MISSING, ProxyError
from translation.operations import BY_NAME, Answer, Operation
from translation.query import TOKEN_PARAMETER, client_tokens

_OPEN: Final = frozenset({"get_personal_calendar", "create_checkin"})
"""Links in e-mails (CONTRACT 1.3), and the one operation of the new API without a token (CONTRACT 2.1)."""
_MOST_QUERIES: Final = 8_192
_LONGEST_QUERY: Final = 512
"""Bytes of a query that is remembered: who has the token, which is no secret, may write anything beside it."""


def demands_token(operation: Operation) -> bool:
    """Whether the old API wanted a token. Images in ``<img>`` tags carry none (CONTRACT 1)."""
    return operation.answer is not Answer.IMAGE and operation.name not in _OPEN


class ClientTokens:
    """Checks the tokens that portals send.

    Queries whose token was good are remembered, so that what is kept is found by a look-up. They are forgotten with this
    object, and another set of tokens is another object.

    Args:
        tokens: Those that are good; several while they rotate.
    """

    def __init__(self, tokens: Collection[str]) -> None:
        self._digests = tuple(sha256(token.encode("utf-8")).digest() for token in tokens)
        self._demanding = frozenset(name for name, operation in BY_NAME.items() if demands_token(operation))
        self._good: OrderedDict[bytes, None] = OrderedDict()

    def knows(self, operation: str, query: bytes) -> bool:
        """Whether a query's token was found good before, or none is demanded."""
        return query in self._good or operation not in self._demanding

    def check(self, operation: Operation, query: bytes) -> None:
        """Refuse a request without a good token.

        Args:
            operation: What is asked.
            query: The raw query string.

        Raises:
            ProxyError: ``ClientTokenMissing``, ``ClientTokenInvalid``, or ``BadTarget`` for a doubled one.
        """
        if operation.name not in self._demanding:
            return
        given = client_tokens(query)
        if len(given) > 1:
            raise ProxyError(BAD_TARGET, detail=f"{TOKEN_PARAMETER} stands twice.")
        if not given or not given[0]:
            raise ProxyError(CLIENT_TOKEN_MISSING)
        # A plus is a blank to the old API's parser, but portals write tokens into the address as they are.
        forms = (given[0], given[0].replace(b"+", b" "))
        digests = [sha256(unquote_to_bytes(form)).digest() for form in forms]
        good = False
        for known in self._digests:
            for digest in digests:
                good |= compare_digest(known, digest)
        if not good:
            raise ProxyError(CLIENT_TOKEN_INVALID)
        if len(query) <= _LONGEST_QUERY:
            self._good[query] = None
        if len(self._good) > _MOST_QUERIES:
            self._good.popitem(last=False)
