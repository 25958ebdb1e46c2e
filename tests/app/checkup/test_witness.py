"""The witness remembers what a real server answered, and hands it on unchanged."""

from collections.abc import AsyncIterator

import pytest

from app.checkup.witness import REQUEST_ID, Seen, Witness
from app.parts import USER_AGENT
from app.settings import Upstream as UpstreamSettings
from app.transport import build_transport
from app.upstream import Trouble, UpstreamError
from sandbox.server import Sandbox

pytestmark = pytest.mark.anyio


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as running:
        yield running


@pytest.fixture
async def witness() -> AsyncIterator[Witness]:
    settings = UpstreamSettings(read_timeout=1)
    watching = Witness(build_transport(settings, USER_AGENT), total_timeout=5, max_answer_bytes=2**20)
    yield watching
    await watching.close()


def headers(sandbox: Sandbox, request_id: str) -> list[tuple[str, str]]:
    return [("origin", sandbox.realtime_origin), (REQUEST_ID, request_id)]


async def test_each_call_is_remembered_by_its_request_id(sandbox: Sandbox, witness: Witness) -> None:
    before = witness.seen("first")
    assert before == Seen()
    answer = await witness.call("GET", f"{sandbox.realtime_endpoint}events/published", headers(sandbox, "first"))
    missing = await witness.call("GET", f"{sandbox.base_url}/api/", headers(sandbox, "second"))
    assert (before.status, before.body, before.headers) == (400, answer.body, answer.headers)
    assert (witness.seen("second").status, missing.status) == (404, 404)
    assert before.ms is not None


async def test_a_failure_is_remembered_and_raised(sandbox: Sandbox, witness: Witness) -> None:
    sandbox.faults.add("hang")
    with pytest.raises(UpstreamError):
        await witness.call("GET", f"{sandbox.realtime_endpoint}events/published", headers(sandbox, "first"))
    seen = witness.seen("first")
    assert (seen.status, seen.trouble) == (None, Trouble.TIMEOUT)
    assert seen.ms is not None
    assert seen.why


async def test_a_stream_is_remembered_without_its_body(sandbox: Sandbox, witness: Witness) -> None:
    url = f"{sandbox.realtime_endpoint}events/published"
    async with witness.stream(url, headers(sandbox, "first")) as stream:
        body = b"".join([chunk async for chunk in stream.chunks])
    assert b"missing" in body
    assert (witness.seen("first").status, witness.seen("first").body) == (400, b"")


async def test_a_stream_that_breaks_is_remembered(sandbox: Sandbox, witness: Witness) -> None:
    async def drain() -> None:
        async with witness.stream(f"{sandbox.realtime_endpoint}events/published", headers(sandbox, "first")) as stream:
            async for _ in stream.chunks:
                pass

    sandbox.faults.add("truncate")
    with pytest.raises(UpstreamError):
        await drain()
    assert witness.seen("first").trouble is Trouble.BROKEN
