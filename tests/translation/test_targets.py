"""translation/targets.py: from any raw path to an operation, and never out of the upstream base."""

import re
from urllib.parse import quote, unquote, urljoin, urlsplit

import httpx
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tests.translation.outcome import outcome, words_of
from translation.errors import BAD_TARGET, INVALID_PARAMETER, METHOD_NOT_ALLOWED, OPERATION_NOT_FOUND, ErrorKind, ProxyError
from translation.grammar import is_event_id
from translation.operations import BY_NAME, GRAMMARS, OPERATIONS, Grammar, Operation
from translation.targets import Match, allowed_methods, is_api, match, segments, upstream_path

GUID = "7f3b9a52-0c1d-4e8f-9a6b-2d5c8e1f0a34"
BASE = "https://public-eur.mkt.invalid/api/v1.0/orgs/0a1b/eventmanagement/"
OLD = "/EvtMgmt/api/v2.0/"
EXAMPLES = {name: "Contoso_Ltd" if grammar is Grammar.EVENT_ID else GUID for name, grammar in GRAMMARS.items()}
MARK = "Vz9Kq"
REFUSALS = (BAD_TARGET, INVALID_PARAMETER, OPERATION_NOT_FOUND, METHOD_NOT_ALLOWED)


def read(raw: bytes, method: str = "GET") -> Match:
    return match(segments(raw), method)


def path_of(operation: Operation) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: EXAMPLES[found[1]], operation.path)


def refused(raw: bytes, method: str = "GET") -> ProxyError:
    with pytest.raises(ProxyError) as caught:
        read(raw, method)
    return caught.value


# -- The table ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
@pytest.mark.parametrize("version", ["v2.0", "v1.0"])
def test_every_operation_is_found_under_both_bases(version: str, operation: Operation) -> None:
    found = read(f"/EvtMgmt/api/{version}/{path_of(operation)}".encode(), operation.method)
    assert found.operation is operation
    assert dict(found.parameters) == {name: EXAMPLES[name] for name in operation.parameters}


@pytest.mark.parametrize("operation", [o for o in OPERATIONS if o.upstream], ids=lambda operation: operation.name)
def test_the_upstream_path_of_a_mapped_operation(operation: Operation) -> None:
    assert upstream_path(operation.upstream or "", EXAMPLES) == path_of(operation)


@pytest.mark.parametrize("operation", [o for o in OPERATIONS if o.method == "GET"], ids=lambda operation: operation.name)
def test_head_is_answered_where_get_is(operation: Operation) -> None:
    assert read(f"{OLD}{path_of(operation)}".encode(), "HEAD").operation is operation


# -- Old habits (CONTRACT 1) -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        pytest.param("/evtmgmt/API/V2.0/EVENTS/PUBLISHED", "list_events", id="letter case"),
        pytest.param("/EVTMGMT/api/V1.0/Events/Published", "list_events", id="letter case of v1.0"),
        pytest.param(f"{OLD}events/Contoso_Ltd/sessions/", "list_sessions", id="trailing slash"),
        pytest.param(f"{OLD}events/Contoso_Ltd/Custom-Registration-Fields", "list_custom_registration_fields", id="hyphens"),
        pytest.param(f"/EvtMgmt/api/v2.0//speakers/{GUID}/image", "get_speaker_image", id="doubled slash"),
        pytest.param(f"//EvtMgmt///api/v2.0/speakers//{GUID}/image//", "get_speaker_image", id="many slashes"),
        pytest.param(f"{OLD}sessions/{GUID.upper()}/registrations/count", "count_session_registrations", id="GUID in capitals"),
        pytest.param("/%45vtMgmt/api/v2%2E0/events/%70ublished", "list_events", id="fixed segments encoded"),
        pytest.param(f"{OLD}users/authenticated/waitlist-items/", "list_user_waitlist_items", id="users"),
        pytest.param(f"{OLD}calendar/personal/ics/", "get_personal_calendar", id="calendar"),
    ],
)
def test_an_old_habit(raw: str, name: str) -> None:
    assert read(raw.encode()).operation.name == name


def test_the_letter_case_of_an_id_is_kept() -> None:
    found = read(f"{OLD}events/CoNtOsO/Sessions".encode())
    assert found.parameters == {"event": "CoNtOsO"}
    assert upstream_path(found.operation.upstream or found.operation.path, found.parameters) == "events/CoNtOsO/sessions"


