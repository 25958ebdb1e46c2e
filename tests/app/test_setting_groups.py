"""Tests of each setting's validator: what is taken, in which form, and what is refused with which words."""

import ssl
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from app.settings import GivenSettings

ENDPOINT = "https://public-eur.mkt.dynamics.com/api/v1.0/orgs/7f3c0a52-d1e8-4b6f-9b1d-7c5e2a90f431/eventmanagement/"
TOKEN = "Zt+9/q==%2B Ω\"'"
PLAIN = "s3cr3t"
GUID = "0b8d1f5e-2f0a-4a55-8c0c-5d1a5d1c0001"
OTHER_GUID = "0B8D1F5E-2F0A-4A55-8C0C-5D1A5D1C0002"
REALTIME = {"endpoint": ENDPOINT, "token": TOKEN, "origin": "https://portal.example.com"}


def given(path: str, value: Any) -> GivenSettings:
    """Settings with one value laid over good ones; ``path`` is such as ``upstream.proxy``."""
    values: dict[str, Any] = {"realtime": dict(REALTIME)}
    *groups, name = path.split(".")
    place = values
    for group in groups:
        place = place.setdefault(group, {})
    place[name] = value
    return GivenSettings.model_validate(values)


def found(path: str, value: Any) -> Any:
    """What becomes of a value."""
    return value_of(given(path, value), path)


def value_of(settings: GivenSettings, path: str) -> Any:
    result: Any = settings
    for name in path.split("."):
        result = getattr(result, name)
    return result


def words(path: str, value: Any) -> str:
    """What is said of a bad value, which must stand at its setting."""
    with pytest.raises(ValidationError) as refused:
        given(path, value)
    errors = refused.value.errors()
    assert all(".".join(str(part) for part in error["loc"]).startswith(path) for error in errors), errors
    return "\n".join(error["msg"].removeprefix("Value error, ") for error in errors)


FROM = "from Settings > Event management > Web applications in Dynamics"
LOOK = (
    "must look like https://public-<geo>.mkt.dynamics.com/api/v1.0/orgs/<id>/eventmanagement/; "
    f"copy it again, the whole of it, {FROM}"
)
OUTBOUND = f"the endpoint is the old outbound one; copy the real-time one, which stands beside the token, {FROM}"


@pytest.mark.parametrize(
    ("pasted", "taken"),
    [
        (ENDPOINT, ENDPOINT),
        (ENDPOINT.rstrip("/"), ENDPOINT),
        (f"  {ENDPOINT}\n", ENDPOINT),
        (f'"{ENDPOINT}"', ENDPOINT),
        (f" '{ENDPOINT} ' ", ENDPOINT),
        (ENDPOINT + "//", ENDPOINT),
        (ENDPOINT + "?", ENDPOINT),
        (
            "HTTPS://Public-EUR.mkt.dynamics.com/api/v1.0/orgs/AB/EventManagement",
            "https://public-eur.mkt.dynamics.com/api/v1.0/orgs/AB/EventManagement/",
        ),
        (
            "https://gateway.example.com:8443/d365/orgs/x/eventmanagement",
            "https://gateway.example.com:8443/d365/orgs/x/eventmanagement/",
        ),
        ("https://gateway.example.com:/orgs/x/eventmanagement", "https://gateway.example.com/orgs/x/eventmanagement/"),
        ("http://127.0.0.1:9/api/v1.0/orgs/x/eventmanagement/", "http://127.0.0.1:9/api/v1.0/orgs/x/eventmanagement/"),
        ("http://[::1]:9/orgs/x/eventmanagement", "http://[::1]:9/orgs/x/eventmanagement/"),
        ("http://localhost/orgs/x/eventmanagement", "http://localhost/orgs/x/eventmanagement/"),
    ],
)
def test_an_endpoint_is_taken_as_people_paste_it(pasted: str, taken: str) -> None:
    assert found("realtime.endpoint", pasted) == taken


