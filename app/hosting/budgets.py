"""The budgets of all organisations: portals of one organisation share its limit, and a reload does not fill them up."""

from collections.abc import Callable

from app.budget import Budget
from app.hosting.installation import budgets_of
from app.parts import build_budget
from app.settings import Settings


class Budgets:
    """Budgets by organisation.

    Args:
        make: Makes one, of settings and the name of the side.
    """

    def __init__(self, make: Callable[[Settings, str], Budget] = build_budget) -> None:
        self._make = make
        self._known: dict[object, Budget] = {}

    def of(self, settings: Settings, side: str) -> Budget:
        """The budget of one side of a portal: that which another portal of the organisation has, or had before."""
        key = side, budgets_of(settings)[side]
        if key not in self._known:
            self._known[key] = self._make(settings, side)
        return self._known[key]