# -- Hostile targets ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        pytest.param(b"", BAD_TARGET, id="empty"),
        pytest.param(b"*", BAD_TARGET, id="asterisk form"),
        pytest.param(b"EvtMgmt/api/v2.0/events/E", BAD_TARGET, id="no slash in front"),
        pytest.param(b"http://evil.invalid/EvtMgmt/api/v2.0/events/E", BAD_TARGET, id="absolute form"),
        pytest.param(b"//evil.invalid/EvtMgmt/api/v2.0/events/E", OPERATION_NOT_FOUND, id="network path"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/.", BAD_TARGET, id="dot"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/..", BAD_TARGET, id="two dots"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/../events/E", BAD_TARGET, id="two dots within"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/%2e", BAD_TARGET, id="%2e"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/%2e%2e/sessions", BAD_TARGET, id="%2e%2e"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/%2E%2e/sessions", BAD_TARGET, id="%2E%2e"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/.%2e/sessions", BAD_TARGET, id=".%2e"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/%2e./sessions", BAD_TARGET, id="%2e."),
        pytest.param(b"/EvtMgmt/api/v2.0/events/%252e%252e/sessions", INVALID_PARAMETER, id="%252e%252e"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/..;/sessions", INVALID_PARAMETER, id="..;"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/E;a=b/sessions", INVALID_PARAMETER, id=";"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/E%3Ba", INVALID_PARAMETER, id="%3B"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/a%2fb", BAD_TARGET, id="%2f"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/a%2Fb", BAD_TARGET, id="%2F"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/%2fevil.invalid", BAD_TARGET, id="%2f in front"),
        pytest.param(b"/EvtMgmt/api/v2.0/events%2fpublished", BAD_TARGET, id="%2f for a slash"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/a%252fb", INVALID_PARAMETER, id="%252f"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/a\\b", BAD_TARGET, id="backslash"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/..\\..", BAD_TARGET, id="dots and backslash"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/a%5cb", BAD_TARGET, id="%5c"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/a%255cb", INVALID_PARAMETER, id="%255c"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/a%00", BAD_TARGET, id="%00"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/a%0d%0aX-Evil:1", BAD_TARGET, id="%0d%0a"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/a%0a", BAD_TARGET, id="%0a"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/a%7f", BAD_TARGET, id="%7f"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/a%c2%85", INVALID_PARAMETER, id="C1"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/a%e2%80%a8", INVALID_PARAMETER, id="line separator"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/a%3fb", INVALID_PARAMETER, id="%3f"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/a%23b", INVALID_PARAMETER, id="%23"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/a#b", INVALID_PARAMETER, id="hash"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/a%25b", INVALID_PARAMETER, id="%25"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/a%zz", BAD_TARGET, id="%zz"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/a%", BAD_TARGET, id="% at the end"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/a%4", BAD_TARGET, id="%4 at the end"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/a%4/1", BAD_TARGET, id="escape across a slash"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/%u0041", BAD_TARGET, id="%u"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/%c0%af", BAD_TARGET, id="overlong slash, 2 bytes"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/%e0%80%af", BAD_TARGET, id="overlong slash, 3 bytes"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/%c0%ae%c0%ae", BAD_TARGET, id="overlong dots"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/%ed%a0%80", BAD_TARGET, id="surrogate"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/%ff", BAD_TARGET, id="no UTF-8"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/a b", BAD_TARGET, id="raw blank"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/a\tb", BAD_TARGET, id="raw tab"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/a\r\nb", BAD_TARGET, id="raw CR LF"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/E\n", BAD_TARGET, id="raw line feed at the end"),
        pytest.param("/EvtMgmt/api/v2.0/events/é".encode(), BAD_TARGET, id="raw UTF-8"),
        pytest.param(b"/EvtMgmt/api/v2.0/events/" + b"a" * 201, INVALID_PARAMETER, id="201 characters"),
        pytest.param(b"/EvtMgmt/api/v2.0/sessions/1", INVALID_PARAMETER, id="session is no GUID"),
        pytest.param(f"{OLD}sessions/%7B{GUID}%7D".encode(), INVALID_PARAMETER, id="GUID in braces"),
        pytest.param(f"{OLD}sessions/{GUID}%20".encode(), INVALID_PARAMETER, id="GUID and blank"),
        pytest.param(b"/EvtMgmt/api/v2.0/tracks/x/sessions", INVALID_PARAMETER, id="track is no GUID"),
        pytest.param(b"/EvtMgmt/api/v2.0/speakers/x/image", INVALID_PARAMETER, id="speaker is no GUID"),
        pytest.param(b"/EvtMgmt/api/v2.0/sponsorships/x/logo", INVALID_PARAMETER, id="sponsorship is no GUID"),
    ],
)
def test_a_hostile_target_is_refused(raw: bytes, kind: ErrorKind) -> None:
    assert refused(raw).kind is kind