@pytest.mark.parametrize(
    ("pasted", "sentence"),
    [
        ("", "the endpoint must start with https://"),
        ("public-eur.mkt.dynamics.com/api/v1.0/orgs/x/eventmanagement/", "the endpoint must start with https://"),
        (ENDPOINT.replace("https", "http"), "the endpoint must use https (http is for this machine only)"),
        (ENDPOINT.replace("https", "ftp"), "the endpoint must use https (http is for this machine only)"),
        ("http://127.0.0.1.example.com/orgs/x/eventmanagement/", "the endpoint must use https (http is for this machine only)"),
        (
            "https://contoso.svc.dynamics.com/EvtMgmt/api/v2.0/",
            OUTBOUND,
        ),
        (
            "https://contoso.svc-tip.dynamics.com",
            OUTBOUND,
        ),
        (
            "https://contoso.svc.dynamics.com/evtmgmt/api/v1.0",
            OUTBOUND,
        ),
        (
            ENDPOINT.replace("https://", "https://user:pass@"),
            "the endpoint must have no user name, query or fragment; the token is a setting of its own",
        ),
        (
            ENDPOINT + "?emApplicationtoken=x",
            "the endpoint must have no user name, query or fragment; the token is a setting of its own",
        ),
        (ENDPOINT + "#x", "the endpoint must have no user name, query or fragment; the token is a setting of its own"),
        ("https://public-eur.mkt.dynamics.com/", f"the endpoint {LOOK}"),
        ("https://public-eur.mkt.dynamics.com/api/v1.0/orgs/eventmanagement/", f"the endpoint {LOOK}"),
        ("https://public-eur.mkt.dynamics.com/api/v1.0/orgs//eventmanagement/", f"the endpoint {LOOK}"),
        ("https://public-eur.mkt.dynamics.com/api/v1.0/orgs/x/", f"the endpoint {LOOK}"),
        (ENDPOINT + "events/published", f"the endpoint {LOOK}"),
        ("https://h.example.com/orgs/../eventmanagement/", f"the endpoint {LOOK}"),
        ("https://h.example.com/./orgs/x/eventmanagement/", f"the endpoint {LOOK}"),
        ("https://h.example.com/orgs/%2e%2e/eventmanagement/", f"the endpoint {LOOK}"),
        ("https://h.example.com/orgs/a\\b/eventmanagement/", f"the endpoint {LOOK}"),
        ("https://public-<geo>.mkt.dynamics.com/api/v1.0/orgs/x/eventmanagement/", "the endpoint is not an address"),
        ("https:///orgs/x/eventmanagement/", "the endpoint is not an address"),
        ("https://h.example.com:port/orgs/x/eventmanagement/", "the endpoint is not an address"),
        ("https://h.example.com:99999/orgs/x/eventmanagement/", "the endpoint is not an address"),
        ("https://[::1/orgs/x/eventmanagement/", "the endpoint is not an address"),
        ("https://h.exa mple.com/orgs/x/eventmanagement/", "the endpoint is not an address"),
        ("https://münchen.example.com/orgs/x/eventmanagement/", "the endpoint is not an address"),
    ],
)
def test_an_endpoint_that_cannot_be_right_is_refused_with_what_to_do(pasted: str, sentence: str) -> None:
    assert words("realtime.endpoint", pasted) == sentence


@pytest.mark.parametrize(
    "token", [" ", "a b", ' "quoted" ', "100%", "%41", "a+b/c==", "'x'", "\tx\n", "x" * 10_000, "Ω", "null", "[1]"]
)
def test_a_token_is_taken_as_it_is(token: str) -> None:
    assert found("realtime.token", token).get_secret_value() == token


def test_an_empty_token_is_none() -> None:
    assert words("realtime.token", "") == "the token is empty"


@pytest.mark.parametrize("path", ["realtime.token", "upstream.proxy"])
def test_a_secret_is_never_shown(path: str) -> None:
    secret = "http://user:s3cr3t-Zt9@127.0.0.1:3128"
    settings = given(path, secret)
    for shown in (repr(settings), str(settings), settings.model_dump_json(), repr(settings.model_dump()), f"{settings}"):
        assert "s3cr3t" not in shown
    group = repr(settings.realtime) + str(settings.upstream) + settings.upstream.model_dump_json()
    assert "s3cr3t" not in group


@pytest.mark.parametrize(
    "values",
    [
        {"endpoint": 1, "token": PLAIN, "origin": "x"},
        {"token": PLAIN},
        {"endpoint": ENDPOINT, "token": [PLAIN], "origin": "https://x.example.com"},
        {"endpoint": ENDPOINT, "token": {PLAIN: PLAIN}, "origin": "https://x.example.com"},
        {"endpoint": ENDPOINT, "token": PLAIN, "origin": "https://x.example.com", "more": PLAIN},
    ],
)
@pytest.mark.parametrize("kind", ["whole", "group"])
def test_no_refusal_shows_the_token(values: dict[str, Any], kind: str) -> None:
    model = GivenSettings if kind == "whole" else GivenSettings.model_fields["realtime"].annotation
    assert model is not None
    with pytest.raises(ValidationError) as refused:
        model.model_validate({"realtime": values} if kind == "whole" else values)
    assert PLAIN not in str(refused.value)
    assert PLAIN not in repr(refused.value)


