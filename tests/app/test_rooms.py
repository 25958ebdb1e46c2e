"""The paths that the proxy answers itself."""

import pytest

from app.rooms import ADMIN, SERVICE, rooms_of
from app.settings import GivenSettings

REALTIME = {
    "endpoint": "https://public-eur.mkt.dynamics.invalid/api/v1.0/orgs/7/eventmanagement",
    "token": "t",
    "origin": "https://portal.invalid",
}
BRIDGE = {"portal": {"public_url": "https://proxy.invalid"}, "answers": {"registration_form": "bridge"}}


@pytest.mark.parametrize(
    ("groups", "rooms"),
    [
        ({}, SERVICE),
        ({"admin": {"token": "x" * 16}}, SERVICE | ADMIN),
        (BRIDGE, SERVICE | {"evtmgmt/bridge"}),
    ],
)
def test_rooms(groups: dict[str, object], rooms: frozenset[str]) -> None:
    assert rooms_of(GivenSettings.model_validate({"realtime": REALTIME, **groups})) == rooms
