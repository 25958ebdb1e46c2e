"""Would an old portal work with this organisation? Asked of the organisation itself, by reading only.

    1  the list: shows whether token, origin, endpoint and network are right; the rest is asked only when they are
    2  one event: the given one, or the first that is listed
    3  its parts, all at once, as a portal asks for them
    4  what needs the id of a part: counts of a session, images
    5  what the proxy makes itself out of these: sessions of a track, the calendar file

The parts of the running service are used: the answers that are looked at raw are those that its backend translates. Each
of the four stages that call ends within ``upstream.total_timeout``.
"""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

from app.backend import Backend
from app.calls import Call
from app.checkup.emulated import calendar_line, track_line
from app.checkup.material import Material
from app.checkup.problems import Problem, detail_of, problem_of
from app.checkup.readings import readings
from app.checkup.report import Line, Report, Smell, Verdict
from app.checkup.smells import list_smells, settings_smells
from app.checkup.witness import REQUEST_ID, Seen, Witness
from app.metrics import Metrics
from app.parts import USER_AGENT, aliases_of, build_backend, build_budget
from app.readiness import Readiness
from app.redaction import Redactor
from app.settings import Settings
from app.transport import build_transport
from translation.errors import UPSTREAM_ANSWER_INVALID, UPSTREAM_ANSWER_TOO_LARGE, UPSTREAM_TIMEOUT, ProxyError
from translation.grammar import is_event_id, is_guid
from translation.images import image_type
from translation.operations import BY_NAME, OPERATIONS, Answer, Operation, Serving

PARTS: Final = (
    "list_passes",
    "list_sessions",
    "list_tracks",
    "list_speakers",
    "list_sponsorships",
    "list_custom_registration_fields",
    "count_event_registrations",
    "get_event_qrcode",
)
"""What is asked of one event."""

OF_A_PART: Final = (
    ("count_session_registrations", "session", "list_sessions"),
    ("get_session", "session", "list_sessions"),
    ("get_speaker_image", "speaker", "list_speakers"),
    ("get_sponsor_logo", "sponsorship", "list_sponsorships"),
)
"""Operation, its parameter, and the list that has the id."""


async def check_up(settings: Settings, event: str | None = None) -> Report:
    """Call the organisation and say what was found. Nothing is registered.

    Args:
        settings: What the proxy would run with.
        event: Readable id of the event to look at, an old one with an alias as well; the first that is listed by default.

    Returns:
        The report, without token, addresses with a query and control characters.
    """
    witness = Witness(
        build_transport(settings.upstream, USER_AGENT),
        total_timeout=settings.upstream.total_timeout,
        max_answer_bytes=settings.upstream.max_answer_bytes,
    )
    try:
        report = await Checkup(settings, witness).run(event)
    finally:
        await witness.close()
    redactor = Redactor(settings.secrets)
    return report.cleaned(lambda text: _printable(redactor.text(text)))