@pytest.mark.parametrize("path", ["realtime.origin", "portal.origins"])
@pytest.mark.parametrize(
    ("pasted", "taken"),
    [
        ("https://portal.example.com", "https://portal.example.com"),
        (" https://Portal.Example.com/ ", "https://portal.example.com"),
        ("https://portal.example.com:443", "https://portal.example.com"),
        ("https://portal.example.com:", "https://portal.example.com"),
        ("https://portal.example.com:8443", "https://portal.example.com:8443"),
        ("http://localhost:4200", "http://localhost:4200"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://[::1]:4200/", "http://[::1]:4200"),
    ],
)
def test_an_origin_is_taken_in_the_form_that_browsers_send(path: str, pasted: str, taken: str) -> None:
    value = found(path, pasted)
    assert value == (taken if path == "realtime.origin" else (taken,))


@pytest.mark.parametrize(
    ("pasted", "sentence"),
    [
        ("portal.example.com", "the origin must start with https://"),
        ("*", "the origin must start with https://"),
        ("null", "the origin must start with https://"),
        ("http://portal.example.com", "the origin must use https (http is for this machine only)"),
        ("https://portal.example.com/events", "the origin must end after the host: an origin has no path"),
        ("https://*.example.com", "the origin is not an address"),
        (
            "https://a@portal.example.com",
            "the origin must have no user name, query or fragment; the token is a setting of its own",
        ),
    ],
)
def test_an_origin_that_is_none_is_refused(pasted: str, sentence: str) -> None:
    assert words("realtime.origin", pasted) == sentence


@pytest.mark.parametrize(
    ("value", "taken"),
    [
        ("", ()),
        (" , ", ()),
        ([], ()),
        ("https://a.example.com,https://b.example.com", ("https://a.example.com", "https://b.example.com")),
        (" https://b.example.com , https://a.example.com, ", ("https://b.example.com", "https://a.example.com")),
        ('["https://a.example.com", "https://b.example.com/"]', ("https://a.example.com", "https://b.example.com")),
        (["https://a.example.com", "https://A.example.com:443/"], ("https://a.example.com",)),
    ],
)
def test_a_list_is_json_or_has_commas(value: Any, taken: tuple[str, ...]) -> None:
    assert found("portal.origins", value) == taken


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ('["https://a.example.com"', 'must be a JSON list such as ["a", "b"], or words parted by commas'),
        ("[https://a.example.com]", 'must be a JSON list such as ["a", "b"], or words parted by commas'),
        ("[1, 2]", "Input should be a valid string\nInput should be a valid string"),
        (7, "Input should be a valid tuple"),
        (
            "https://a.example.com,b.example.com,http://c.example.com",
            "origin 2 must start with https://\norigin 3 must use https (http is for this machine only)",
        ),
    ],
)
def test_a_list_that_is_none_is_refused(value: Any, sentence: str) -> None:
    assert words("portal.origins", value) == sentence


def test_the_registered_origin_may_always_call_when_no_other_is_named() -> None:
    assert given("portal.origins", "").origins == {"https://portal.example.com"}
    assert given("portal.origins", "https://a.example.com").origins == {"https://a.example.com"}


@pytest.mark.parametrize("name", ["webapp_id", "business_unit_id"])
def test_ids_of_the_organisation_are_guids(name: str) -> None:
    assert found(f"realtime.{name}", GUID) == GUID
    assert found(f"realtime.{name}", None) is None
    for bad in ("", "x", f"{{{GUID}}}", GUID.replace("-", ""), f"{GUID}&x=1"):
        assert words(f"realtime.{name}", bad) == "must be a GUID such as 00000000-0000-0000-0000-000000000000"


