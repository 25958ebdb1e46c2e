"""What still stands against the next stage."""

from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel

from app.admin.sources import Obstacle
from app.cutover.state import Stage

SEVERITIES: Final = ("blocker", "warning", "note")
"""The gravest first."""
STAGES: Final = tuple(Stage)


class ObstacleRow(BaseModel):
    """One thing that stands against it, and what can be done."""

    severity: str
    text: str
    advice: str


class Readiness(BaseModel):
    """How far it is to the next stage; ``next`` is null in the last one."""

    stage: Stage
    next: Stage | None
    obstacles: list[ObstacleRow]


def show_readiness(stage: Stage, obstacles: Sequence[Obstacle]) -> Readiness:
    """What stands against the stage after ``stage``, the gravest first."""
    rows = [ObstacleRow(severity=each.severity, text=each.text, advice=each.advice) for each in obstacles]
    rows.sort(key=lambda row: SEVERITIES.index(row.severity) if row.severity in SEVERITIES else 0)
    after = STAGES.index(stage) + 1
    return Readiness(stage=stage, next=STAGES[after] if after < len(STAGES) else None, obstacles=rows)
