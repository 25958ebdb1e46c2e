"""Events of visitors and of Dynamics in any order; ``python -m tests.hostile.test_machine 500`` plays more of them."""

import sys

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.hostile.machine import Portal, Serving


def play(examples: int) -> None:
    checked = settings(max_examples=examples, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))
    with Serving():
        run_state_machine_as_test(Portal, settings=checked)  # type: ignore[no-untyped-call]


def test_a_portal_through_all_weathers() -> None:
    play(12)


if __name__ == "__main__":
    play(int(sys.argv[1]))
