"""Portals of one organisation share its budget; a reload does not fill it up."""

from app.hosting.budgets import Budgets
from app.hosting.installation import read_table
from tests.app.hosting.test_installation import realtime, table


def test_one_organisation_has_one_budget() -> None:
    both = {"realtime": realtime("one")}
    one, two, three = read_table({"portals": table(one=both, two=both, three={})}).portals.values()
    budgets = Budgets()
    assert budgets.of(one, "realtime") is budgets.of(two, "realtime")
    assert budgets.of(one, "realtime") is not budgets.of(three, "realtime")
    rotated = {"realtime": realtime("one", token="another one")}
    (again,) = read_table({"portals": table(one=rotated)}).portals.values()
    assert budgets.of(again, "realtime") is budgets.of(one, "realtime")
    (other,) = read_table({"portals": table(one={**rotated, "upstream": {"budget": "1/s"}})}).portals.values()
    assert budgets.of(other, "realtime") is not budgets.of(one, "realtime")
