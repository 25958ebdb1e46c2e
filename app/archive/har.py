"""HAR files, as every browser's developer tools export them: answers of the old API that a visit brought (HAR 1.2)."""

import base64
import binascii
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from app.archive.saved import Saved, operation_of, secrets_in

_PARTS = ("request", "response")
"""What must be objects in an entry."""


class Har:
    """One file.

    Args:
        path: Where it is.

    Attributes:
        secrets: The old tokens in its addresses.
        endpoint: The old base address; empty when there is none in it.

    Raises:
        ValueError: It is no HAR file.
        OSError: It cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries = _entries(path)
        self.secrets: set[str] = set()
        self.endpoint = ""
        for entry in self._entries:
            address = str(entry.get("request", {}).get("url", ""))
            self.secrets |= secrets_in(address)
            parts = urlsplit(address)
            if not self.endpoint and parts.path.lower().startswith("/evtmgmt/api/"):
                self.endpoint = f"{parts.scheme}://{parts.netloc}/{'/'.join(parts.path.split('/')[1:4])}/"

    def __iter__(self) -> Iterator[Saved]:
        """The answers of the old API in it."""
        for number, entry in enumerate(self._entries, 1):
            request, response = entry.get("request", {}), entry.get("response", {})
            content = response.get("content", {})
            text = content.get("text")
            if request.get("method") != "GET" or response.get("status") != 200 or not isinstance(text, str):
                continue  # a browser that answered from its cache, or was not asked to keep bodies, has none
            path = urlsplit(str(request.get("url", ""))).path
            if "evtmgmt" not in path.lower():
                continue
            found = operation_of(path.split("/"))
            if found is not None:
                body = _decoded(text, content.get("encoding"))
                kind = str(content.get("mimeType") or "")
                yield Saved(*found, kind, f"{self._path.name}, entry {number}", partial(bytes, body))


def is_har(path: Path) -> bool:
    """Whether a file is meant to be one."""
    return path.suffix.lower() == ".har"


def _entries(path: Path) -> list[dict[str, Any]]:
    try:
        entries = orjson.loads(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))["log"]["entries"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        entries = None
    if not isinstance(entries, list):
        raise ValueError(f"{path} is no HAR file")
    return [entry for entry in entries if isinstance(entry, dict) and all(isinstance(entry.get(k, {}), dict) for k in _PARTS)]


def _decoded(text: str, encoding: object) -> bytes:
    if encoding != "base64":
        return text.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(text)
    except binascii.Error:
        return b""
