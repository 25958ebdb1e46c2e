"""What still stands against the next stage."""

from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel

from app.cutover.standing import Obstacle, Severity
from app.cutover.state import Stage
from translation.operations import BY_NAME

_STAGES: Final = tuple(Stage)


class ObstacleRow(BaseModel):
    """One thing that stands against it, and what can be done."""

    severity: Severity
    text: str
    advice: str


class Readiness(BaseModel):
    """How far it is to the next stage. In the last one ``next`` is null, and obstacles stand against doing without outbound."""

    stage: Stage
    next: Stage | None
    obstacles: list[ObstacleRow]


def show_readiness(stage: Stage, obstacles: Sequence[Obstacle]) -> Readiness:
    """What stands against the stage after ``stage``, the gravest first, as ``standing`` gives it."""
    rows = [ObstacleRow(severity=each.severity, text=_sentence(each.text), advice=each.advice) for each in obstacles]
    after = _STAGES.index(stage) + 1
    return Readiness(stage=stage, next=_STAGES[after] if after < len(_STAGES) else None, obstacles=rows)


def _sentence(text: str) -> str:
    named = text.partition(" ")[0] in BY_NAME  # the name of an operation stays as it is
    start = text[:1] if named else text[:1].upper()
    return f"{start}{text[1:]}{'' if text.endswith('.') else '.'}"
