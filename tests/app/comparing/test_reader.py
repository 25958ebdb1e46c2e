"""Reading one side: pace, patience, counting, and when it counts as gone."""

from typing import Any

import pytest

from app.calls import Call
from app.comparing.reader import GONE_AFTER, MAX_FAILURES, Failure, Pace, Reader, Side, UnreadableError
from translation import errors
from translation.errors import ErrorKind, ProxyError
from translation.operations import BY_NAME

pytestmark = pytest.mark.anyio

ASKED = {"event": "E"}
CALL = Call(BY_NAME["list_passes"], ASKED, ASKED)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Time:
    """A clock that goes on only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


class Organisation:
    """Answers from a script: a value, or an error; the last one for ever."""

    def __init__(self, *script: Any) -> None:
        self.script = list(script)
        self.asked = 0
        self.time = Time()
        self.reader = Reader(Side.REALTIME, self.read, Pace(10, self.time, self.time.sleep))

    async def read(self, call: Call) -> Any:
        assert call is CALL
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        self.asked += 1
        if isinstance(step, ErrorKind):
            raise ProxyError(step, retry_after=30 if step is errors.TOO_MANY_REQUESTS else None, cause="as told")
        return step


async def test_pace() -> None:
    time = Time()
    pace = Pace(4, time, time.sleep)
    at = []
    for _ in range(3):
        await pace.turn()
        at.append(time.now)
    time.now = 10.0
    for _ in range(2):
        await pace.turn()
        at.append(time.now)
    assert at == [0, 0.25, 0.5, 10, 10.25]


async def test_a_read() -> None:
    organisation = Organisation([1])
    assert await organisation.reader.read(CALL) == (True, [1])
    assert (organisation.reader.total, organisation.reader.failed, organisation.reader.failures) == (1, 0, [])


@pytest.mark.parametrize("kind", [errors.UPSTREAM_TIMEOUT, errors.UPSTREAM_UNREACHABLE, errors.UPSTREAM_FAILED])
async def test_what_may_pass_is_tried_again(kind: ErrorKind) -> None:
    organisation = Organisation(kind, kind, "at last")
    assert await organisation.reader.read(CALL) == (True, "at last")
    assert (organisation.asked, organisation.reader.failed) == (3, 0)


async def test_the_organisation_gets_the_rest_it_asks_for() -> None:
    organisation = Organisation(errors.TOO_MANY_REQUESTS, "at last")
    assert await organisation.reader.read(CALL) == (True, "at last")
    assert organisation.time.now == 30


@pytest.mark.parametrize(
    ("kind", "times"), [(errors.NOT_FOUND, 1), (errors.UPSTREAM_ANSWER_INVALID, 1), (errors.UPSTREAM_FAILED, 3)]
)
async def test_failures_are_counted_and_told(kind: ErrorKind, times: int) -> None:
    organisation = Organisation(kind)
    assert await organisation.reader.read(CALL) == (False, None)
    assert organisation.asked == times
    assert organisation.reader.failed == 1
    assert organisation.reader.failures == [Failure(Side.REALTIME, "list_passes", "E", kind.code, "as told")]


async def test_what_is_not_found_is_no_sign_that_all_is_gone() -> None:
    organisation = Organisation(errors.NOT_FOUND)
    for _ in range(MAX_FAILURES + 5):
        await organisation.reader.read(CALL)
    assert organisation.reader.failed == MAX_FAILURES + 5
    assert len(organisation.reader.failures) == MAX_FAILURES


async def test_many_failures_in_a_row_end_it() -> None:
    kind = errors.UPSTREAM_REFUSED_PROXY
    organisation = Organisation(*[kind] * (GONE_AFTER - 1), "well", kind)
    for _ in range(2 * GONE_AFTER - 1):
        await organisation.reader.read(CALL)
    with pytest.raises(UnreadableError, match="the realtime organisation could not be read: UpstreamRefusedProxy: as told"):
        await organisation.reader.read(CALL)


async def test_a_read_that_must_succeed() -> None:
    assert await Organisation("fine").reader.must(CALL) == "fine"
    with pytest.raises(UnreadableError):
        await Organisation(errors.NOT_FOUND).reader.must(CALL)
