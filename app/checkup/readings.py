"""What this organisation does where CONTRACT has only a [guess]: looked up in its raw answers, for ``evtmgmt-proxy check``.

Each function gives one ``Reading``. The raw answers are parsed JSON before any repair; docs/check.md lists the names.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final

from app.checkup.events import event_readings
from app.checkup.material import LISTS, NOTHING, Material
from app.checkup.report import Reading, Verdict
from translation.answers import strip_keys
from translation.grammar import is_guid
from translation.operations import BY_NAME, Answer
from translation.shapes import BLANKS

_RELATIONS: Final = ("tracks", "sessionTracks", "trackIds", "trackId")
_WITH_ID: Final = ("list_sessions", "list_tracks", "list_speakers", "list_sponsorships")
MAX_NAMES: Final = 8
"""How many names are told of a longer list."""


def readings(material: Material) -> tuple[Reading, ...]:
    """All readings, in the order of docs/check.md."""
    return (
        wrapped_lists(material),
        counts(material),
        image_addresses(material),
        missing_fields(material),
        unknown_fields(material),
        blank_keys(material),
        guids(material),
        track_relation(material),
        *event_readings(material),
        *_NOT_LOOKED_AT,
    )


_NOT_LOOKED_AT: Final = (
    Reading(
        "registration_answer",
        None,
        "not looked at: nothing is registered by this command",
        "Any 2xx answer becomes a result with a status that portals know.",
    ),
    Reading(
        "checkin_body",
        None,
        "not looked at: nobody is checked in by this command",
        "JSON and forms are handed on.",
    ),
)


def wrapped_lists(material: Material) -> Reading:
    """CONTRACT 2.3: lists may arrive as ``{"value": [...]}`` or ``{"data": [...]}``; single things may as well."""
    asked = {name: value for name, value in material.raw.items() if BY_NAME[name].answer is not Answer.COUNT}
    lists = {name: value for name, value in asked.items() if BY_NAME[name].answer in LISTS}
    odd = [name for name, value in lists.items() if not isinstance(value, list)]
    odd += [name for name, value in asked.items() if name not in lists and material.objects(name) != [strip_keys(value)]]
    found = "; ".join(f"{name}: {_form(asked[name])}" for name in odd) or f"all {len(lists)} lists are plain"
    return Reading("wrapped_lists", bool(odd) if asked else None, found if asked else NOTHING, "Unwrapped; null becomes [].")


def counts(material: Material) -> Reading:
    """CONTRACT 2.3: counts may arrive as an object with one number."""
    asked = {name: value for name, value in material.raw.items() if BY_NAME[name].answer is Answer.COUNT}
    odd = {name: _form(value) for name, value in asked.items() if type(value) is not int}
    found = "; ".join(f"{name}: {form}" for name, form in odd.items()) or "bare numbers"
    return Reading("counts", bool(odd) if asked else None, found if asked else NOTHING, "A bare number.")


def image_addresses(material: Material) -> Reading:
    """CONTRACT 2.3: a speaker's ``imageUrl`` may be absolute."""
    speakers = material.objects("list_speakers")
    given = [url for speaker in speakers if isinstance(url := speaker.get("imageUrl"), str) and url.strip()]
    absolute = sum("://" in url or url.startswith("//") for url in given)
    found = f"{absolute} absolute, {len(given) - absolute} relative, {len(speakers) - len(given)} without"
    return Reading(
        "image_addresses", absolute > 0 if given else None, found if speakers else NOTHING, "Made relative to the old base."
    )


def missing_fields(material: Material) -> Reading:
    """CONTRACT 2.3: blank fields may be missing instead of null."""
    found = _by_shape(material, lambda blanks, item: [name for name in blanks if name not in item and name != "customFields"])
    return _fields("missing_fields", material, found, "no field is missing", "Filled with null.")


def unknown_fields(material: Material) -> Reading:
    """CONTRACT 2.3: unknown fields may appear."""
    found = _by_shape(material, lambda blanks, item: [name for name in item if name not in blanks])
    return _fields("unknown_fields", material, found, "no unknown field", "Handed on.")


def blank_keys(material: Material) -> Reading:
    """CONTRACT 2: a published example has a key with a trailing blank."""
    odd = sorted({key.strip() for value in material.raw.values() for key in _keys(value) if key != key.strip()})
    found = f"blanks around: {_some(odd)}" if odd else "no key has blanks around it"
    return Reading("blank_keys", bool(odd) if material.raw else None, found if material.raw else NOTHING, "Stripped.")


def guids(material: Material) -> Reading:
    """CONTRACT 1.2: ids of sessions, tracks, speakers and sponsorships are GUIDs; the proxy refuses others in paths."""
    given = {name: [item.get("id") for item in material.objects(name)] for name in _WITH_ID}
    odd = [name for name, ids in given.items() if not all(isinstance(identity, str) and is_guid(identity) for identity in ids)]
    found = f"other ids in: {', '.join(odd)}" if odd else "all ids are GUIDs"
    return Reading(
        "guids",
        bool(odd) if any(given.values()) else None,
        found if any(given.values()) else NOTHING,
        "The proxy refuses such ids in addresses: please report this to the project."
        if odd
        else "GUIDs are needed in addresses.",
        Verdict.BREAKS if odd else Verdict.OK,
    )


def track_relation(material: Material) -> Reading:
    """CONTRACT 1.1 row 15: the sessions of a track are found when the answers relate them."""
    name, handling = "track_relation", "The sessions of a track are found by it."
    tracks, sessions = material.objects("list_tracks"), material.objects("list_sessions")
    found = ["track.sessions"] if any(isinstance(track.get("sessions"), list) for track in tracks) else []
    found += [f"session.{field}" for field in _RELATIONS if any(session.get(field) is not None for session in sessions)]
    if not tracks:
        return Reading(name, None, NOTHING, handling)
    if not found:
        handling = "Asked for the sessions of a track, the proxy answers 501 with a sentence."
        return Reading(name, False, "nothing relates tracks and sessions", handling, Verdict.NOTE)
    return Reading(name, True, ", ".join(found), handling)


def _fields(name: str, material: Material, found: Mapping[str, Counter[str]], none: str, handling: str) -> Reading:
    if not any(material.objects(operation) for operation in material.raw):
        return Reading(name, None, NOTHING, handling)
    text = "; ".join(f"{shape}: {_some(list(names))}" for shape, names in found.items() if names)
    return Reading(name, bool(text), text or none, handling)


def _by_shape(material: Material, odd: Callable[[Collection[str], Collection[str]], list[str]]) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for operation in material.raw:
        shape = BY_NAME[operation].shape
        if shape is not None:
            names = found.setdefault(shape, Counter())
            for item in material.objects(operation):
                names.update(odd(BLANKS[shape], item))
    return found


def _form(value: Any) -> str:
    match value:
        case dict():
            return f"an object with {_some(list(value))}"
        case None:
            return "null"
        case str():
            return "a text"
        case list():
            return "a list"
        case _:
            return "another value"


def _some(names: list[str]) -> str:
    more = len(names) - MAX_NAMES
    return ", ".join(names[:MAX_NAMES]) + (f" and {more} more" if more > 0 else "")


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _keys(item)