CLASSES = ("details", "counts", "images")
SECONDS = [f"upstream.{name}" for name in ("connect_timeout", "read_timeout", "pool_timeout", "total_timeout", "keep_alive")]
SECONDS += ["limits.header_timeout", "limits.request_timeout", "limits.answer_timeout"]
SECONDS += ["challenge.timeout"]
SECONDS += ["faults.breaker_window", "faults.deadline"]
SECONDS += ["cutover.page_memory", "shadow.timeout", "rollback.window", "rollback.latency_floor"]
BOUNDS = {
    "upstream.budget_burst": (1, 100_000),
    "upstream.connections": (1, 10_000),
    "upstream.max_answer_bytes": (1_024, 2**31),
    "upstream.max_image_bytes": (1_024, 2**31),
    "limits.target_bytes": (256, 65_000),
    "limits.header_count": (10, 1_000),
    "limits.header_bytes": (1_024, 65_536),
    "limits.body_bytes": (1_024, 64 * 2**20),
    "limits.concurrency": (1, 100_000),
    "limits.registration_reserve": (0, 100_000),
    "limits.connections": (10, 1_000_000),
    "limits.backlog": (1, 65_535),
    "limits.shutdown_timeout": (1, 600),
    "limits.keep_alive": (1, 3_600),
    "faults.breaker_minimum": (1, 10_000),
    "faults.breaker_probes": (1, 100),
    "faults.retry_burst": (1, 1_000),
    "cache.max_bytes": (1_024, 2**31),
    "cache.max_entries": (1, 10_000_000),
    "cache.shared_max_bytes": (1_024, 2**31),
    "cache.max_entry_bytes": (1_024, 2**31),
    "cache.warm_events": (1, 10_000),
    "shadow.queue": (1, 10_000),
    "shadow.connections": (1, 64),
    "shadow.max_answer_bytes": (1_024, 2**26),
    "rollback.minimum": (10, 100_000),
    "outbox.max_entries": (1, 1_000_000),
    "outbox.max_bytes": (2**16, 2**36),
}
SECONDS += ["reload.interval", "reload.vault_interval"]
MINUTE, MONTH = 60, 30 * 86_400
TIMES = [f"cache.{group}.{name}" for group in CLASSES for name in ("fresh", "stale_while_revalidate", "stale_if_error")]
AT_LEAST_NONE = dict.fromkeys((*TIMES, "cache.not_found", "cache.when_unreachable"), MONTH)
AT_LEAST_NONE |= {"upstream.budget_wait": MINUTE, "cache.stale_wait": MINUTE}
AT_LEAST_NONE |= {"challenge.minimum_age": 300, "challenge.minimum_score": 1}
AT_LEAST_NONE |= {"outbox.window": 86_400, "telemetry.sample": 1}
AT_LEAST_NONE |= {"limits.drain_delay": 600, "faults.retry_percent": 100, "faults.registrations_percent": 90}
AT_LEAST_NONE |= dict.fromkeys(("cutover.percent", "shadow.sample", "shadow.noise"), 100)
MORE_THAN_NONE = {"cache.refresh_ahead": 1, "cache.warm_rate": 1_000}
MORE_THAN_NONE |= {"state.redis_timeout": 1}
MORE_THAN_NONE |= {"faults.breaker_percent": 100, "faults.images_percent": 100}
MORE_THAN_NONE |= {"rollback.error_percent": 100, "rollback.latency_factor": 100}
FLAGS = {
    "portal.source_maps": False,
    "cache.enabled": True,
    "cache.browsers": True,
    "cache.obey_clients": False,
    "cache.warm": True,
    "faults.breaker": True,
    "rollback.enabled": True,
}
FLAGS |= {"reload.enabled": True, "cache.shared": True, "archive.hide_form": False, "telemetry.traces": False}
DAYS = ("outbox.max_age", "outbox.oldest_ready", "outbox.retention")


@pytest.mark.parametrize("path", SECONDS)
def test_seconds_are_more_than_none_and_at_most_an_hour(path: str) -> None:
    for good, taken in (("0.5", 0.5), (3_600, 3_600.0), ("20", 20.0)):
        assert found(path, good) == taken
    for bad in (0, -1, 3_601, "nan", "inf", "5s", "", [5]):
        assert words(path, bad)


@pytest.mark.parametrize("path", DAYS)
def test_long_times_are_a_minute_to_a_year(path: str) -> None:
    for good, taken in (("60", 60.0), (366 * 86_400, 366 * 86_400.0)):
        assert found(path, good) == taken
    for bad in (0, 59.5, 366 * 86_400 + 1, "nan", "inf", "1d", "", [60], None):
        assert words(path, bad)


