"""Which requests are traced."""

import pytest

from app.telemetry.choosing import Choosing, Followed
from tests.clock import Clock


@pytest.mark.parametrize(
    ("sample", "chance", "callers", "chosen"),
    [
        (0.0, 0.0, None, False),
        (1.0, 0.999, None, True),
        (0.25, 0.24, None, True),
        (0.25, 0.25, None, False),
        (0.0, 0.5, True, True),
        (1.0, 0.0, False, False),
    ],
)
def test_a_part_and_what_callers_decided(sample: float, chance: float, callers: bool | None, chosen: bool) -> None:
    assert Choosing(sample, Followed(), lambda: chance).chooses(callers) is chosen


def test_callers_are_followed_within_a_bound_and_then_as_all_others() -> None:
    clock = Clock()
    followed = Followed(10, clock)
    never, always = (Choosing(sample, followed, lambda: 0.5) for sample in (0.0, 1.0))
    assert [never.chooses(True) for _ in range(12)] == [True] * 10 + [False] * 2
    assert always.chooses(True)
    clock.go(0.35)
    assert [never.chooses(True) for _ in range(4)] == [True] * 3 + [False]
    clock.go(3_600)
    assert sum(never.chooses(True) for _ in range(40)) == 10
