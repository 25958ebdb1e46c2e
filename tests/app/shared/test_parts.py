"""The way to Redis, as the settings say; and that nothing of it is there where they do not name one."""

import subprocess
import sys
from typing import Any

import pytest

from app.budget import Budget
from app.configuration_error import ConfigurationError
from app.cutover.decision import Source
from app.hosting.life import Life
from app.metrics import Metrics
from app.rates import Rate
from app.settings import GivenSettings
from app.shared.parts import build_line, share_budgets
from tests.app.abuse.test_settings import REALTIME

pytestmark = pytest.mark.anyio
REDIS = {"redis_url": "redis://127.0.0.1:1/0"}
OUTBOUND = {
    "endpoint": "https://contoso.svc.dynamics.com/EvtMgmt/api/v2.0/",
    "token": "t",
    "origin": "https://portal.example.com",
}


def settings(**groups: Any) -> GivenSettings:
    return GivenSettings.model_validate({"realtime": REALTIME, **groups})


def budget() -> Budget:
    return Budget(Rate(15, "15/s"), 200, 2)


async def test_without_an_address_there_is_nothing() -> None:
    life = Life()
    assert build_line(settings(), Metrics(), life) is None
    share_budgets(settings(), None, {Source.REALTIME: budget()}, life)
    assert not life._parts


def test_without_an_address_the_client_is_not_even_loaded() -> None:
    """Ten megabytes and a tenth of a second."""
    program = (
        "import sys; from app.main import create_app; from app.settings import GivenSettings; "
        f"create_app(GivenSettings.model_validate({{'realtime': {REALTIME!r}}})); "
        "print([name for name in sys.modules if name.split('.')[0] == 'redis'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


async def test_an_address_that_cannot_be_used_is_told_without_it() -> None:
    wrong = settings(state={"redis_url": "redis://u:geheim@host:99999"})
    with pytest.raises(ConfigurationError) as refusal:
        build_line(wrong, Metrics(), Life())
    assert refusal.value.problems[0].startswith("EVTMGMT_STATE__REDIS_URL: must be an address")
    assert "geheim" not in str(refusal.value)


async def test_the_line_outlives_other_settings_and_not_its_own() -> None:
    first = Life()
    line = build_line(settings(state=REDIS), Metrics(), first)
    assert line is not None
    assert line._patience == 0.05
    second = Life(first)
    assert build_line(settings(state=REDIS, limits={"concurrency": 5}), Metrics(), second) is line
    third = Life(second)
    assert build_line(settings(state={**REDIS, "redis_timeout": 0.2}), Metrics(), third) is not line
    for life in (first, third):
        await life.close()


async def test_each_organisation_has_its_bucket_and_other_budgets_have_others() -> None:
    names = set()
    for budgeted in ("15/s", "5/s", "off"):
        life = Life()
        given = settings(state=REDIS, outbound=OUTBOUND, upstream={"budget": budgeted})
        line = build_line(given, Metrics(), life)
        share_budgets(given, line, {Source.REALTIME: budget(), Source.OUTBOUND: budget()}, life)
        assert list(life._parts) == ["line", "lending realtime", "lending outbound"]
        names |= {part.value._keys[0] for name, part in life._parts.items() if name.startswith("lending")}
        await life.close()
    assert len(names) == 6
