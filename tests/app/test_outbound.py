"""The outbound organisation as a backend: what it is sent, and what becomes of everything that it can answer."""

import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import orjson
import pytest

from app import settings
from app.budget import Budget
from app.calls import Call
from app.cutover.settings import Outbound as OutboundSettings
from app.metrics import Metrics
from app.organisation import Organisation
from app.outbound import Outbound, normal_form
from app.readiness import Readiness
from app.transport import build_transport
from app.upstream import Upstream
from sandbox.server import Sandbox
from tests.clock import Clock
from tests.examples import CONFERENCE, OPEN_DAY, TRACEPARENT, registration, sent_headers
from tests.old_side import OLD, raw_answer
from translation import errors
from translation.errors import ErrorKind, ProxyError
from translation.operations import BY_NAME, Answer, Operation
from translation.query import EMPTY, read_query

pytestmark = pytest.mark.anyio

PORTAL = "https://portal.example.com/EvtMgmt/api/v2.0/"
OURS = {"type": "AnonymousAccessNotAllowed", "Message": "You must sign in.", "statusCode": 401}
SECRETS = ["+/=", "%2B%2F%3D", "%2b%2f%3d", r"+\/=", "\\u002b\\u002f="]
"""How the beginning of the sandbox's token may be written."""


def call(name: str, **more: Any) -> Call:
    asked = {"event": OPEN_DAY, "session": GUID, "track": GUID, "speaker": GUID, "sponsorship": GUID, "registration": GUID}
    parameters = {parameter: asked[parameter] for parameter in BY_NAME[name].parameters}
    return Call(BY_NAME[name], parameters, parameters, **more)


GUID = "0e3b2b6a-0000-4000-8000-000000000001"
READ, USER, CAPTCHA, WRITE = call("get_event"), call("get_user"), call("get_captcha"), call("register", body=b"{}")


@dataclass
class Bench:
    """The outbound organisation of a sandbox.

    Attributes:
        told: What the observer was told: operation, whether it failed.
    """

    sandbox: Sandbox
    outbound: Outbound
    readiness: Readiness
    budget: Budget
    clock: Clock
    told: list[tuple[str, bool]] = field(default_factory=list)

    def answers(self, body: bytes, status: str = "200 OK", *headers: str) -> None:
        """Have the next call answered with these bytes."""
        self.sandbox.faults.add("raw", body=raw_answer(body, status, *headers))

    async def fails(self, asked: Call = READ) -> ProxyError:
        with pytest.raises(ProxyError) as failed:
            await self.outbound.ask(asked)
        return failed.value


@asynccontextmanager
async def bench(public_url: str | None = None) -> AsyncIterator[Bench]:
    connections = Upstream(build_transport(settings.Upstream(), "tests/1"), total_timeout=60, max_answer_bytes=2**20)
    metrics, clock = Metrics(), Clock()
    budget = Budget(None, 10, 0, clock)
    async with Sandbox() as sandbox:
        given = OutboundSettings.model_validate(
            {
                "endpoint": sandbox.outbound_endpoint,
                "token": sandbox.outbound_token,
                "origin": sandbox.outbound_origin,
                "public_url": public_url,
            }
        )
        told: list[tuple[str, bool]] = []
        organisation = Organisation(
            "outbound",
            given.endpoint,
            given.token.get_secret_value(),
            given.origin,
            connections,
            budget,
            metrics,
            lambda operation, failed, seconds: told.append((operation, failed)),
        )
        readiness = Readiness(metrics, lambda: ("outbound",))
        base = None if given.public_url is None else (given.endpoint, given.public_url)
        try:
            yield Bench(sandbox, Outbound(organisation, readiness, base), readiness, budget, clock, told)
        finally:
            await connections.close()


# What is sent.


