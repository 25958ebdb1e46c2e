"""Names in Redis: replicas of one configuration find each other's answers, others do not, and nothing readable is in a name."""

from typing import Any

import pytest

from app.assembly import shape_of_answers
from app.caching.cache import Key
from app.caching.space import space_of
from app.settings import GivenSettings
from tests.app.abuse.test_settings import REALTIME

TOKEN = "the-token-of-the-server"
KEY = Key("get_event", ("Open_Day",), ("Open_Day",), (("filter", b"filter=Maria"),))


def space(portal: str = "", organisation: str = "org", token: str = TOKEN, **groups: Any) -> Any:
    settings = GivenSettings.model_validate({"realtime": REALTIME, **groups})
    return space_of(organisation, portal, shape_of_answers(settings), token)


def test_the_same_configuration_has_the_same_names() -> None:
    assert space() == space()
    assert space(limits={"concurrency": 7}, rates={"reads_per_client": "off"}, state={"path": "/x"}, log_level="debug") == space()


@pytest.mark.parametrize(
    "other",
    [
        {"portal": "munich"},
        {"token": "another-token-of-the-server"},
        {"aliases": {"events": {"Old": "New"}}},
        {"answers": {"allow_query": "filter"}},
        {"messages": {"de": {"NotFound": "Weg."}}},
        {"realtime": {**REALTIME, "webapp_id": "00000000-0000-4000-8000-000000000001"}},
    ],
    ids=str,
)
def test_another_configuration_has_other_names_and_the_same_log(other: dict[str, Any]) -> None:
    one, two = space(), space(**other)
    assert one.names(KEY) != two.names(KEY)
    assert one.log == two.log
    assert one.channel == two.channel


def test_another_organisation_has_nothing_in_common() -> None:
    one, two = space(), space(organisation="another")
    assert not {one.log, one.channel, *one.names(KEY)} & {two.log, two.channel, *two.names(KEY)}
    assert space(organisation="ORG").log == one.log


def test_keys_have_names_of_their_own() -> None:
    keys = [
        KEY,
        KEY._replace(source="outbound"),
        KEY._replace(asked=("Old",)),
        KEY._replace(query=()),
        KEY._replace(operation="x"),
    ]
    names = {name for key in keys for name in space().names(key)}
    assert len(names) == 2 * len(keys)


def test_nothing_readable_is_in_a_name() -> None:
    names = " ".join(space().names(KEY)) + space().log + space().channel
    for word in ("Maria", "Open_Day", "org/", TOKEN, "get_event"):
        assert word not in names
    assert all("}" in name and name.startswith("evtmgmt:{") for name in names.split())


def test_another_version_of_the_program_has_other_names(monkeypatch: pytest.MonkeyPatch) -> None:
    one = space()
    monkeypatch.setattr("app.caching.space.VERSION", "9.9.9")
    assert space().names(KEY) != one.names(KEY)
