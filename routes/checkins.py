"""Check-ins, which only the real-time API has (CONTRACT 2.1)."""

from app.backend import Backend
from app.calls import Call, Reply
from routes.registrations import is_json
from translation.errors import UNSUPPORTED_MEDIA_TYPE, ProxyError


class CheckIns:
    """Hands check-ins on, and the redirect that answers them.

    Args:
        backend: The organisation that is asked.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def __call__(self, call: Call) -> Reply:
        """Create one check-in. [guess] Forms are taken as well as JSON, as nobody could look.

        Raises:
            ProxyError: ``UnsupportedMediaType``, or what the backend raises.
        """
        media_type = (call.content_type or "").partition(";")[0].strip().lower()
        if not is_json(call.content_type) and media_type != "application/x-www-form-urlencoded":
            raise ProxyError(UNSUPPORTED_MEDIA_TYPE)
        location = await self._backend.check_in(call)
        if location is None:
            return Reply(204)
        return Reply(302, headers=[(b"location", location.encode("ascii"))])