@pytest.mark.parametrize("operation", [row for row in OLD if row.answer is not Answer.IMAGE], ids=lambda row: row.name)
@pytest.mark.parametrize("signed_in", [False, True])
async def test_each_operation_is_sent_as_portals_sent_it(operation: Operation, signed_in: bool) -> None:
    async with bench() as at:
        raw = b"emApplicationtoken=of-the-portal&api-version=2016-06-30&data=%5B%5D&_=1&webappId=w&other=x"
        body = b'{ "attendees" : [ {"firstName":"Zo\\u00eb", "n": 1.0} ], "hipObject": {"Solution":"1"} }\r\n'
        asked = call(
            operation.name,
            query=read_query(raw, operation.query),
            trace=(("traceparent", TRACEPARENT), ("x-request-id", "r-1")),
            body=body,
            content_type="application/json; charset=utf-8" if operation.writes else None,
            authorization="Bearer of.a.visitor" if signed_in else None,
        )
        at.sandbox.faults.add("body", body={}, status=200)
        await at.outbound.ask(asked)
        (record,) = at.sandbox.recorder.find()
        path = operation.path
        for name, value in asked.asked.items():
            path = path.replace(f"{{{name}}}", value)
        kept = {"api-version": "api-version=2016-06-30", "data": "data=%5B%5D", "webappid": "webappId=w"}
        query = [f"emApplicationtoken={quote(at.sandbox.outbound_token, safe='')}"]
        query += [pair for name, pair in kept.items() if name in operation.query]
        assert record.request.method == operation.method
        assert record.request.target.decode() == f"/EvtMgmt/api/v2.0/{path}?{'&'.join(query)}"
        expected = {
            "host": [at.sandbox.base_url.removeprefix("http://")],
            "user-agent": ["tests/1"],
            "accept": ["application/json"],
            "accept-encoding": ["gzip"],
            "origin": [at.sandbox.outbound_origin],
            "traceparent": [TRACEPARENT],
            "x-request-id": ["r-1"],
        }
        if operation.writes:
            expected |= {"content-type": ["application/json; charset=utf-8"], "content-length": [str(len(body))]}
        if signed_in:
            expected["authorization"] = ["Bearer of.a.visitor"]
        assert sent_headers(record) == expected
        assert record.request.body == (body if operation.writes else b"")


async def test_an_image_is_asked_for_without_the_visitors_sign_in() -> None:
    async with bench() as at:
        (speaker, *_) = at.sandbox.outbound.events[OPEN_DAY].speakers
        asked = Call(
            BY_NAME["get_speaker_image"], {"speaker": speaker["id"]}, {"speaker": speaker["id"]}, authorization="Bearer x"
        )
        async with at.outbound.image(asked) as stream:
            assert b"".join([part async for part in stream.chunks]).startswith(b"\x89PNG")
        (record,) = at.sandbox.recorder.find()
        assert "authorization" not in sent_headers(record)


# Bodies.


@pytest.mark.parametrize(
    "body",
    [
        b'\r\n { "a" : 1.0, "a":2, "e":1E5, "big":123456789012345678901234567890 }\n\n',
        '{"readableEventId":"東京_技術会議","x":"\\u00fc\\/"}'.encode(),
        b"\xef\xbb\xbf[]",
        b"null",
        b"",
        b"<html>",
        b"\xff\x00\xfe",
    ],
    ids=lambda body: repr(body[:12]),
)
@pytest.mark.parametrize("asked", [READ, WRITE, USER], ids=lambda asked: asked.operation.name)
async def test_a_body_is_given_byte_for_byte_packed_or_not(body: bytes, asked: Call) -> None:
    async with bench() as at:
        for sent, headers in ((body, ()), (gzip.compress(body), ("Content-Encoding: gzip",))):
            at.answers(sent, "200 OK", *headers)
            assert await at.outbound.ask(asked) == body
        assert at.told == [(asked.operation.name, False)] * 2


# The public address.


