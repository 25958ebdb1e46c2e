"""The end of a process, step by step."""

import pytest

from app.faults.draining import Draining


def test_it_only_goes_forward() -> None:
    draining = Draining()
    assert (draining.leaving, draining.closed) == (False, False)
    draining.leave()
    assert (draining.leaving, draining.closed) == (True, False)
    draining.close()
    draining.leave()
    assert (draining.leaving, draining.closed) == (True, True)


def test_registrations_are_counted_however_they_end() -> None:
    draining = Draining()
    with draining.writing(), draining.writing():
        assert draining.writes == 2
    with pytest.raises(KeyError), draining.writing():
        raise KeyError
    assert draining.writes == 0
