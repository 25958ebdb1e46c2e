"""Tests of the sentences about settings that cannot be used."""

import pytest
from pydantic import BaseModel, ValidationError

from app.setting_words import no_such_setting, plain_words
from app.settings import Settings
from app.settings_sources import known_names

KNOWN = [name for name, _ in known_names(Settings)]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("EVTMGMT_REALTIME__TOKN", "EVTMGMT_REALTIME__TOKEN"),
        ("EVTMGMT_REALTIME_TOKEN", "EVTMGMT_REALTIME__TOKEN"),
        ("EVTMGMT_REALTIME__ENDPIONT", "EVTMGMT_REALTIME__ENDPOINT"),
        ("EVTMGMT_LOGLEVEL", "EVTMGMT_LOG_LEVEL"),
        ("EVTMGMT_CACHE__ENABELD", "EVTMGMT_CACHE__ENABLED"),
    ],
)
def test_a_slip_of_the_pen_is_told_with_what_may_be_meant(written: str, meant: str) -> None:
    assert no_such_setting(written, KNOWN) == f"there is no such setting; is {meant} meant?"


@pytest.mark.parametrize("written", ["EVTMGMT_PASSWORD", "EVTMGMT_X", "EVTMGMT_DATABASE__URL"])
def test_nothing_is_guessed_where_nothing_is_alike(written: str) -> None:
    assert no_such_setting(written, KNOWN) == "there is no such setting"


class Group(BaseModel):
    """A setting of each kind."""

    switch: bool = True
    seconds: float = 1
    count: int = 1
    name: str = ""


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("switch", "maybe", "must be true or false"),
        ("seconds", "10s", "must be a number such as 2.5, without a unit"),
        ("count", "many", "must be a whole number, without a unit"),
        ("count", 1.5, "must be a whole number"),
        ("name", 7, "must be a valid string"),
    ],
)
def test_what_is_wrong_with_a_value_is_said_plainly(setting: str, value: object, words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Group.model_validate({setting: value})
    (error,) = refused.value.errors()
    assert plain_words(dict(error)) == words