async def test_the_old_base_address_is_replaced_wherever_it_stands() -> None:
    async with bench(PORTAL) as at:
        base = at.sandbox.outbound_endpoint
        forms = {
            base + "speakers/x/image?a=1": PORTAL + "speakers/x/image?a=1",
            f'<a href=\\"{base}events/E\\">': f'<a href=\\"{PORTAL}events/E\\">',
            base.replace("/", "\\/") + "x": PORTAL.replace("/", "\\/") + "x",
            base.upper() + "x": PORTAL + "x",
            base.replace("EvtMgmt", "evtmgmt") + base: PORTAL + PORTAL,
            base.replace("http://", "HTTP://"): PORTAL,
        }
        kept = [
            base.replace("127.0.0.1", "x.127.0.0.1"),
            base.replace("127.0.0.1", "elsewhere.invalid"),
            base.replace("http://", "http://elsewhere.invalid/"),
            base.replace("v2.0", "v2_0"),
            base.replace("v2.0/", "v2.01/"),
            base.removeprefix("http:"),
            at.sandbox.base_url + "/hip/x.js",
        ]
        for old, new in [*forms.items(), *((same, same) for same in kept)]:
            at.answers(f'{{"é":"{old}", "b" : "{old}"}}'.encode())
            assert (await at.outbound.ask(READ)).decode() == f'{{"é":"{new}", "b" : "{new}"}}'


async def test_in_an_error_it_is_replaced_as_well_and_without_a_public_address_nothing_is() -> None:
    for public_url in (PORTAL, None):
        async with bench(public_url) as at:
            at.answers(orjson.dumps({"Message": f"See {at.sandbox.outbound_endpoint}."}), "409 Conflict")
            told = (await at.fails()).verbatim or b""
            assert orjson.loads(told) == {"Message": f"See {public_url or at.sandbox.outbound_endpoint}."}


async def test_a_public_address_is_put_in_as_it_is() -> None:
    # Nothing of it is a pattern or a reference to one.
    async with bench("https://portal.example.com/a\\1b/") as at:
        at.answers(f'["{at.sandbox.outbound_endpoint}"]'.encode())
        assert await at.outbound.ask(READ) == b'["https://portal.example.com/a\\1b/"]'


# Errors.


STATUSES = (400, 404, 405, 409, 410, 418, 422, 451, 500, 501, 502, 503, 504, 429)
"""The last one pauses the budget."""


@pytest.mark.parametrize("asked", [READ, WRITE, USER, CAPTCHA], ids=lambda asked: asked.operation.name)
@pytest.mark.parametrize(
    "body",
    [
        b'{"Message":"The event is full."}',
        b'\xef\xbb\xbf{ "errorMessage" : "Voll \\u00fc", "type":"EndpointNotFound","correlationId":"0" }',
        b'{"Message":null}',
    ],
    ids=["Message", "older", "null"],
)
async def test_an_error_for_portals_is_given_byte_for_byte(asked: Call, body: bytes) -> None:
    async with bench() as at:
        for status in STATUSES:
            at.answers(body, f"{status} X")
            error = await at.fails(asked)
            assert (error.http_status, error.verbatim) == (status, body)
            assert error.kind is kind_of(asked, status)
            assert error.cause == f"status {status}"
            assert "full" not in str(error) + repr(error)
        assert at.readiness.ready


def kind_of(asked: Call, status: int) -> ErrorKind:
    if status == 404:
        return errors.NOT_FOUND
    if status == 429:
        return errors.TOO_MANY_REQUESTS
    if 400 <= status < 500:
        return errors.UPSTREAM_REJECTED
    if asked.operation.writes and status != 503:
        return errors.REGISTRATION_ANSWER_UNREADABLE
    return errors.UPSTREAM_ANSWER_INVALID if status < 400 else errors.UPSTREAM_FAILED


@pytest.mark.parametrize("asked", [READ, WRITE], ids=["read", "write"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><h1>Our services aren't available right now</h1>",
        b'"text"',
        b"[]",
        b'{"error":{"message":"x"}}',
        b'{"Message":"cut',
        b'{"Message":' + b"[" * 300 + b"]" * 300 + b"}",
        b"[" * 2_000,
    ],
    ids=lambda body: repr(body[:12]),
)
async def test_what_portals_cannot_read_is_a_row_of_the_list(asked: Call, body: bytes) -> None:
    async with bench() as at:
        for status in (301, 302, 304, 307, *STATUSES):
            at.answers(b"" if status == 304 else body, f"{status} X")
            error = await at.fails(asked)
            assert error.verbatim is None
            assert error.kind is kind_of(asked, status)
            assert error.http_status == (status if error.kind is errors.UPSTREAM_REJECTED else error.kind.status)
            assert error.sentence is None


