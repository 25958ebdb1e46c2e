"""Tests of app/admin/views/readiness.py."""

import pytest

from app.admin.views.readiness import show_readiness
from app.cutover.standing import Obstacle, Severity
from app.cutover.state import Stage
from tests.app.admin.rig import OBSTACLES


@pytest.mark.parametrize(
    ("stage", "after"), [("outbound", "shadow"), ("shadow", "split"), ("split", "realtime"), ("realtime", None)]
)
def test_the_next_stage(stage: str, after: str | None) -> None:
    assert show_readiness(Stage(stage), []).next == after


def test_names_of_operations_are_not_spelled_anew() -> None:
    named = Obstacle(Severity.WARNING, "register was not compared so far", "Wait.")
    assert show_readiness(Stage.SHADOW, [named]).obstacles[0].text == "register was not compared so far."


def test_obstacles_are_sentences() -> None:
    shown = show_readiness(Stage.SPLIT, OBSTACLES)
    assert shown.obstacles[0].text == "The event Winter_Gala is listed only in outbound, starts in 12 days."
    assert [each.severity for each in shown.obstacles] == ["blocker", "warning", "note"]
