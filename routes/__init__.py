"""What is answered at which path: thin handlers, chosen by the table of operations."""

from collections.abc import Awaitable, Callable, Mapping

from app.backend import Backend
from app.caching.reading import Handler, Reading
from app.caching.served import Served
from app.calls import Call, Reply
from app.cutover.decision import Source
from app.cutover.places import Places
from app.cutover.state import CutoverState
from app.metrics import Metrics
from app.outbound import Outbound
from app.outbox.outbox import Outbox
from routes.archived import Archived
from routes.calendar import PersonalCalendar
from routes.checkins import CheckIns
from routes.handed import Handed
from routes.images import Images
from routes.learning import Hearer, hearer_of, outbound_learner, realtime_learner
from routes.published import PublishedByBoth, PublishedWithArchive
from routes.reads import Reads
from routes.refusals import refuse
from routes.registrations import Registrations
from routes.tracks import TrackMemory, TrackSessions
from translation.aliases import Aliases
from translation.operations import BY_NAME, OPERATIONS, Answer, Operation, Serving

Answering = Callable[[Call], Awaitable[Reply | Served]]


def realtime_handlers(
    backend: Backend,
    reading: Reading,
    aliases: Aliases,
    max_image_bytes: int,
    places: Places | None = None,
    outbox: Outbox | None = None,
    *,
    shared: bool = True,
    hearers: dict[str, Hearer] | None = None,
) -> dict[str, Answering]:
    """The handler of each operation that the real-time organisation serves, by name.

    Args:
        backend: The organisation that is asked.
        reading: Answers what was answered before.
        aliases: Ids changed by the migration.
        max_image_bytes: The largest image.
        places: Learns where things live, when there is another organisation.
        outbox: Stores registrations that cannot be sent, where there is one.
        shared: Whether caches in front may keep images.
        hearers: Gets what learns from bodies that other replicas bring, by who gave them.
    """
    memory = TrackMemory()
    learner = realtime_learner(memory, places, outbox)
    if hearers is not None:
        hearers[Source.REALTIME] = hearer_of(learner)
    mapped: dict[Answer, Handler] = dict.fromkeys(
        (Answer.EVENT_LIST, Answer.EVENT, Answer.LIST, Answer.ITEM, Answer.COUNT), Reads(backend, learner.learn)
    )
    mapped |= {
        Answer.RESULT: Registrations(backend, reading, outbox),
        Answer.IMAGE: Images(backend, max_image_bytes, shared=shared),
        Answer.REDIRECT: CheckIns(backend),
    }
    emulated: dict[str, Handler] = {
        "list_track_sessions": TrackSessions(reading, memory),
        "get_personal_calendar": PersonalCalendar(reading, aliases),
    }

    def of(operation: Operation) -> Answering:
        match operation.serving:
            case Serving.MAPPED:
                handler = mapped[operation.answer]
                return handler if operation.writes else reading.through(operation, handler)
            case Serving.EMULATED:
                return emulated[operation.name]
            case Serving.REFUSED:
                return refuse

    return {operation.name: of(operation) for operation in OPERATIONS}


def outbound_handlers(
    outbound: Outbound, reading: Reading, max_image_bytes: int, places: Places, hearers: dict[str, Hearer] | None = None
) -> dict[str, Answering]:
    """The handler of each operation of the old API, by name: all are handed through.

    Args:
        outbound: The organisation that is asked.
        reading: Answers what was answered before.
        max_image_bytes: The largest image.
        places: Learns where things live.
        hearers: Gets what learns from bodies that other replicas bring, by who gave them.
    """
    learner = outbound_learner(places)
    if hearers is not None:
        hearers[Source.OUTBOUND] = hearer_of(learner)
    handed = Handed(outbound, reading, learner.learn)
    images = Images(outbound, max_image_bytes, shared=False)

    def of(operation: Operation) -> Answering:
        handler: Handler = images if operation.answer is Answer.IMAGE else handed
        # A challenge is for one visitor, and what is said to a user is nobody else's.
        if operation.writes or operation.name == "get_captcha" or operation.path.startswith("users/"):
            return handler
        shared = reading.through(operation, handler)

        async def answer(call: Call) -> Reply | Served:
            return await (shared if call.authorization is None else handler)(call)

        return answer

    return {operation.name: of(operation) for operation in OPERATIONS if operation.row is not None}


def both_handlers(
    first: Source, reading: Reading, sides: Mapping[Source, Reading], aliases: Aliases, metrics: Metrics
) -> dict[str, Answering]:
    """The handler of the one operation that both organisations answer together.

    Args:
        first: Whose event is shown of those that both publish.
        reading: Answers what was answered before.
        sides: Read the lists of both.
        aliases: Ids changed by the migration.
        metrics: Counts lists in which a side is missing.
    """
    operation = BY_NAME["list_events"]
    return {operation.name: reading.through(operation, PublishedByBoth(first, sides, aliases, metrics))}


def with_archive_handlers(
    reading: Reading,
    published: Reading,
    archived: Archived,
    state: Callable[[], CutoverState],
    aliases: Aliases,
    *,
    only_past: bool,
) -> dict[str, Answering]:
    """The handler of the one operation that organisations and archive answer together.

    Args:
        reading: Answers what was answered before.
        published: Reads the list of the organisations.
        archived: Reads the archive.
        state: Gives the cutover's state.
        aliases: Ids changed by the migration.
        only_past: Whether only events that are over are taken from the archive.
    """
    operation = BY_NAME["list_events"]
    handler = PublishedWithArchive(published, archived.listed, state, aliases, only_past=only_past)
    return {operation.name: reading.through(operation, handler)}
