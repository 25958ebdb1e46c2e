"""Saved answers of the old API into an archive, for owners whose outbound organisation answers no more."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import orjson

from app.archive.draft import JSON_TYPE, Draft
from app.archive.file import LISTED, thing_of
from app.archive.har import Har, is_har
from app.archive.recorder import PICTURES, events_in, kept_body, things_of
from app.archive.saved import Saved
from app.archive.tree import Tree
from app.calls import Call
from app.comparing.walk import Progress
from translation.errors import ProxyError
from translation.grammar import is_event_id
from translation.images import image_type
from translation.operations import Answer
from translation.query import EMPTY

_LISTS = ("list_sessions", "list_tracks", "list_speakers", "list_sponsorships")
MOST_TOLD = 200


@dataclass(slots=True)
class Imported:
    """What became of the saved answers.

    Attributes:
        taken: How many were taken, by operation.
        left: Those that were not, and why; the first of them.
        left_count: How many those are.
    """

    taken: Counter[str] = field(default_factory=Counter)
    left: list[tuple[str, str]] = field(default_factory=list)
    left_count: int = 0

    def leave(self, place: str, why: str) -> None:
        """An answer is not taken."""
        self.left_count += 1
        if len(self.left) < MOST_TOLD:
            self.left.append((place, why))


class Source(Protocol):
    """A saved copy."""

    secrets: set[str]
    endpoint: str

    def __iter__(self) -> Iterator[Saved]:
        """The answers in it."""


def open_saved(path: Path) -> Source:
    """A saved copy.

    Args:
        path: A HAR file, or a folder.

    Raises:
        ValueError: It is neither.
        OSError: It cannot be read.
    """
    if not path.exists():
        raise ValueError(f"there is nothing at {path}")
    if path.is_dir():
        return Tree(path)
    if is_har(path):
        return Har(path)
    raise ValueError(f"{path} is neither a folder nor a HAR file")


def take_in(sources: Iterable[Source], draft: Draft, progress: Progress = lambda done, total: None) -> Imported:
    """Put saved answers into an archive. What a later copy holds wins. It is not put into its place yet.

    Args:
        sources: The copies.
        draft: Where they go.
        progress: Is told of each answer that is done.

    Raises:
        ArchiveError: The archive cannot be written.
        OSError: A file cannot be read.
    """
    done = Imported()
    for source in sources:
        secrets = [secret.encode() for secret in sorted(source.secrets, key=len, reverse=True)]
        found = list(source)
        # Whose a part is can be told once all lists are known.
        found.sort(key=lambda saved: not ("event" in saved.parameters or not saved.parameters))
        progress(0, len(found))
        owners: dict[str, str] | None = None
        for number, saved in enumerate(found, 1):
            if owners is None and saved.parameters and "event" not in saved.parameters:
                owners = owners_in(draft)
            try:
                _take(saved, draft, secrets, owners or {}, done)
            except ProxyError as error:
                done.leave(saved.place, error.cause or error.kind.title)
            progress(number, len(found))
    return done


def _take(saved: Saved, draft: Draft, secrets: list[bytes], owners: dict[str, str], done: Imported) -> None:
    operation, parameters = saved.operation, saved.parameters
    if operation.path.startswith(("users/", "calendar/")) or operation.name == "get_captcha":
        return  # a visitor's own
    left_out = draft.left_out
    if operation.name in PICTURES:
        if operation.name == "get_speaker_image" and left_out.names("speakers", "image"):
            return
        _take_part(saved, draft, owners, done, _picture)
        return
    call = Call(operation, parameters, parameters, EMPTY)
    body = kept_body(call, saved.read().removeprefix(b"\xef\xbb\xbf"), left_out.of, secrets)
    if operation.answer is Answer.EVENT_LIST:
        for item in events_in(body):
            name = str(item["readableEventId"])
            draft.name(name)
            draft.put(LISTED, name.casefold(), name.casefold(), orjson.dumps(item))
        done.taken[operation.name] += 1
    elif "event" in parameters:
        _take_of_event(saved, body, draft, done)
    else:
        _take_part(saved, draft, owners, done, lambda _: (body, JSON_TYPE))


def _take_of_event(saved: Saved, body: bytes, draft: Draft, done: Imported) -> None:
    name = saved.parameters["event"]
    if saved.operation.answer is Answer.EVENT:
        told = orjson.loads(body)
        if not isinstance(told, dict) or not isinstance(told.get("eventName"), str):
            done.leave(saved.place, "it is no event")
            return
        spelled = told.get("readableEventId")
        name = spelled if isinstance(spelled, str) and is_event_id(spelled) else name
        draft.name(name)
    elif name.casefold() not in {known.casefold() for known in draft.names()}:
        draft.name(name)
    draft.put(saved.operation.name, name.casefold(), name.casefold(), body)
    done.taken[saved.operation.name] += 1


def _take_part(
    saved: Saved,
    draft: Draft,
    owners: dict[str, str],
    done: Imported,
    body_of: Callable[[Saved], tuple[bytes, str | None]],
) -> None:
    thing = thing_of(saved.operation, saved.parameters)
    event = owners.get(thing)
    if event is None:
        done.leave(saved.place, "no event is known that it belongs to")
        return
    body, content_type = body_of(saved)
    if content_type is None:
        done.leave(saved.place, "it is no picture")
        return
    draft.put(saved.operation.name, thing, event, body, content_type)
    done.taken[saved.operation.name] += 1


def _picture(saved: Saved) -> tuple[bytes, str | None]:
    body = saved.read()
    return body, image_type(saved.content_type, body) if body else None


def owners_in(draft: Draft) -> dict[str, str]:
    """The event of each session, track, speaker and sponsorship that is named in an archive."""
    owners: dict[str, str] = {}
    for name in _LISTS:
        for event in draft.events_of(name):
            body = draft.body(name, event)
            values: dict[str, Any] = {name: [] if body is None else orjson.loads(body)}
            owners |= dict.fromkeys(things_of(name, "id", values), event)
            if name == "list_sessions":
                owners |= dict.fromkeys(things_of("list_speakers", "id", values), event)
    return owners