@pytest.mark.parametrize(
    "raw",
    [
        "/",
        "/EvtMgmt",
        "/EvtMgmt/api",
        "/EvtMgmt/api/v2.0",
        "/EvtMgmt/api/v3.0/events/published",
        "/EvtMgmt/api/v2.0/event/E",
        "/EvtMgmt/api/v2.0/events",
        "/EvtMgmt/api/v2.0/events/E/unknown",
        "/EvtMgmt/api/v2.0/events/E/sessions/extra/more/still",
        "/EvtMgmt/api/v2.0/events/published/sessions",
        "/EvtMgmt/api/v2.0/users",
        "/EvtMgmt/api/v2.0/calendar/personal",
        "/api/v1.0/orgs/x/eventmanagement/events/published",
        "/.env",
        "/wp-login.php",
    ],
)
def test_an_unknown_path_is_not_found(raw: str) -> None:
    assert refused(raw.encode()).kind is OPERATION_NOT_FOUND
    with pytest.raises(ProxyError) as caught:
        allowed_methods(segments(raw.encode()))
    assert caught.value.kind is OPERATION_NOT_FOUND


@pytest.mark.parametrize("name", sorted(GRAMMARS))
def test_an_invalid_parameter_is_named_and_its_value_not_repeated(name: str) -> None:
    operation = next(operation for operation in OPERATIONS if name in operation.parameters)
    path = "/".join(
        f"{MARK}%3B" if segment == f"{{{name}}}" else EXAMPLES.get(segment[1:-1], segment)
        for segment in operation.path.split("/")
    )
    error = refused(f"{OLD}{path}".encode(), operation.method)
    assert error.kind is INVALID_PARAMETER
    assert error.detail is not None
    assert error.detail.startswith(f"{name} is not a ")
    assert MARK not in words_of(error)


@pytest.mark.parametrize("tail", ["%zz", "/%2e%2e", "%00", "\\", "%ff", "/unknown", ";", "é", "/sessions/1"])
def test_no_error_repeats_what_the_visitor_sent(tail: str) -> None:
    error = refused(f"{OLD}events/{MARK}{tail}".encode())
    assert MARK not in words_of(error)


# -- Methods -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "OPTIONS", "get"])
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_another_method_is_answered_with_those_allowed(operation: Operation, method: str) -> None:
    raw = f"{OLD}{path_of(operation)}".encode()
    allow = ("GET", "HEAD", "OPTIONS") if operation.method == "GET" else ("POST", "OPTIONS")
    assert allowed_methods(segments(raw)) == allow
    if method in allow and method != "OPTIONS":
        assert read(raw, method).operation is operation
    else:
        error = refused(raw, method)
        assert error.kind is METHOD_NOT_ALLOWED
        assert error.allow == allow


@pytest.mark.parametrize(
    ("raw", "expected"),
    [("/EvtMgmt/x", True), ("/evtmgmt", True), ("//EVTMGMT/", True), ("/", False), ("/livez", False), ("/x/EvtMgmt", False)],
)
def test_the_room_of_the_old_api(raw: str, expected: bool) -> None:
    assert is_api(segments(raw.encode())) is expected


# -- Properties --------------------------------------------------------------------------------------------------------

EVENT_OPERATIONS = [operation for operation in OPERATIONS if operation.upstream and "event" in operation.parameters]


def encode_all(text: str, upper: bool) -> str:
    form = "%{:02X}" if upper else "%{:02x}"
    return "".join(form.format(byte) for byte in text.encode())


ENCODINGS = [
    lambda text: quote(text, safe=""),
    lambda text: quote(text, safe="!$&'()*+,;=:@\"<>^`{|}[]"),
    lambda text: encode_all(text, upper=True),
    lambda text: encode_all(text, upper=False),
]