@pytest.mark.parametrize(("path", "least", "most"), [(path, *bounds) for path, bounds in BOUNDS.items()])
def test_whole_numbers_have_bounds(path: str, least: int, most: int) -> None:
    assert found(path, str(least)) == least
    assert found(path, most) == most
    for bad in (least - 1, most + 1, least + 0.5, "many", "", None):
        assert words(path, bad)


@pytest.mark.parametrize(
    ("path", "least", "most"),
    [(path, 0.0, most) for path, most in AT_LEAST_NONE.items()]
    + [(path, 2.0**-10, most) for path, most in MORE_THAN_NONE.items()],
)
def test_numbers_have_bounds(path: str, least: float, most: float) -> None:
    for good, taken in ((str(least), least), (least, least), (most, most), (str(most / 2), most / 2)):
        assert found(path, good) == taken
    for bad in (-(2.0**-10), most + 2.0**-10, "nan", "inf", "5s", "", [least], None):
        assert words(path, bad)
    if least:
        assert words(path, 0) == "Input should be greater than 0"


@pytest.mark.parametrize(("path", "default"), FLAGS.items())
def test_what_is_on_or_off_is_said_in_many_words(path: str, default: bool) -> None:
    assert value_of(given("log_level", "info"), path) is default
    for text, taken in (
        ("true", True),
        ("FALSE", False),
        ("1", True),
        ("0", False),
        ("on", True),
        ("off", False),
        (False, False),
    ):
        assert found(path, text) is taken
    for bad in ("", "perhaps", 2, None, [True]):
        assert words(path, bad)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("15", "must be calls per time such as 15/s, 900/min or 6000/5min, or off"),
        ("", "must be calls per time such as 15/s, 900/min or 6000/5min, or off"),
        ("0/s", "must be more than nothing; off means that calls are not limited"),
        ("100001/s", "must be at most 100000/s"),
        (15, "Input should be a valid string"),
        (False, "Input should be a valid string"),
    ],
)
def test_a_budget_that_is_none_is_refused(text: Any, sentence: str) -> None:
    assert words("upstream.budget", text) == sentence


@pytest.mark.parametrize("text", ["15/s", "900/min", " 6000 / 5min ", "OFF"])
def test_a_budget_is_calls_per_time_or_off(text: str) -> None:
    assert found("upstream.budget", text) == text


def numbers(group: BaseModel, place: str = "") -> set[str]:
    """The paths of all numbers and flags, of inner groups too."""
    inner = [(f"{place}{name}", value) for name, value in group]
    return {path for path, value in inner if isinstance(value, int | float)}.union(
        *(numbers(value, f"{path}.") for path, value in inner if isinstance(value, BaseModel))
    )


LINKED = {"faults.breaker_open", "faults.breaker_open_most", "outbox.enabled", "outbox.backoff_first", "outbox.backoff_most"}
"""Settings that bound or need each other: test_settings.py of tests/app/faults and tests/app/outbox."""


def test_every_number_is_in_one_of_the_tables() -> None:
    tables = (SECONDS, BOUNDS, AT_LEAST_NONE, MORE_THAN_NONE, FLAGS, LINKED, DAYS)
    assert numbers(given("log_level", "info")) == {path for table in tables for path in table}


@pytest.mark.parametrize("good", ["http://proxy.example.com:3128", "https://user:p%40ss@proxy.example.com", "http://127.0.0.1:1"])
def test_a_proxy_is_an_address(good: str) -> None:
    assert found("upstream.proxy", good).get_secret_value() == good
    assert found("upstream.proxy", None) is None


@pytest.mark.parametrize(
    "bad", ["", "proxy.example.com:3128", "socks5://h.example.com:1", "http://", "http://h:port", "http://[::1"]
)
def test_a_proxy_that_is_none_is_refused(bad: str) -> None:
    assert words("upstream.proxy", bad) == "must be an address such as http://proxy.example.com:3128"


def test_a_file_of_authorities_must_hold_certificates(tmp_path: Path) -> None:
    pem = tmp_path / "ca.pem"
    assert words("upstream.ca_file", str(pem)) == f"{pem} cannot be read: No such file or directory"
    assert words("upstream.ca_file", str(tmp_path)).startswith(str(tmp_path))
    pem.write_text("no certificate")
    assert words("upstream.ca_file", str(pem)) == f"{pem} is not a PEM file with certificates"
    trusted = ssl.create_default_context().get_ca_certs(binary_form=True)
    if trusted:  # a machine without any authority has none to try
        pem.write_text(ssl.DER_cert_to_PEM_cert(trusted[0]))
        assert found("upstream.ca_file", str(pem)) == str(pem)


