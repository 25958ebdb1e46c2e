"""Folders with saved answers of the old API, told by their names; and events in other JSON, such as a Gatsby site's page data."""

from collections.abc import Iterator
from functools import partial
from mimetypes import guess_type
from pathlib import Path
from typing import Any, Final

import orjson

from app.archive.saved import Saved, operation_of, secrets_in
from translation.operations import BY_NAME

LARGEST: Final = 64 * 2**20
"""Bytes of a file above which it is left alone."""
_PARTS: Final = {
    "passes": "list_passes",
    "sessions": "list_sessions",
    "tracks": "list_tracks",
    "sessionTracks": "list_tracks",
    "speakers": "list_speakers",
    "sponsorships": "list_sponsorships",
    "sponsors": "list_sponsorships",
    "customRegistrationFields": "list_custom_registration_fields",
}
"""Under which names the parts of an event stand beside it, and of what they are the answer."""
_DEPTH: Final = 32


class Tree:
    """One folder.

    Args:
        folder: Where it is.

    Attributes:
        secrets: The old tokens in the names of its files.
        endpoint: Not known.

    Raises:
        OSError: It cannot be read.
    """

    endpoint = ""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Not through links: they may lead round in circles, or to files that are none of its business.
        self._files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
        self.secrets = {secret for path in self._files for secret in secrets_in(str(path.relative_to(folder)))}

    def __iter__(self) -> Iterator[Saved]:
        """The answers in it: what stands in other JSON first, so that the API's own answers win."""
        named = []
        for path in self._files:
            place = path.relative_to(self._folder)
            found = operation_of(place.parts)
            if found is not None:
                named.append(Saved(*found, _picture_type(path), str(place), partial(_read, path)))
            elif path.suffix.lower() == ".json":
                yield from harvested(_read(path), str(place))
        yield from named


def harvested(body: bytes, place: str) -> Iterator[Saved]:
    """The events that stand anywhere in a JSON document, with the parts that stand in them.

    Args:
        body: The document; one that is no JSON holds none.
        place: Where it was found.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return
    for event in _events(value, _DEPTH):
        parameters = {"event": event["readableEventId"]}
        own = {name: item for name, item in event.items() if name not in _PARTS}
        yield _saved("get_event", parameters, own, place)
        for name, operation in _PARTS.items():
            if isinstance(items := event.get(name), list) and items and all(isinstance(item, dict) for item in items):
                yield _saved(operation, parameters, items, place)


def _saved(operation: str, parameters: dict[str, str], value: Any, place: str) -> Saved:
    body = orjson.dumps(value)
    return Saved(BY_NAME[operation], parameters, "", place, lambda: body)


def _events(value: Any, depth: int) -> Iterator[dict[str, Any]]:
    if depth == 0:
        return
    if isinstance(value, dict):
        if all(isinstance(value.get(name), str) and value[name] for name in ("readableEventId", "eventName")):
            yield value
        else:
            for inner in value.values():
                yield from _events(inner, depth - 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _events(inner, depth - 1)


def _picture_type(path: Path) -> str:
    """The media type that the name of a picture tells; of others the content tells enough."""
    found, _ = guess_type(path.name)
    return found if found is not None and found.startswith("image/") else ""


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.stat().st_size <= LARGEST else b""
