from uuid import UUID

from sandbox.data.ids import guid


def test_guids_are_stable_and_distinct() -> None:
    assert guid("session", "1") == guid("session", "1")
    assert guid("a", "b") != guid("ab")
    assert str(UUID(guid("x"))) == guid("x")
