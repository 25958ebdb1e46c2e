"""The settings of the outbox, and what is said of those that cannot be used."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from app.outbox.settings import OutboxSettings
from app.settings import GivenSettings
from tests.app.outbox.material import KEY

REALTIME = {
    "endpoint": "https://dynamics.invalid/api/v1.0/orgs/00000000-0000-0000-0000-000000000000/eventmanagement/",
    "token": "the token",
    "origin": "https://portal.invalid",
}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"enabled": True}, "set EVTMGMT_OUTBOX__KEY"),
        ({"key": "secretive"}, "key 1 is none"),
        ({"key": f"{KEY},ümlaut"}, "key 2 is none"),
        ({"key": " , "}, "the key is empty"),
        ({"rate": "many"}, "calls per time"),
        ({"backoff_first": 5, "backoff_most": 1}, "less than"),
    ],
)
def test_a_mistake_is_told_without_the_key(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as invalid:
        OutboxSettings.model_validate(values)
    assert words in str(invalid.value)
    assert "secretive" not in str(invalid.value)


def test_several_keys_are_parted_and_all_are_secrets() -> None:
    outbox = {"key": f" {KEY} ,{KEY}"}
    settings = GivenSettings.model_validate({"realtime": REALTIME, "outbox": outbox})
    assert settings.outbox.keys[0] == KEY
    assert len(settings.outbox.keys) == 2
    assert KEY in settings.secrets


def test_it_needs_a_place(tmp_path: Path) -> None:
    outbox = {"enabled": True, "key": KEY}
    with pytest.raises(ValidationError, match="set EVTMGMT_STATE__PATH"):
        GivenSettings.model_validate({"realtime": REALTIME, "outbox": outbox})
    assert GivenSettings.model_validate({"realtime": REALTIME, "outbox": outbox, "state": {"path": tmp_path}}).outbox.enabled