class Checkup:
    """One run.

    Args:
        settings: What the proxy would run with.
        witness: The connections.
    """

    def __init__(self, settings: Settings, witness: Witness) -> None:
        self._settings = settings
        self._witness = witness
        self._aliases = aliases_of(settings)
        metrics = Metrics()
        self._backend: Backend = build_backend(settings, witness, build_budget(settings), metrics, _Quiet(metrics))
        self._lines: dict[str, Line] = {}
        self._raw: dict[str, Any] = {}
        self._values: dict[str, Any] = {}
        self._stopped: Problem | None = None

    async def run(self, event: str | None) -> Report:
        """Ask stage by stage and put the report together."""
        await self._ask("list_events", {})  # 1
        smells = [*settings_smells(self._settings), *self._list_smells()]
        event = event or self._first_event()
        if event is not None and self._stopped is None:
            await self._ask("get_event", {"event": event})  # 2
            if self._lines["get_event"].status != 404 and self._stopped is None:
                await asyncio.gather(*(self._ask(name, {"event": event}) for name in PARTS))  # 3
                await asyncio.gather(*(self._ask_of_a_part(*row) for row in OF_A_PART))  # 4
                self._make(event)  # 5
        # As the operations are told of, in whatever order their answers came.
        in_order = {operation.name: self._raw[operation.name] for operation in OPERATIONS if operation.name in self._raw}
        return Report(
            endpoint=self._settings.realtime.endpoint,
            event=event if "get_event" in self._values else None,
            settings=tuple(smells),
            operations=tuple(self._lines.get(operation.name) or self._unasked(operation) for operation in OPERATIONS),
            readings=readings(Material(in_order, self._settings.answers)),
        )

    async def _ask(self, name: str, asked: Mapping[str, str]) -> None:
        operation, request_id = BY_NAME[name], f"check-{name}"
        call = Call(operation, asked, self._aliases.parameters(asked), trace=((REQUEST_ID, request_id),))
        seen = self._witness.seen(request_id)
        problem = None
        verdict = Verdict.OK
        try:
            found = await (self._image(call) if operation.answer is Answer.IMAGE else self._read(call, seen))
        except ProxyError as error:
            problem = problem_of(operation, seen, error)
            detail = detail_of(seen, error)
            found = f"{problem.found} ({detail})" if detail else problem.found
            # Without an image a portal shows a placeholder, and what is new in the real-time API it never asks for.
            verdict = Verdict.NOTE if operation.answer is Answer.IMAGE or operation.row is None else Verdict.BREAKS
            if problem.stops:
                self._stopped = problem
        else:
            if operation.answer is Answer.EVENT_LIST and not self._values[name]:
                verdict = Verdict.NOTE
        self._lines[name] = Line(
            operation=name,
            row=operation.row,
            status=seen.status,
            ms=seen.ms,
            found=found,
            verdict=verdict,
            problem=problem.code if problem else None,
            advice=problem.advice if problem else None,
        )

    async def _read(self, call: Call, seen: Seen) -> str:
        name = call.operation.name
        value = self._values[name] = await self._backend.read(call)
        self._raw[name] = orjson.loads(seen.body.removeprefix(b"\xef\xbb\xbf"))
        match call.operation.answer:
            case Answer.EVENT:
                return f"{value['eventName']}, {value['startDate'] or 'without a date'}"
            case Answer.ITEM:
                return str(value["name"])
            case Answer.COUNT:
                return str(value)
            case _:
                return f"{name.removeprefix('list_').replace('_', ' ')}: {len(value) or 'none'}"

    async def _image(self, call: Call) -> str:
        upstream = self._settings.upstream
        first, size = b"", 0
        try:
            # Streams are bounded by the read time-out alone: one that drips would never end.
            async with asyncio.timeout(upstream.total_timeout), self._backend.image(call) as stream:
                async for chunk in stream.chunks:
                    first = first or chunk
                    size += len(chunk)
                    if size > upstream.max_image_bytes:
                        raise ProxyError(UPSTREAM_ANSWER_TOO_LARGE)
                media_type = image_type(stream.headers.get("content-type"), first)
        except TimeoutError:
            raise ProxyError(UPSTREAM_TIMEOUT) from None
        if media_type is None:
            raise ProxyError(UPSTREAM_ANSWER_INVALID)
        return f"{media_type}, {size} bytes"

    async def _ask_of_a_part(self, name: str, parameter: str, list_name: str) -> None:
        items = self._values.get(list_name)
        if items is None:
            self._skip(name, f"{list_name} could not be read")
        elif not items:
            self._skip(name, f"the event has no {list_name.removeprefix('list_')}")
        else:
            # A speaker with an image says more than one without.
            identity = next((item for item in items if item.get("imageUrl")), items[0])["id"]
            if isinstance(identity, str) and is_guid(identity):
                await self._ask(name, {parameter: identity})
            else:
                self._skip(name, f"the {parameter}'s id is no GUID")

    def _make(self, event: str) -> None:
        values = self._values
        if "list_tracks" in values and "list_sessions" in values:
            self._lines["list_track_sessions"] = track_line(values["list_tracks"], values["list_sessions"])
        if "get_event" in values:
            self._lines["get_personal_calendar"] = calendar_line(event, values["get_event"], values.get("list_sessions") or [])

    def _first_event(self) -> str | None:
        names = [event["readableEventId"] for event in self._values.get("list_events", [])]
        return next((name for name in names if isinstance(name, str) and is_event_id(name)), None)

    def _list_smells(self) -> Iterator[Smell]:
        if "list_events" in self._raw:
            listed = Material(self._raw, self._settings.answers).objects("list_events")
            yield from list_smells(self._settings, {str(event.get("readableEventId")) for event in listed})

    def _skip(self, name: str, why: str) -> None:
        self._lines[name] = Line(operation=name, row=BY_NAME[name].row, found=f"not asked: {why}", verdict=Verdict.SKIPPED)

    def _unasked(self, operation: Operation) -> Line:
        failed = self._lines.get("get_event")
        if operation.serving is Serving.REFUSED and operation.refusal is not None:
            why = f"the proxy answers {operation.refusal.status} itself"
        elif operation.writes:
            why = "this command registers nothing"
        elif self._stopped is not None:
            why = self._stopped.found
        elif failed is not None and failed.problem is not None:
            why = "the event could not be read"
        else:
            why = "there is no event to look at" if failed is None else "what it is made of could not be read"
        self._skip(operation.name, why)
        return self._lines[operation.name]


class _Quiet(Readiness):
    """Logs nothing about a refused token: the report says it, with what to do."""

    def refused(self, organisation: str) -> None:
        """Dynamics refused the token or the origin."""


def _printable(text: str) -> str:
    """``text`` without characters that could steer a terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
