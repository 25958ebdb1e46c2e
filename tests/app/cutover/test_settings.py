"""Each setting of the cutover: what is taken, and in which words the rest is refused. Bounds: tests/app/test_settings.py."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.cutover.settings import Outbound
from app.cutover.state import CutoverState, Stage, Switch
from app.settings import GivenSettings
from tests.app.test_setting_groups import PLAIN, REALTIME, words

OLD = "https://contoso.svc.dynamics.com/EvtMgmt/api/v2.0/"
OUTBOUND = {"endpoint": OLD, "token": "old-token", "origin": "https://portal.example.com"}


def given(**groups: Any) -> GivenSettings:
    return GivenSettings.model_validate({"realtime": dict(REALTIME), **groups})


def refusal(**groups: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        given(**groups)
    return "\n".join(error["msg"].removeprefix("Value error, ") for error in refused.value.errors())


def old(**more: Any) -> Outbound:
    return Outbound.model_validate(OUTBOUND | more)


def old_words(name: str, value: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        old(**{name: value})
    (error,) = refused.value.errors()
    assert error["loc"] == (name,)
    return error["msg"].removeprefix("Value error, ")


def test_by_default_real_time_serves_all_and_nothing_can_change_it() -> None:
    settings = given()
    assert settings.outbound is None
    assert settings.cutover.state() == CutoverState()
    assert (settings.admin.token, settings.state.path, settings.state.redis_url) == (None, None, None)


@pytest.mark.parametrize(
    ("pasted", "taken"),
    [
        (OLD, OLD),
        (f"  {OLD.rstrip('/')}\n", OLD),
        ("https://Contoso.svc-tip.dynamics.com/evtmgmt/API/v1.0", "https://contoso.svc-tip.dynamics.com/evtmgmt/API/v1.0/"),
        ("http://127.0.0.1:9/EvtMgmt/api/v2.0/", "http://127.0.0.1:9/EvtMgmt/api/v2.0/"),
        ("https://gateway.example.com/old/EvtMgmt/api/v2.0//", "https://gateway.example.com/old/EvtMgmt/api/v2.0/"),
    ],
)
def test_the_old_endpoint_is_taken_as_people_paste_it(pasted: str, taken: str) -> None:
    assert old(endpoint=pasted).endpoint == taken


LOOK = "the endpoint must look like https://<alias>.svc.dynamics.com/EvtMgmt/api/v2.0/"


@pytest.mark.parametrize(
    ("pasted", "sentence"),
    [
        ("", "the endpoint must start with https://"),
        (OLD.replace("https", "http"), "the endpoint must use https (http is for this machine only)"),
        (
            OLD + "?emApplicationtoken=x",
            "the endpoint must have no user name, query or fragment; the token is a setting of its own",
        ),
        ("https://münchen.example.com/EvtMgmt/api/v2.0/", "the endpoint is not an address"),
        (REALTIME["endpoint"], LOOK),
        ("https://contoso.svc.dynamics.com/", LOOK),
        ("https://contoso.svc.dynamics.com/EvtMgmt/api/v3.0/", LOOK),
        ("https://contoso.svc.dynamics.com/EvtMgmt/api/v2.0/events", LOOK),
    ],
)
def test_an_old_endpoint_that_cannot_be_right_is_refused(pasted: str, sentence: str) -> None:
    assert old_words("endpoint", pasted) == sentence


def test_token_origin_and_public_address_of_the_old_organisation() -> None:
    assert old_words("token", "") == "the token is empty"
    assert old_words("origin", "https://x.example.com/path") == "the origin must end after the host: an origin has no path"
    assert old(origin=" https://X.example.com:443/ ").origin == "https://x.example.com"
    assert old().public_url is None
    assert (
        old(public_url="https://events.example.com/EvtMgmt/api/v2.0").public_url == "https://events.example.com/EvtMgmt/api/v2.0/"
    )
    assert old_words("public_url", "events.example.com") == "the public address must start with https://"
    shown = repr(old(token=PLAIN)) + str(old(token=PLAIN)) + old(token=PLAIN).model_dump_json()
    assert PLAIN not in shown


NEEDS = "the cutover needs EVTMGMT_OUTBOUND__ENDPOINT, __TOKEN and __ORIGIN in every stage but realtime"


def test_what_needs_an_archive_is_refused_without_it() -> None:
    switched = {"events": {"Old_*": "archive"}}
    assert refusal(cutover=switched) == "an event is switched to the archive, and there is none: set EVTMGMT_ARCHIVE__PATH"
    settings = given(cutover=switched, archive={"path": "a.sqlite3"})
    assert settings.cutover.state().events == {"old_*": Switch.ARCHIVE}


@pytest.mark.parametrize(
    "cutover",
    [
        *({"stage": stage} for stage in ("outbound", "shadow", "split")),
        {"operations": {"get_event": "outbound"}},
        {"events": {"Gala*": "outbound"}},
    ],
)
def test_what_needs_outbound_is_refused_without_it(cutover: dict[str, Any]) -> None:
    assert refusal(cutover=cutover) == NEEDS
    settings = given(cutover=cutover, outbound=OUTBOUND)
    assert settings.cutover.state() == CutoverState.model_validate(cutover)


@pytest.mark.parametrize(
    "cutover",
    [
        {"percent": 3},
        {"operations": {"get_event": "off", "register": "realtime", "get_session": "off"}},
        {"events": {"Gala": "off", "x*": "realtime"}},
    ],
)
def test_what_real_time_can_do_alone_needs_no_outbound(cutover: dict[str, Any]) -> None:
    assert given(cutover=cutover).cutover.state() == CutoverState.model_validate(cutover)


def test_the_state_at_the_start_is_what_the_settings_say() -> None:
    cutover = {"stage": "split", "percent": 12.5, "operations": {"register": "outbound"}, "events": {"Gala": "off"}}
    state = given(cutover=cutover, outbound=OUTBOUND).cutover.state()
    assert (state.stage, state.percent) == (Stage.SPLIT, 12.5)
    assert (state.operations, state.events) == ({"register": Switch.OUTBOUND}, {"gala": Switch.OFF})


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("cutover.stage", "both", "Input should be 'outbound', 'shadow', 'split' or 'realtime'"),
        ("cutover.percent", 101, "Input should be less than or equal to 100"),
        ("cutover.operations", {"regster": "off"}, "no such operation: regster; `evtmgmt-proxy operations` lists them"),
        ("cutover.operations", {"get_session": "outbound"}, "get_session is new in the real-time API: outbound cannot serve it"),
        ("cutover.operations", {"register": "no"}, "Input should be 'outbound', 'realtime', 'off' or 'archive'"),
        ("cutover.events", {"a/b": "off"}, "'a/b' is no readable event id or pattern such as Contoso_*"),
        ("cutover.events", {"A": "off", "a": "off"}, "the same event stands there twice in different letter case"),
        *(
            ("cutover.sticky_header", name, "must be the name of a header, of letters, digits and hyphens")
            for name in ("", "X Visitor", "X_Visitor", "X-Visitor:", "Ü", "東")
        ),
        ("shadow.ignore", ["nothing:x"], None),
        ("rollback.scope", "all", "Input should be 'operation' or 'stage'"),
        ("rollback.minimum", 9, "Input should be greater than or equal to 10"),
        ("admin.token", "x" * 15, "must have at least 16 characters: it may be tried from the network"),
        ("admin.token", "", "must have at least 16 characters: it may be tried from the network"),
        (
            "state.redis_url",
            "redis.example.com:6379",
            "must be an address such as rediss://user:password@redis.example.com:6380/0",
        ),
    ],
)
def test_what_cannot_be_right_is_refused_where_it_stands(path: str, value: Any, sentence: str | None) -> None:
    told = words(path, value)
    assert told == sentence if sentence is not None else told


@pytest.mark.parametrize("address", ["redis://h", "rediss://u:p@h:6380/0", "unix:///run/redis.sock"])
def test_addresses_of_a_redis(address: str) -> None:
    settings = given(state={"redis_url": address})
    assert settings.state.redis_url is not None
    assert settings.state.redis_url.get_secret_value() == address


@pytest.mark.parametrize("name", ["X-Forwarded-For", "cf-connecting-ip", "X-Visitor2"])
def test_names_of_headers(name: str) -> None:
    assert given(cutover={"sticky_header": name}).cutover.sticky_header == name


def test_the_secrets_of_the_cutover_are_never_seen() -> None:
    settings = given(
        outbound=OUTBOUND, admin={"token": "the-credential-1234"}, state={"redis_url": "redis://u:the%2Fpassword@h/0"}
    )
    assert {"old-token", "the-credential-1234", "the%2Fpassword", "the/password"} <= set(settings.secrets)
    shown = repr(settings) + str(settings) + settings.model_dump_json()
    assert not any(secret in shown for secret in settings.secrets if len(secret) > 3)
