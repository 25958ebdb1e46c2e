"""Who may read ``/metrics``: anybody who reaches it, or only who has the token, where one is set (RFC 6750)."""

from hashlib import sha256
from hmac import compare_digest

from pydantic import SecretStr


class Scrapers:
    """Those who may read the metrics.

    Args:
        token: What they have to show; None for nothing.
    """

    def __init__(self, token: SecretStr | None) -> None:
        self._digest = None if token is None else sha256(token.get_secret_value().encode("utf-8")).digest()

    def admits(self, authorization: str | None) -> bool:
        """Whether somebody may, in a time that does not depend on what was given.

        Args:
            authorization: The header of that name, as it came.
        """
        if self._digest is None:
            return True
        scheme, _, given = (authorization or "").partition(" ")
        # Header values come as Latin-1, whatever their bytes mean.
        shown = sha256(given.strip().encode("latin-1", "replace")).digest()
        return compare_digest(shown, self._digest) and scheme.lower() == "bearer"
