"""A portal's own settings over those that all share."""

from app.hosting.merging import laid_over


def test_tables_are_put_together_and_all_else_is_replaced() -> None:
    shared = {"a": {"x": 1, "y": {"z": 2}}, "b": [1, 2], "c": 3}
    own = {"a": {"y": {"w": 4}}, "b": [5], "d": {"e": 6}}
    assert laid_over(shared, own) == {"a": {"x": 1, "y": {"z": 2, "w": 4}}, "b": [5], "c": 3, "d": {"e": 6}}
    assert shared == {"a": {"x": 1, "y": {"z": 2}}, "b": [1, 2], "c": 3}