@pytest.mark.parametrize(
    ("path", "value", "taken"),
    [
        ("answers.registration_form", "null", "null"),
        ("answers.registration_form", " KEEP ", "keep"),
        ("answers.registration_form", None, "null"),
        ("answers.allow_anonymous_registrations", True, "true"),
        ("answers.allow_anonymous_registrations", "True", "true"),
        ("answers.allow_anonymous_registrations", "keep", "keep"),
        ("log_level", "WARNING", "warning"),
        ("log_level", " debug ", "debug"),
        ("answers.allow_query", "a, B", ("a", "b")),
        ("answers.allow_query", ["Lang"], ("lang",)),
    ],
)
def test_a_choice_is_taken_in_any_letter_case(path: str, value: Any, taken: Any) -> None:
    assert found(path, value) == taken


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("answers.registration_form", "drop", "Input should be 'null', 'keep' or 'bridge'"),
        ("answers.registration_form", True, "Input should be 'null', 'keep' or 'bridge'"),
        ("answers.registration_form", ["keep"], "Input should be 'null', 'keep' or 'bridge'"),
        ("answers.allow_anonymous_registrations", False, "Input should be 'true' or 'keep'"),
        ("answers.allow_anonymous_registrations", 1, "Input should be 'true' or 'keep'"),
        ("answers.allow_anonymous_registrations", {}, "Input should be 'true' or 'keep'"),
        ("answers.allow_query", "a,emApplicationToken", "the client's token never travels upstream"),
        ("log_level", "loud", "Input should be 'debug', 'info', 'warning' or 'error'"),
        ("log_level", 10, "Input should be 'debug', 'info', 'warning' or 'error'"),
    ],
)
def test_a_choice_that_is_none_is_refused(path: str, value: Any, sentence: str) -> None:
    assert words(path, value) == sentence


@pytest.mark.parametrize(
    ("path", "table"),
    [
        ("aliases.events", {"Old 2019": "New_2026", "日本": "مؤتمر"}),
        ("aliases.sessions", {GUID: OTHER_GUID}),
        ("aliases.passes", {GUID: OTHER_GUID}),
        ("aliases.fields", {"7f3c": "jobtitle"}),
        ("messages", {"de-AT": {"NotFound": "Nicht da."}, "it": {"invalidbody": "No[ ({detail})]."}}),
    ],
)
def test_tables_are_kept(path: str, table: dict[str, Any]) -> None:
    assert found(path, table) == table


@pytest.mark.parametrize(
    ("path", "table", "sentence"),
    [
        ("aliases.events", {"a/b": "ok", "ok": ".."}, "'a/b', '..' are not readable event ids"),
        ("aliases.events", {"": "ok"}, "'' is not a readable event id"),
        ("aliases.sessions", {"x": GUID, GUID: "y"}, "'x', 'y' are not GUIDs"),
        ("aliases.passes", {GUID: "y"}, "'y' is not a GUID"),
        ("aliases", {"events": {"Old": "a", "OLD": "b"}}, "events has the same old id twice in different letter case"),
        ("aliases", {"fields": {"f": "a", "F": "b"}}, "fields has the same old id twice in different letter case"),
        ("aliases.events", "Old=New", "Input should be a valid dictionary"),
        (
            "messages",
            {"de": {"Nothing": "x", "NotFound": ""}},
            "messages.de.Nothing: there is no such error code\n"
            "messages.de.NotFound: the sentence is empty, or empty without its part in square brackets",
        ),
        ("messages", {"not a tag": {"NotFound": "x"}}, "messages.not a tag: this is not a language tag such as de or de-AT"),
    ],
)
def test_tables_with_mistakes_are_refused_and_all_are_named(path: str, table: Any, sentence: str) -> None:
    assert words(path, table) == sentence


@pytest.mark.parametrize(
    "path", ["realtime.tokn", "portal.origin", "upstream.timeout", "answers.x", "aliases.event", "limits.x", "logs"]
)
def test_a_name_that_is_none_is_refused(path: str) -> None:
    assert words(path, "x") == "Extra inputs are not permitted"
