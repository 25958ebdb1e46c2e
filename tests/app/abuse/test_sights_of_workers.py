"""Tests of app/abuse/sights_of_workers.py."""

from pathlib import Path

import pytest

from app.abuse import sights_of_workers as module
from app.abuse.first_sights import FirstSights
from app.abuse.parts import build_addresses, build_admission
from app.abuse.sights_of_workers import SightsOfWorkers
from app.cutover.live import SHARED_STATE
from app.hosting.life import Life
from app.metrics import Metrics
from app.settings import GivenSettings
from tests.app.abuse.test_settings import REALTIME
from tests.clock import Clock


def test_what_one_worker_saw_all_have_seen(tmp_path: Path) -> None:
    clock = Clock()
    file = tmp_path / "state" / "sights-"
    one, other = SightsOfWorkers(3, file, clock), SightsOfWorkers(3, file, clock)
    one.saw("ann", "Événement")
    clock.now += 2
    assert other.wait("ann", "événement") == 1
    clock.now += 1
    assert other.wait("ann", "Événement") == 0
    assert other.wait("bo", "Événement") == 3
    assert one.wait("bo", "other") == 3
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_it_is_bounded_and_holds_no_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PLACES", 4)
    sights = SightsOfWorkers(3, tmp_path / "sights", Clock())
    for number in range(100):
        sights.saw(f"198.51.100.{number}", "Event")
    kept = (tmp_path / "sights").read_bytes()
    assert len(kept) == 64
    assert b"198" not in kept


def test_a_time_to_come_is_none(tmp_path: Path) -> None:
    clock = Clock()
    clock.now = 1_000
    SightsOfWorkers(3, tmp_path / "sights", clock).saw("ann", "E")
    clock.now = 10
    assert SightsOfWorkers(3, tmp_path / "sights", clock).wait("ann", "E") == 3


@pytest.mark.parametrize("several", [True, False])
def test_it_is_used_where_there_are_other_workers(several: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if several:
        monkeypatch.setenv(SHARED_STATE, str(tmp_path))
    settings = GivenSettings.model_validate({"realtime": REALTIME, "challenge": {"minimum_age": 3}})
    admission = build_admission(settings, build_addresses(settings), Metrics(), Life())
    assert type(admission._sights) is (SightsOfWorkers if several else FirstSights)
    assert (tmp_path / "sights-").exists() is several