@given(st.sampled_from(EVENT_OPERATIONS), st.text(min_size=1), st.sampled_from(ENCODINGS))
@example(BY_NAME["get_event"], "..", ENCODINGS[2])
@example(BY_NAME["get_event"], "%2e%2e", ENCODINGS[0])
@example(BY_NAME["list_sessions"], "a b+c'\"&=é😀مرحبا", ENCODINGS[1])
def test_an_id_goes_upstream_byte_for_byte_or_is_refused(operation: Operation, text: str, encode: object) -> None:
    assume(text.lower() != "published")
    raw = f"{OLD}{operation.path}".replace("{event}", encode(text)).encode()  # type: ignore[operator]
    found = outcome(read, raw, operation.method)
    assert isinstance(found, Match) is is_event_id(text)
    if isinstance(found, ProxyError):
        assert found.kind in (BAD_TARGET, INVALID_PARAMETER)
        return
    assert found.operation is operation
    assert found.parameters["event"] == text
    before, after = operation.path.split("{event}")
    upstream = upstream_path(operation.upstream or operation.path, found.parameters)
    assert upstream.startswith(before)
    assert upstream.endswith(after)
    assert unquote(upstream, errors="strict") == f"{before}{text}{after}"
    assert httpx.URL(BASE + upstream).raw_path.decode() == urlsplit(BASE).path + upstream


PRINTABLE = st.text(
    alphabet=st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters="/\\?#%;"), min_size=1, max_size=200
)


@given(PRINTABLE.filter(lambda text: text not in (".", "..") and text.lower() != "published"))
def test_a_printable_id_is_not_refused(text: str) -> None:
    found = read(f"{OLD}events/{quote(text, safe='')}".encode())
    assert unquote(upstream_path("events/{event}", found.parameters), errors="strict") == f"events/{text}"


FIXED = sorted({part.encode() for operation in OPERATIONS for part in operation.path.split("/") if "{" not in part})
HOSTILE = (
    b".. . %2e%2e %2E. %252e%252e %2f %5c \\ %00 %0d%0a ; ..; %c0%af %zz @evil.invalid evil.invalid:80 http: ? # %3f %23 %20 +"
).split()
PIECES = st.sampled_from([b"", b"E", b"%F0%9F%98%80", GUID.encode(), *HOSTILE, *FIXED]) | st.binary(max_size=6)


@st.composite
def paths(draw: st.DrawFn) -> bytes:
    """The path of an operation with its parameters, and now and then another segment, replaced; or just anything."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=60))
    operation = draw(st.sampled_from(OPERATIONS))
    parts = [
        draw(PIECES) if segment.startswith("{") or draw(st.integers(0, 19)) == 0 else segment.encode()
        for segment in operation.path.split("/")
    ]
    extra = [draw(PIECES)] if draw(st.integers(0, 9)) == 0 else []
    return draw(st.sampled_from([b"/EvtMgmt/api/v2.0/", b"/evtmgmt//API/v1.0/"])) + b"/".join([*parts, *extra])


@given(paths(), st.sampled_from(["GET", "GET", "POST", "HEAD"]))
def test_no_path_makes_a_url_outside_the_base(raw: bytes, method: str) -> None:
    found = outcome(read, raw, method)
    if isinstance(found, ProxyError):
        assert found.kind in REFUSALS
        return
    if found.operation.upstream is None:
        return
    upstream = upstream_path(found.operation.upstream or found.operation.path, found.parameters)
    assert re.fullmatch(r"(?:[A-Za-z0-9_.~\-/]|%[0-9A-F]{2})+", upstream)
    parts = upstream.split("/")
    assert len(parts) == len(found.operation.upstream.split("/"))
    for part in parts:
        decoded = unquote(part, errors="strict")
        assert decoded not in ("", ".", "..")
        assert not re.search(r"[/\\?#%;\x00-\x1f\x7f-\x9f]", decoded)
    for url in (httpx.URL(BASE + upstream), httpx.URL(urljoin(BASE, upstream)), httpx.URL(BASE).join(upstream)):
        assert str(url) == BASE + upstream


@given(st.binary(max_size=80), st.text(max_size=8))
def test_any_bytes_and_any_method_give_an_operation_or_a_listed_error(raw: bytes, method: str) -> None:
    for path in (raw, b"/" + raw, b"/EvtMgmt/api/v2.0/events/" + raw):
        found = outcome(read, path, method)
        assert isinstance(found, Match) or found.kind in REFUSALS
        methods = outcome(lambda raw: allowed_methods(segments(raw)), path)
        assert isinstance(methods, tuple) or methods.kind in (BAD_TARGET, OPERATION_NOT_FOUND)
