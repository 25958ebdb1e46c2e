"""The settings of failures."""

import pytest
from pydantic import ValidationError

from app.faults.settings import Faults


def test_the_longest_time_is_not_the_shorter_one() -> None:
    assert Faults(breaker_open=5, breaker_open_most=5).breaker_open_most == 5
    with pytest.raises(ValidationError, match="breaker_open_most is the longest time"):
        Faults(breaker_open=5, breaker_open_most=4)
