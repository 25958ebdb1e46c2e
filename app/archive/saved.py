"""What a saved copy holds of the old API: which operation a path or an address is of, whatever it was saved by.

events/published.json, events/<id>.json, events/<id>/sessions.json ...   saved by hand, or by a script
<host>/EvtMgmt/api/v2.0/events/<id>/sessions@emApplicationtoken=...      a copy of a site (wget, HTTrack, Wayback Machine)
https://<host>/EvtMgmt/api/v2.0/events/<id>/sessions?...                 a HAR file, as browsers export it
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from translation.errors import ProxyError
from translation.operations import OLD_BASES, Operation
from translation.targets import match

TOKEN: Final = re.compile(r"emapplicationtoken(?:=|%3d)([^&#\s\"'@/]+)", re.IGNORECASE)
"""The old token in an address or a name of a file: it must not be kept."""
_BASE: Final = tuple(OLD_BASES[0].split("/"))
_QUERY: Final = re.compile(r"(?:[?@]|%3f)(?=[A-Za-z_-]+(?:=|%3d)).*", re.IGNORECASE | re.DOTALL)
_ENDING: Final = re.compile(r"\.(?:json|html?|txt|png|jpe?g|gif|webp|svg|bmp|ico|bin)$", re.IGNORECASE)
_INDEX: Final = re.compile(r"index(?:\.json|\.html?)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Saved:
    """One answer in a saved copy.

    Attributes:
        operation: Of what it is the answer.
        parameters: The path parameters.
        content_type: Its media type, as far as it is known.
        place: Where it was found, for people.
        read: Gives the body.
    """

    operation: Operation
    parameters: dict[str, str]
    content_type: str
    place: str
    read: Callable[[], bytes]


def operation_of(segments: Sequence[str]) -> tuple[Operation, dict[str, str]] | None:
    """The read of the old API that the segments of a path are of; None when they are of none.

    Args:
        segments: As they are written, with a query or an ending that a program added.
    """
    names = [unquote(_QUERY.sub("", segment)) for segment in segments]
    names = [name for name in names if name]
    if names and _INDEX.fullmatch(names[-1]):
        names.pop()
    if not names:
        return None
    bare = [*names[:-1], _ENDING.sub("", names[-1])]
    lower = [name.lower() for name in bare]
    based = next((at for at in range(len(lower) - 2) if lower[at : at + 2] == ["evtmgmt", "api"]), None)
    starts: Iterable[int] = range(len(bare)) if based is None else (based + 3,)
    for start in starts:
        try:
            found = match((*_BASE, *bare[start:]), "GET")
        except ProxyError:
            continue
        if found.operation.row is not None and len(found.parameters) <= 1:
            return found.operation, dict(found.parameters)
    return None


def secrets_in(text: str) -> set[str]:
    """The old tokens that an address or the name of a file holds, in all forms in which a body may repeat them."""
    tokens = {bare for token in TOKEN.findall(text) for bare in (token, _ENDING.sub("", token))}
    return {form for token in tokens for form in (token, unquote(token)) if len(form) > 3}
