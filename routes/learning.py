"""What is learned from answers that pass: which event a track belongs to, whose passes cost something, what lives where.

An answer that another replica brought is learned from as one of Dynamics is: else this one would not know what that one does.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from app.caching.cache import Key
from app.calls import Call
from app.cutover.decision import Source
from app.cutover.places import TELLING, Places
from app.outbox.outbox import Outbox
from routes.tracks import TrackMemory
from translation.operations import BY_NAME
from translation.query import Query

Hearer = Callable[[Key, bytes], None]


@dataclass(frozen=True, slots=True)
class Learner:
    """Learns from answers of one organisation.

    Attributes:
        operations: The names of those whose answers teach something.
        learn: Told of a call and its parsed answer, of whatever operation.
    """

    operations: frozenset[str]
    learn: Callable[[Call, Any], None]


def realtime_learner(memory: TrackMemory, places: Places | None, outbox: Outbox | None) -> Learner:
    """Learns from answers of the real-time organisation.

    Args:
        memory: Remembers tracks.
        places: Remembers what lives where, when there is another organisation.
        outbox: Remembers whose passes cost something, where there is one.
    """

    def learn(call: Call, value: Any) -> None:
        if call.operation.name == "list_tracks":
            memory.learn(call.sent["event"], value)
        elif outbox is not None and call.operation.name == "list_passes":
            outbox.learn(call.sent["event"], value)
        if places is not None and not _is_filtered(call):
            places.learn(Source.REALTIME, call.operation.name, call.sent, value)

    operations = {"list_tracks"}
    if outbox is not None:
        operations.add("list_passes")
    return Learner(frozenset(operations) if places is None else TELLING | operations, learn)


def outbound_learner(places: Places) -> Learner:
    """Learns from answers of the outbound organisation what lives where."""

    def learn(call: Call, value: Any) -> None:
        if not _is_filtered(call):
            places.learn(Source.OUTBOUND, call.operation.name, call.sent, value)

    return Learner(TELLING, learn)


def hearer_of(learner: Learner) -> Hearer:
    """Learns the same from bodies that another replica brought."""

    def hear(key: Key, body: bytes) -> None:
        if key.operation not in learner.operations:
            return  # a long list takes milliseconds to read
        operation = BY_NAME[key.operation]
        asked, sent = (dict(zip(operation.parameters, values, strict=True)) for values in (key.asked, key.sent))
        query = Query(
            tuple((name, b"%b=%b" % (name.encode(), value)) for name, value in key.query), client_token=False, dropped=0
        )
        # What outbound answers may have a byte order mark.
        learner.learn(Call(operation, asked, sent, query, source=key.source), orjson.loads(body.removeprefix(b"\xef\xbb\xbf")))

    return hear


def _is_filtered(call: Call) -> bool:
    """Whether a portal asked for a part of a list: it does not tell what an organisation publishes."""
    return any(name != "api-version" for name, _ in call.query.kept)
