"""All reads of all events of the outbound organisation, with pictures, into an archive.

    1  the list of published events
    2  what is asked of each event: itself, passes, sessions, tracks, speakers, sponsorships, questions, its count
    3  what is asked of its parts: the sessions of each track, the count of each session, pictures and logos

Nothing is registered. What was asked for since the run began is not asked for again, so that a run that was cut off goes on.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from app.archive.draft import JSON_TYPE, Draft
from app.archive.file import LISTED, thing_of
from app.calls import Call
from app.comparing.reader import Failure, Pace, Reader, Side
from app.comparing.walk import PARTS, Progress, Quiet
from app.cutover.decision import Source
from app.cutover.settings import Outbound as OutboundSettings
from app.metrics import Metrics
from app.outbound import Outbound, normal_form
from app.parts import build_budget, build_outbound, build_upstream
from app.redaction import MASK, forms_of
from app.settings import Settings
from translation.answers import read_json
from translation.errors import NOT_FOUND, UPSTREAM_ANSWER_INVALID, UPSTREAM_ANSWER_TOO_LARGE, ProxyError
from translation.grammar import is_event_id, is_guid
from translation.images import image_type
from translation.operations import BY_NAME, Operation

AT_ONCE: Final = 4
"""Calls under way at a time."""
PICTURES: Final = {"get_speaker_image": ("list_speakers", "id"), "get_sponsor_logo": ("list_sponsorships", "id")}
"""Pictures, and in which answer which field names what they are of."""
_OF_PARTS: Final = {"list_track_sessions": ("list_tracks", "id"), "count_session_registrations": ("list_sessions", "id")}

Answer = tuple[bytes | None, str]
"""A body and its media type; no body when there is none."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What a run did.

    Attributes:
        resumed: Whether it went on with one that was cut off.
        listed: Events that outbound lists.
        asked: Reads that were made.
        failed: Those that failed.
        failures: The first of them.
        seconds: How long it took.
    """

    resumed: bool
    listed: int
    asked: int
    failed: int
    failures: tuple[Failure, ...]
    seconds: float


async def record(
    settings: Settings,
    outbound: OutboundSettings,
    draft: Draft,
    *,
    rate: float,
    events: Collection[str] = (),
    pictures: bool = True,
    progress: Progress = lambda done, total: None,
) -> Recording:
    """Read the outbound organisation into an archive. It is not put into its place yet.

    Args:
        settings: What the proxy would run with.
        outbound: The outbound organisation of these.
        draft: Where it goes.
        rate: Calls per second, within the budget of the settings.
        events: Readable ids of the only events to read, listed or not; all that are listed by default.
        pictures: Whether pictures and logos are read.
        progress: Is told of each event that is done.

    Raises:
        UnreadableError: The organisation cannot be read.
        ArchiveError: The archive cannot be written.
    """
    clock, metrics = time.monotonic(), Metrics()
    upstream = build_upstream(settings.upstream)
    # As it answers: where the proxy is reached is no matter of what is kept.
    bare = outbound.model_copy(update={"public_url": None})
    organisation = build_outbound(bare, upstream, build_budget(settings, Source.OUTBOUND), metrics, Quiet(metrics))
    asking = Asking(organisation, draft, settings.secrets, settings.upstream.max_image_bytes)
    walk = Recorder(Reader(Side.OUTBOUND, asking, Pace(rate)), draft, pictures=pictures)
    try:
        listed = await walk.run(events, progress)
    finally:
        await upstream.close()
    reader = walk.reader
    failures = tuple(reader.failures)
    return Recording(draft.resumed, listed, reader.total, reader.failed, failures, time.monotonic() - clock)


class Asking:
    """Makes one call, and gives what is to be kept of the answer.

    Args:
        outbound: The organisation.
        draft: Says what is left out.
        secrets: What is never kept.
        max_image_bytes: The largest picture.
    """

    def __init__(self, outbound: Outbound, draft: Draft, secrets: Iterable[str], max_image_bytes: int) -> None:
        self._outbound = outbound
        self._left_out = draft.left_out
        self._secrets = [form.encode() for secret in secrets for form in sorted(forms_of(secret), key=len, reverse=True)]
        self._max_image_bytes = max_image_bytes
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def __call__(self, call: Call) -> Answer:
        """The body to keep, and its type; none for a picture that does not exist.

        Raises:
            ProxyError: A row of the closed list.
        """
        async with self._turns:
            if call.operation.name in PICTURES:
                return await self._picture(call)
            body = (await self._outbound.ask(call)).removeprefix(b"\xef\xbb\xbf")
        return kept_body(call, body, self._left_out.of, self._secrets), JSON_TYPE

    async def _picture(self, call: Call) -> Answer:
        body = b""
        try:
            async with self._outbound.image(call) as stream:
                async for chunk in stream.chunks:
                    body += chunk
                    if len(body) > self._max_image_bytes:
                        raise ProxyError(UPSTREAM_ANSWER_TOO_LARGE, cause="the image is too large")
                found = image_type(stream.headers.get("content-type"), body)
        except ProxyError as error:
            if error.kind is NOT_FOUND:
                return None, JSON_TYPE  # a speaker without a picture
            raise
        if found is None:
            raise ProxyError(UPSTREAM_ANSWER_INVALID, cause="not an image")
        return body, found


class Recorder:
    """One run.

    Args:
        reader: Reads the organisation.
        draft: Where answers go.
        pictures: Whether pictures and logos are read.

    Attributes:
        reader: The same.
    """

    def __init__(self, reader: Reader, draft: Draft, *, pictures: bool) -> None:
        self.reader = reader
        self._draft = draft
        self._parts = dict(_OF_PARTS)
        if pictures:
            self._parts |= PICTURES
        if draft.left_out.names("speakers", "image"):
            self._parts.pop("get_speaker_image", None)

    async def run(self, only: Collection[str], progress: Progress) -> int:
        """Read everything; gives the number of events that are listed."""
        call = Call(BY_NAME[LISTED], {}, {})
        body, _ = await self.reader.must(call)  # 1
        listed = events_in(body)
        names = list(only) or [item["readableEventId"] for item in listed]
        wanted = {name.casefold() for name in names}
        for item in listed:
            event = item["readableEventId"].casefold()
            if event in wanted:
                self._draft.name(item["readableEventId"])
                self._draft.put(LISTED, event, event, orjson.dumps(item))
        progress(0, len(names))
        for number, name in enumerate(names, 1):
            await self._event(name)
            progress(number, len(names))
        return len(listed)

    async def _event(self, name: str) -> None:
        event = name.casefold()
        found = await asyncio.gather(*(self._read(part, {"event": name}, event) for part in PARTS))  # 2
        values = dict(zip(PARTS, found, strict=True))
        if isinstance(whole := values["get_event"], dict):
            spelled = whole.get("readableEventId")
            self._draft.name(spelled if isinstance(spelled, str) and spelled.casefold() == event else name)
        asked = [
            (part, thing)
            for part, (source, field) in self._parts.items()
            for thing in dict.fromkeys(things_of(source, field, values))
        ]
        await asyncio.gather(*(self._read(part, {BY_NAME[part].parameters[0]: thing}, event) for part, thing in asked))  # 3

    async def _read(self, name: str, parameters: Mapping[str, str], event: str) -> Any:
        """Have an answer recorded, and give it parsed; None for a picture, or when it cannot be had."""
        operation = BY_NAME[name]
        thing = thing_of(operation, parameters)
        call = Call(operation, parameters, parameters)
        if self._draft.done(name, thing):
            body = self._draft.body(name, thing)
        else:
            succeeded, answer = await self.reader.read(call)
            if not succeeded:
                return None
            body, content_type = answer
            self._draft.put(name, thing, event, body, content_type)
        return None if body is None or name in PICTURES else normal_form(call, body)


def kept_body(call: Call, body: bytes, without: Callable[[Operation, Any], Any], secrets: Iterable[bytes]) -> bytes:
    """What is kept of a JSON answer: as it came, unless something is left out of it.

    Args:
        call: What was asked.
        body: The answer.
        without: Leaves out what is not to be kept.
        secrets: What is never kept: an organisation may repeat the token that it was called with.

    Raises:
        ProxyError: ``UpstreamAnswerInvalid``, or ``NotFound`` for a single thing answered as null.
    """
    value = normal_form(call, body)
    if call.operation.name == LISTED:
        value = events_in(body)  # those without a date as well, which no list shows
    left = without(call.operation, value)
    if left != value:
        body = orjson.dumps(left)
    for secret in secrets:
        body = body.replace(secret, MASK.encode())
    return body


def events_in(body: bytes) -> list[dict[str, Any]]:
    """The events of a list that have an id to ask for them by.

    Args:
        body: The list of published events, of the old API or wrapped.
    """
    value = read_json(body)
    if isinstance(value, dict):
        value = next((inner for inner in value.values() if isinstance(inner, list)), [])
    events = [item for item in value or () if isinstance(item, dict)]
    return [event for event in events if is_event_id(str(event.get("readableEventId") or ""))]


def things_of(source: str, field: str, values: Mapping[str, Any]) -> list[str]:
    """The GUIDs in an answer, in lower case. Speakers stand in sessions as well.

    Args:
        source: The operation whose answer names them.
        field: The field that does.
        values: The answers about an event by operation; None where there is none.
    """
    items = list(values.get(source) or ())
    if source == "list_speakers":
        items += [speaker for session in values.get("list_sessions") or () for speaker in session.get("speakers") or ()]
    named = (item.get(field) for item in items if isinstance(item, dict))
    return [thing.lower() for thing in named if isinstance(thing, str) and is_guid(thing)]
