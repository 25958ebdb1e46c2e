"""What is known of reads beside their answers: for how long, and how much of it."""

from app.caching import memory as module
from app.caching.cache import key_of
from app.caching.memory import Mark, Memory, Shortcut
from tests.app.desk import call
from tests.clock import Clock

KEY = key_of(call("get_event"))


def test_a_mark_is_known_for_its_time() -> None:
    clock = Clock()
    memory = Memory(clock)
    assert memory.mark(KEY) is None
    memory.set_mark(KEY, 10, Mark.MISSING)
    clock.go(9.5)
    assert memory.mark(KEY) is Mark.MISSING
    memory.set_mark(KEY, 10, Mark.LARGE)
    clock.go(9.5)
    assert memory.mark(KEY) is Mark.LARGE
    clock.go(0.5)
    assert memory.mark(KEY) is None


def test_a_mark_of_no_time_is_none_and_changes_none() -> None:
    memory = Memory(Clock())
    memory.set_mark(KEY, 0, Mark.MISSING)
    assert memory.mark(KEY) is None
    memory.set_mark(KEY, 10, Mark.LARGE)
    memory.set_mark(KEY, 0, Mark.MISSING)
    assert memory.mark(KEY) is Mark.LARGE


def test_a_mark_can_be_taken_away() -> None:
    memory = Memory(Clock())
    memory.set_mark(KEY, 10, Mark.MISSING)
    memory.unmark(KEY)
    memory.unmark(KEY)
    assert memory.mark(KEY) is None


def test_marks_are_bounded_and_the_oldest_is_forgotten() -> None:
    memory = Memory(Clock())
    keys = [key_of(call("get_event", {"event": f"Event_{number}"})) for number in range(module._MOST_MARKS + 1)]
    for key in keys:
        memory.set_mark(key, 10, Mark.MISSING)
    assert memory.mark(keys[0]) is None
    assert {memory.mark(key) for key in keys[1:]} == {Mark.MISSING}


def test_shortcuts_are_short_and_bounded() -> None:
    memory = Memory(Clock())
    for number in range(module._MOST_SHORTCUTS + 1):
        memory.remember((b"/%d" % number, b"q"), Shortcut(KEY, number))
    assert (b"/0", b"q") not in memory.shortcuts
    assert memory.shortcuts[b"/1", b"q"] == Shortcut(KEY, 1)
    longest = b"x" * (module._LONGEST_SHORTCUT - 1)
    memory.remember((longest, b"q"), Shortcut(KEY, 0))
    memory.remember((longest, b"qq"), Shortcut(KEY, 0))
    assert (longest, b"q") in memory.shortcuts
    assert (longest, b"qq") not in memory.shortcuts
    assert len(memory.shortcuts) == module._MOST_SHORTCUTS
