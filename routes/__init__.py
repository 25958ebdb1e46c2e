"""What is answered at which path: thin handlers, chosen by the table of operations."""

from collections.abc import Awaitable, Callable

from app.backend import Backend
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

Handler = Callable[[Call], Awaitable[Reply]]


def handlers(backend: Backend, aliases: Aliases, max_image_bytes: int) -> dict[str, Handler]:
    """The handler of each operation, by name.

    Args:
        backend: The organisation that is asked.
        aliases: Ids changed by the migration.
        max_image_bytes: The largest image.
    """
    memory = TrackMemory()
    mapped: dict[Answer, Handler] = dict.fromkeys(
        (Answer.EVENT_LIST, Answer.EVENT, Answer.LIST, Answer.ITEM, Answer.COUNT), Reads(backend, memory)
    )
    mapped |= {
        Answer.RESULT: Registrations(backend),
        Answer.IMAGE: Images(backend, max_image_bytes),
        Answer.REDIRECT: CheckIns(backend),
    }
    emulated: dict[str, Handler] = {
        "list_track_sessions": TrackSessions(backend, memory),
        "get_personal_calendar": PersonalCalendar(backend, aliases),
    }

    def of(operation: Operation) -> Handler:
        match operation.serving:
            case Serving.MAPPED:
                return mapped[operation.answer]
            case Serving.EMULATED:
                return emulated[operation.name]
            case Serving.REFUSED:
                return refuse

    return {operation.name: of(operation) for operation in OPERATIONS}
