"""What our server offers beyond ASGI, by its names among the extensions of the scope. Another server has none of it."""

from collections.abc import Callable
from typing import Any, Final

from app.bodies import Scope

AtOnce = Callable[[Scope, int, bytes, bytes], bool]
"""Sends status, header lines and body of the answer to a request in one go; False when it cannot, and sent nothing."""
AT_ONCE: Final = "evtmgmt.at_once"
"""The name of that way."""
TellWhenGone = Callable[[Callable[[], None] | None], None]
"""Has a function called when the client of the request that is being answered leaves; None ends that."""
TELL_WHEN_GONE: Final = "evtmgmt.tell_when_gone"
"""The name of that way."""
CUT: Final = "evtmgmt.cut"
"""The name of the way to end a connection at once, whatever waits to be sent."""


def extension(scope: Scope, name: str) -> Any:
    """What the server offers under a name; None where it offers nothing of that name."""
    extensions = scope.get("extensions")
    return None if extensions is None else extensions.get(name)