@pytest.mark.parametrize("secret", SECRETS)
async def test_an_error_that_repeats_the_token_is_a_row_of_the_list(secret: str) -> None:
    async with bench() as at:
        rest = at.sandbox.outbound_token.removeprefix("+/=")
        for status in STATUSES:
            at.answers(f'{{"Message":"Not \'{secret}{rest}\'","type":null}}'.encode(), f"{status} X")
            error = await at.fails()
            assert (error.verbatim, error.sentence) == (None, None)
            assert error.kind is kind_of(READ, status)


# Refusals: the proxy's token, or the visitor's sign-in.


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("asked", [READ, WRITE, CAPTCHA, call("list_events"), call("get_personal_calendar")])
async def test_a_refused_token_is_the_operators_matter(asked: Call, status: int) -> None:
    async with bench() as at:
        at.answers(b'{"Message":"The web application token is not valid."}', f"{status} X")
        error = await at.fails(asked)
        assert (error.kind, error.verbatim, error.http_status) == (errors.UPSTREAM_REFUSED_PROXY, None, 502)
        assert not at.readiness.ready
        assert at.told == [(asked.operation.name, True)]
        # Whatever else it answers does not make ready again; a success does.
        at.answers(b'{"Message":"No."}', "404 X")
        await at.fails(asked)
        assert not at.readiness.ready
        at.answers(b"{}")
        await at.outbound.ask(asked)
        assert at.readiness.ready


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    ("asked", "document"),
    [
        (USER, {"Message": "You must sign in."}),
        (USER, OURS),
        (call("list_user_registrations"), {"Message": "You must sign in."}),
        (call("cancel_registration", body=b"{}"), {"Message": "You must sign in."}),
        (WRITE, OURS),
        (call("list_sessions"), OURS),
        (call("list_sessions", authorization="Bearer expired"), {"Message": "The token is expired."}),
        (call("register_user_for_session", body=b"{}", authorization="Bearer expired"), {"errorMessage": "Expired."}),
    ],
    ids=lambda value: value.operation.name if isinstance(value, Call) else "",
)
async def test_a_visitors_refusal_is_the_visitors_matter(asked: Call, document: dict[str, Any], status: int) -> None:
    async with bench() as at:
        at.answers(orjson.dumps(document), f"{status} X")
        error = await at.fails(asked)
        assert (error.kind, error.http_status) == (errors.UPSTREAM_REJECTED, status)
        assert error.verbatim == orjson.dumps(document)
        assert at.readiness.ready
        # Else every anonymous page would count as a failure of outbound.
        assert at.told == [(asked.operation.name, False)]


@pytest.mark.parametrize("status", [401, 403])
async def test_a_visitors_refusal_without_words_keeps_its_status(status: int) -> None:
    async with bench() as at:
        at.answers(b"<html>", f"{status} X")
        error = await at.fails(USER)
        assert (error.kind, error.http_status, error.verbatim) == (errors.UPSTREAM_REJECTED, status, None)
        assert at.readiness.ready


async def test_the_sandbox_tells_token_origin_and_sign_in_apart() -> None:
    async with bench() as at:
        at.sandbox.outbound.token = "another"
        assert (await at.fails()).kind is errors.UPSTREAM_REFUSED_PROXY
        at.sandbox.outbound.token, at.sandbox.outbound.origin = at.sandbox.outbound_token, "https://another.invalid"
    async with bench() as at:
        at.sandbox.outbound.origin = "https://another.invalid"
        assert (await at.fails(WRITE)).kind is errors.UPSTREAM_REFUSED_PROXY
        assert not at.readiness.ready
    async with bench() as at:
        error = await at.fails(USER)
        assert orjson.loads(error.verbatim or b"")["type"] == "AnonymousAccessNotAllowed"
        closed = {"event": "Members_Evening"}
        error = await at.fails(Call(BY_NAME["register"], closed, closed, body=orjson.dumps(registration())))
        assert (error.http_status, orjson.loads(error.verbatim or b"")["type"]) == (401, "AnonymousAccessNotAllowed")
        assert at.readiness.ready


