"""Asking a running proxy for its health. Containers do so every few seconds: it loads next to nothing."""

from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit


def is_alive(url: str) -> bool:
    """Whether a running proxy answers 200 within three seconds.

    Args:
        url: An http address.
    """
    try:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            return False
        connection = HTTPConnection(parts.hostname, parts.port or 80, timeout=3)
    except (ValueError, HTTPException):
        return False
    try:
        connection.request("GET", parts.path or "/livez")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
