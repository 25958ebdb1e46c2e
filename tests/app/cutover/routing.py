"""A router to ask, with what it decides by in the tests' hands."""

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from app.cutover.archived import Archived
from app.cutover.decision import Route, Source, bucket_of
from app.cutover.places import Places
from app.cutover.router import Router
from app.cutover.settings import Cutover
from app.cutover.state import CutoverState, Stage
from app.guard import Headers
from app.metrics import Metrics
from tests.service import ADMIN
from translation.aliases import Aliases
from translation.operations import BY_NAME, OPERATIONS
from translation.query import EMPTY, Query

REALTIME, OUTBOUND = Source.REALTIME, Source.OUTBOUND
BOTH = frozenset({REALTIME, OUTBOUND})
THING, OTHER = "0e3b2b6a-0000-4000-8000-00000000000a", "0e3b2b6a-0000-4000-8000-00000000000b"
SCOPE: dict[str, Any] = {"client": ("203.0.113.7", 50_000)}
ALIASES = Aliases.of({"Annual_Forum": "Annual_Forum_2031"}, {}, {}, {})
GALA = {"event": "Gala"}


def published(*names: str) -> list[dict[str, Any]]:
    return [{"readableEventId": name} for name in names]


class Desk:
    """A router, with a state that can be changed and places that can be taught."""

    def __init__(
        self,
        state: CutoverState | None = None,
        *,
        both: bool = True,
        credential: str | None = ADMIN,
        archived: Archived | None = None,
        **settings: Any,
    ) -> None:
        self.state = state or CutoverState(stage=Stage.SPLIT, percent=50)
        self.places = Places(ALIASES)
        self.metrics = Metrics()
        self.router = Router(
            lambda: self.state,
            Cutover.model_validate({"sticky_header": "X-Visitor", **settings}),
            credential,
            self.places,
            self.metrics,
            both=both,
            archived=archived,
        )

    def know(self, realtime: tuple[str, ...] | None = ("Gala",), outbound: tuple[str, ...] | None = ("Gala",)) -> "Desk":
        for source, names in ((REALTIME, realtime), (OUTBOUND, outbound)):
            if names is not None:
                self.places.learn(source, "list_events", {}, published(*names))
        return self

    def set(self, **parts: Any) -> None:
        self.state = CutoverState.model_validate(self.state.document() | parts)

    async def choose(
        self, name: str, parameters: Mapping[str, str] | None = None, query: Query = EMPTY, scope: Any = None, **headers: str
    ) -> Route:
        parameters = parameters or {
            parameter: "Gala" if parameter == "event" else THING for parameter in BY_NAME[name].parameters
        }
        return await self.router.choose(BY_NAME[name], parameters, heads(**headers), scope or SCOPE, query)

    def at_once(self, name: str, *asked: str, **headers: str) -> Source | None:
        return self.router.at_once(name, asked, heads(**headers), SCOPE)

    def overrides(self, outcome: str) -> float:
        return self.metrics.registry.get_sample_value("evtmgmt_backend_overrides_total", {"outcome": outcome}) or 0


def heads(**headers: str) -> Headers:
    raw = tuple((name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items())
    return Headers(dict(raw), raw)


def override(backend: str, credential: str | None = ADMIN) -> dict[str, str]:
    return {"x_evtmgmt_backend": backend} | ({} if credential is None else {"x_evtmgmt_admin": credential})


def visitor(within: int, beyond: int = 10_000) -> str:
    """A visitor's key whose bucket is at least ``within`` and below ``beyond``."""
    return next(key for key in map(str, range(10**6)) if within <= bucket_of("evtmgmt", key.encode()) < beyond)


FIRST_HALF, SECOND_HALF = visitor(0, 5_000), visitor(5_000)
HEADERS = st.sampled_from(
    [{}, {"x_visitor": FIRST_HALF}, {"x_visitor": SECOND_HALF}, override("outbound"), override("realtime", "x")]
)
READS = [operation for operation in OPERATIONS if operation.method == "GET" and operation.name != "get_personal_calendar"]
