"""The sessions of a track, which the real-time API cannot be asked for (CONTRACT 2.1), from what its answers relate.

[guess] Four relations are read, as nobody outside Microsoft knows which of them the answers hold: ``track.sessions[]``,
``session.tracks[]``, ``session.sessionTracks[]`` and ``session.trackId`` or ``session.trackIds``.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

_TRACK_LISTS: Final = ("tracks", "sessionTracks", "trackIds", "trackId")
_IDS: Final = ("id", "trackId", "sessionTrackId", "sessionId")


def track_ids(tracks: Iterable[Mapping[str, Any]]) -> list[str]:
    """The ids of tracks, lower case, to remember the event that they belong to."""
    return [identity for track in tracks if (identity := _identity(track))]


def sessions_of_track(
    track_id: str, tracks: Iterable[Mapping[str, Any]], sessions: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]] | None:
    """The sessions that belong to a track.

    Args:
        track_id: The track's GUID in any letter case.
        tracks: The tracks of its event.
        sessions: The sessions of its event.

    Returns:
        The sessions in their given order (empty when the payloads relate other sessions to other tracks, or none to this
        one), or None when nothing in the payloads relates tracks and sessions at all.
    """
    wanted = track_id.lower()
    related = False
    members: set[str] = set()
    for track in tracks:
        listed = track.get("sessions")
        if isinstance(listed, list):
            related = True
            if _identity(track) == wanted:
                members.update(identity for item in listed if (identity := _identity(item)))
    found = []
    for session in sessions:
        own = _tracks_of(session)
        related = related or own is not None
        if (own is not None and wanted in own) or _identity(session) in members:
            found.append(dict(session))
    return found if related else None


def _tracks_of(session: Mapping[str, Any]) -> set[str] | None:
    """The track ids that a session names, or None when it has no field that could."""
    named = [session[key] for key in _TRACK_LISTS if session.get(key) is not None]
    if not named:
        return None
    items = [item for value in named for item in (value if isinstance(value, list) else [value])]
    return {identity for item in items if (identity := _identity(item))}


def _identity(item: object) -> str | None:
    if isinstance(item, str):
        return item.lower() or None
    if isinstance(item, Mapping):
        for key in _IDS:
            if isinstance(item.get(key), str) and item[key]:
                return str(item[key]).lower()
    return None
