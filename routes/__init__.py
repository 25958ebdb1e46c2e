"""What is answered at which path: thin handlers, chosen by the table of operations."""

from collections.abc import Awaitable, Callable

from app.backend import Backend
from app.caching.reading import Handler, Reading, Served
from app.calls import Call, Reply
from routes.calendar import PersonalCalendar
from routes.checkins import CheckIns
from routes.images import Images
from routes.reads import Reads
from routes.refusals import refuse
from routes.registrations import Registrations
from routes.tracks import TrackMemory, TrackSessions
from translation.aliases import Aliases
from translation.operations import OPERATIONS, Answer, Operation, Serving

Answering = Callable[[Call], Awaitable[Reply | Served]]


def handlers(backend: Backend, reading: Reading, aliases: Aliases, max_image_bytes: int) -> dict[str, Answering]:
    """The handler of each operation, by name.

    Args:
        backend: The organisation that is asked.
        reading: Answers what was answered before.
        aliases: Ids changed by the migration.
        max_image_bytes: The largest image.
    """
    memory = TrackMemory()
    mapped: dict[Answer, Handler] = dict.fromkeys(
        (Answer.EVENT_LIST, Answer.EVENT, Answer.LIST, Answer.ITEM, Answer.COUNT), Reads(backend, memory)
    )
    mapped |= {
        Answer.RESULT: Registrations(backend, reading),
        Answer.IMAGE: Images(backend, max_image_bytes),
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
