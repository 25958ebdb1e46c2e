"""Addresses and origins as a person pastes them, brought into one form."""

import re
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

_HOST: Final = re.compile(r"[a-z0-9._\-]+|[0-9a-f:.]+")


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def base_address(value: str, what: str) -> str:
    """A base address in one form: scheme, host, path; https unless it is this machine.

    Raises:
        ValueError: In words, what is wrong and what to do.
    """
    text = value.strip().strip("\"'").strip()
    if "://" not in text:
        raise ValueError(f"{what} must start with https://")
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError(f"{what} is not an address") from None
    if not host or not _HOST.fullmatch(host) or not text.isascii() or any(character.isspace() for character in text):
        raise ValueError(f"{what} is not an address")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError(f"{what} must have no user name, query or fragment; the token is a setting of its own")
    if parts.scheme not in ("http", "https") or (parts.scheme == "http" and not is_loopback(host)):
        raise ValueError(f"{what} must use https (http is for this machine only)")
    return f"{parts.scheme}://{parts.netloc.lower().removesuffix(':')}{parts.path}"


def origin_of(value: str, what: str) -> str:
    """An origin as browsers send it: scheme, host and port without a path."""
    address = base_address(value, what)
    scheme, _, rest = address.partition("://")
    host, _, path = rest.partition("/")
    if path:
        raise ValueError(f"{what} must end after the host: an origin has no path")
    default = {"https": ":443", "http": ":80"}[scheme]
    return f"{scheme}://{host.removesuffix(default)}"
