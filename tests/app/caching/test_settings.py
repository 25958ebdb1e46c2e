"""app/caching/settings.py: the times of each operation, and how they are set."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.caching.settings import CacheSettings, Counts, Details, Images, Times
from app.configuration_error import ConfigurationError
from app.settings_sources import load_settings
from translation.freshness import DEFAULTS, Freshness, Lifetime
from translation.operations import BY_NAME, OPERATIONS

REQUIRED = {
    "EVTMGMT_REALTIME__ENDPOINT": "https://public-eur.mkt.dynamics.com/api/v1.0/orgs/7f3c/eventmanagement/",
    "EVTMGMT_REALTIME__TOKEN": "s3cr3t",
    "EVTMGMT_REALTIME__ORIGIN": "https://portal.example.com",
}
CACHE = "EVTMGMT_CACHE__"
KEPT = {name: operation.freshness for name, operation in BY_NAME.items() if operation.freshness is not None}
MONTH = 30 * 86_400
Load = Callable[..., CacheSettings]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """The settings of an environment; names without what they all begin with."""
    for name in [name for name in os.environ if name.upper().startswith("EVTMGMT_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secrets").mkdir()
    monkeypatch.setenv("EVTMGMT_SECRETS_DIR", str(tmp_path / "secrets"))
    for name, value in REQUIRED.items():
        monkeypatch.setenv(name, value)

    def loaded(**values: str) -> CacheSettings:
        for name, value in values.items():
            monkeypatch.setenv(f"{CACHE}{name}", value)
        return load_settings().cache

    return loaded


def mistakes(load: Load, **values: str) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        load(**values)
    return refused.value.problems


def test_defaults() -> None:
    assert CacheSettings().model_dump() == {
        "enabled": True,
        "max_bytes": 256 * 2**20,
        "max_entries": 20_000,
        "max_entry_bytes": 4 * 2**20,
        "shared": True,
        "shared_max_bytes": 2**20,
        "details": {"fresh": 30, "stale_while_revalidate": 600, "stale_if_error": 86_400},
        "counts": {"fresh": 5, "stale_while_revalidate": 30, "stale_if_error": 600},
        "images": {"fresh": 3_600, "stale_while_revalidate": 86_400, "stale_if_error": 604_800},
        "operations": {},
        "not_found": 10,
        "when_unreachable": 86_400,
        "stale_wait": 2,
        "refresh_ahead": 0.8,
        "browsers": True,
        "obey_clients": False,
        "warm": True,
        "warm_events": 50,
        "warm_rate": 5,
    }


def test_lifetimes_are_those_of_the_classes() -> None:
    assert CacheSettings().lifetimes() == {name: DEFAULTS[of_class] for name, of_class in KEPT.items()}


def test_what_writes_and_what_is_personal_has_none() -> None:
    lifetimes = CacheSettings().lifetimes()
    assert not [operation.name for operation in OPERATIONS if operation.writes and operation.name in lifetimes]
    never = {"get_captcha", "get_user", "list_user_registrations", "list_user_waitlist_items", "get_personal_calendar"}
    assert not never & set(lifetimes)


def test_off_is_off() -> None:
    settings = CacheSettings.model_validate({"enabled": False, "operations": {"get_event": {"fresh": 5}}})
    assert settings.lifetimes() == {}


def test_a_class_is_changed_for_all_its_operations() -> None:
    lifetimes = CacheSettings.model_validate({"counts": {"fresh": 1}}).lifetimes()
    for name, of_class in KEPT.items():
        assert lifetimes[name] == (Lifetime(1, 30, 600) if of_class is Freshness.COUNTS else DEFAULTS[of_class])


def test_an_operation_has_times_of_its_own_and_the_rest_of_its_class() -> None:
    settings = CacheSettings.model_validate(
        {
            "details": {"stale_while_revalidate": 7},
            "operations": {"list_sessions": {"fresh": 1}, "get_event": "never", "get_speaker_image": {"stale_if_error": 0}},
        }
    )
    lifetimes = settings.lifetimes()
    assert lifetimes["list_sessions"] == Lifetime(1, 7, 86_400)
    assert lifetimes["list_events"] == Lifetime(30, 7, 86_400)
    assert lifetimes["get_speaker_image"] == Lifetime(3_600, 86_400, 0)
    assert "get_event" not in lifetimes
    assert set(lifetimes) == set(KEPT) - {"get_event"}


@pytest.mark.parametrize("name", KEPT)
def test_any_kept_operation_can_be_kept_never(name: str) -> None:
    assert set(CacheSettings.model_validate({"operations": {name: "never"}}).lifetimes()) == set(KEPT) - {name}


seconds = st.none() | st.floats(0, MONTH)


@given(
    st.builds(Times, fresh=seconds, stale_while_revalidate=seconds, stale_if_error=seconds),
    st.builds(Lifetime, *[st.floats(0, 9)] * 3),
)
def test_what_is_left_out_is_as_before(own: Times, default: Lifetime) -> None:
    found = own.over(default)
    for name, value in own:
        assert getattr(found, name) == (getattr(default, name) if value is None else value)


@pytest.mark.parametrize("group", [Details, Counts, Images, Times])
@pytest.mark.parametrize("name", ["fresh", "stale_while_revalidate", "stale_if_error"])
def test_times_are_from_none_to_a_month(group: type[Times], name: str) -> None:
    for good in (0, 0.5, MONTH):
        assert getattr(group.model_validate({name: good}), name) == good
    for bad in (-0.001, MONTH + 1, "soon", "", float("nan"), float("inf"), [1]):
        with pytest.raises(ValidationError):
            group.model_validate({name: bad})


@pytest.mark.parametrize(
    "name", ["register", "get_captcha", "get_user", "list_track_sessions", "get_personal_calendar", "GET_EVENT"]
)
@pytest.mark.parametrize("value", ["never", {"fresh": 1}])
def test_an_operation_that_is_not_kept_has_no_times(name: str, value: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        CacheSettings.model_validate({"operations": {name: value, "get_event": "never"}})
    (error,) = refused.value.errors()
    assert error["loc"] == ("operations",)
    assert error["msg"] == f"Value error, {name!r}: not an operation whose answers are kept; these are {', '.join(KEPT)}"


# The real environment


@pytest.mark.parametrize(("text", "taken"), [("false", False), ("0", False), ("off", False), ("TRUE", True), ("", True)])
def test_the_environment_turns_it_off(load: Load, text: str, taken: bool) -> None:
    settings = load(ENABLED=text)
    assert settings.enabled is taken
    assert bool(settings.lifetimes()) is taken


def test_the_environment_changes_one_time_of_a_class(load: Load) -> None:
    settings = load(DETAILS__FRESH="5", IMAGES__STALE_IF_ERROR="0")
    assert (settings.details, settings.counts) == (Details(fresh=5), Counts())
    lifetimes = settings.lifetimes()
    assert lifetimes["get_event"] == Lifetime(5, 600, 86_400)
    assert lifetimes["get_sponsor_logo"] == Lifetime(3_600, 86_400, 0)
    assert lifetimes["list_passes"] == Lifetime(5, 30, 600)


def test_the_environment_changes_operations_as_json(load: Load) -> None:
    lifetimes = load(OPERATIONS='{"list_sessions": {"fresh": 1}, "get_event": "never"}', DETAILS__STALE_IF_ERROR="3").lifetimes()
    assert lifetimes["list_sessions"] == Lifetime(1, 600, 3)
    assert "get_event" not in lifetimes


def test_the_environment_changes_operations_by_name(load: Load) -> None:
    lifetimes = load(OPERATIONS__LIST_SESSIONS__FRESH="1", OPERATIONS__GET_EVENT="never").lifetimes()
    assert lifetimes["list_sessions"] == Lifetime(1, 600, 86_400)
    assert "get_event" not in lifetimes


def test_the_settings_file_and_the_environment_add_up(load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(
        "[cache]\nmax_entries = 7\n[cache.details]\nfresh = 9\nstale_if_error = 8\n"
        '[cache.operations]\nget_event = "never"\nlist_events = { fresh = 2 }\n'
    )
    monkeypatch.setenv("EVTMGMT_CONFIG_FILE", str(file))
    settings = load(DETAILS__FRESH="5", OPERATIONS__LIST_EVENTS__STALE_IF_ERROR="1")
    assert settings.max_entries == 7
    lifetimes = settings.lifetimes()
    assert lifetimes["list_tracks"] == Lifetime(5, 600, 8)
    assert lifetimes["list_events"] == Lifetime(2, 600, 1)
    assert "get_event" not in lifetimes


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("ENABLED", "perhaps", "must be true or false"),
        ("BROWSERS", "2", "must be true or false"),
        ("DETAILS__FRESH", "soon", "must be a number such as 2.5, without a unit"),
        ("DETAILS__FRESH", "-1", "must be greater than or equal to 0"),
        ("COUNTS__STALE_WHILE_REVALIDATE", "5s", "must be a number such as 2.5, without a unit"),
        ("IMAGES__STALE_IF_ERROR", "2592001", "must be less than or equal to 2592000"),
        ("DETAILS__FRSH", "1", "there is no such setting; is EVTMGMT_CACHE__DETAILS__FRESH meant?"),
        ("DETAIL__FRESH", "1", "there is no such setting; is EVTMGMT_CACHE__DETAILS__FRESH meant?"),
        ("IMAGES__FRESH__X", "1", "there is no such setting; is EVTMGMT_CACHE__IMAGES__FRESH meant?"),
        ("MAX_BYTES", "1023", "must be greater than or equal to 1024"),
        ("MAX_ENTRIES", "0", "must be greater than or equal to 1"),
        ("REFRESH_AHEAD", "0", "must be greater than 0"),
        ("REFRESH_AHEAD", "1.01", "must be less than or equal to 1"),
        ("OPERATIONS", "never", 'must be a table, in the environment as JSON such as {"old": "new"}'),
        ("OPERATIONS", '{"get_event"', 'must be a table, in the environment as JSON such as {"old": "new"}'),
        (
            "OPERATIONS",
            '{"register": "never", "get_evnt": {"fresh": 1}}',
            f"'register', 'get_evnt': not an operation whose answers are kept; these are {', '.join(KEPT)}",
        ),
    ],
)
def test_each_mistake_has_its_words(load: Load, name: str, value: str, sentence: str) -> None:
    assert f"{CACHE}{name}: {sentence}" in mistakes(load, **{name: value})


@pytest.mark.parametrize(
    ("times", "place"),
    [
        ("newer", ""),
        (5, ""),
        ([], ""),
        ({"fresh": -1}, "__FRESH"),
        ({"fresh": "soon"}, "__FRESH"),
        ({"frsh": 1}, "__FRSH"),
        ({"stale_if_error": MONTH + 1}, "__STALE_IF_ERROR"),
    ],
)
def test_a_mistake_in_the_times_of_an_operation_is_told_once_where_it_is(load: Load, times: Any, place: str) -> None:
    (problem,) = mistakes(load, OPERATIONS=json.dumps({"list_events": times}))
    assert problem.startswith(f"{CACHE}OPERATIONS__LIST_EVENTS{place}: ")


@pytest.mark.parametrize("text", ["never", "Never", "NEVER", " never "])
def test_never_is_taken_in_any_letter_case(load: Load, text: str) -> None:
    assert "get_event" not in load(OPERATIONS__GET_EVENT=text).lifetimes()


@pytest.mark.parametrize(("name", "value"), [("DETAILS", '{"fresh": 5}')])
def test_a_group_may_be_one_variable(load: Load, name: str, value: str) -> None:
    assert load(**{name: value}).details == Details(fresh=5)