@pytest.mark.parametrize("status", [401, 403])
async def test_an_image_that_is_refused_is_the_operators_matter(status: int) -> None:
    async with bench() as at:
        at.answers(b"", f"{status} X")
        with pytest.raises(ProxyError) as failed:
            async with at.outbound.image(call("get_speaker_image")):
                pytest.fail("a refused image was opened")
        assert failed.value.kind is errors.UPSTREAM_REFUSED_PROXY
        assert not at.readiness.ready


# A 429.


@pytest.mark.parametrize(("given", "told"), [("17", 17), ("99999", 300), ("soon", 30), (None, 30)])
async def test_a_429_pauses_the_budget_that_both_organisations_share(given: str | None, told: int) -> None:
    async with bench() as at:
        headers = [] if given is None else [f"Retry-After: {given}"]
        at.answers(b'{"Message":"Number of requests exceeded."}', "429 Too Many Requests", *headers)
        error = await at.fails()
        assert (error.http_status, error.retry_after) == (429, told)
        assert error.verbatim == b'{"Message":"Number of requests exceeded."}'
        assert at.budget.paused_for == told
        held_back = await at.fails()
        assert (held_back.kind, held_back.retry_after, held_back.verbatim) == (errors.TOO_MANY_REQUESTS, told, None)
        assert len(at.sandbox.recorder.find()) == 1
        assert at.told == [("get_event", False)]


async def test_what_the_shadow_is_told_pauses_nobody() -> None:
    async with bench() as at:
        at.answers(b"", "429 X", "Retry-After: 100")
        error = await at.fails(call("get_event", source="shadow"))
        assert (error.kind, error.retry_after) == (errors.TOO_MANY_REQUESTS, 100)
        assert at.budget.paused_for == 0
        await at.outbound.ask(READ)


# What is made of answers.


async def test_the_normal_form_is_that_of_the_old_contract() -> None:
    async with bench() as at:
        found = await at.outbound.value(call("get_event"))
        assert found == at.sandbox.outbound.events[OPEN_DAY].fields
        at.answers(b'\xef\xbb\xbf[{" passId ":"p"},null]')
        (only,) = await at.outbound.value(call("list_passes"))
        assert (only["passId"], only["price"], only["customFields"]) == ("p", None, {})


async def test_nothing_that_real_time_lacks_is_taken_from_the_normal_form() -> None:
    event = {"readableEventId": "E", "startDate": "2031-01-01T00:00:00", "enableCaptcha": True, "registrationForm": "<form>"}
    found = normal_form(READ, orjson.dumps(event | {"allowAnonymousRegistrations": False, "image": "http://127.0.0.1/x"}))
    assert (found["enableCaptcha"], found["registrationForm"], found["allowAnonymousRegistrations"]) == (True, "<form>", False)
    assert found["image"] == "http://127.0.0.1/x"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"null", errors.NOT_FOUND),
        (b"", errors.UPSTREAM_ANSWER_INVALID),
        (b"<html>", errors.UPSTREAM_ANSWER_INVALID),
        (b"[1,2]", errors.UPSTREAM_ANSWER_INVALID),
        (b"42", errors.UPSTREAM_ANSWER_INVALID),
        (b"[" * 500 + b"]" * 500, errors.UPSTREAM_ANSWER_INVALID),
        (b"[" * 5_000, errors.UPSTREAM_ANSWER_INVALID),
    ],
)
def test_what_has_no_normal_form_is_a_row_of_the_list(body: bytes, kind: ErrorKind) -> None:
    with pytest.raises(ProxyError) as failed:
        normal_form(READ, body)
    assert failed.value.kind is kind


async def test_a_probe_reads_the_list() -> None:
    async with bench() as at:
        at.readiness.refused("outbound")
        await at.outbound.probe()
        assert [record.operation for record in at.sandbox.recorder.find()] == ["list_events"]
        assert at.readiness.ready


async def test_a_paid_registration_is_what_the_old_api_says() -> None:
    async with bench() as at:
        conference = at.sandbox.outbound.events[CONFERENCE]
        asked = {"event": CONFERENCE}
        person = registration() | {"attendees": [registration()["attendees"][0] | {"passId": conference.passes[0]["passId"]}]}
        body = await at.outbound.ask(Call(BY_NAME["register"], asked, asked, EMPTY, body=orjson.dumps(person)))
        assert orjson.loads(body)["status"] == "Redirect"
