"""Tests of app/admin/frame.py: the rest of it is seen with the pages (tests/routes/test_console.py)."""

import re

from app.admin.frame import PLACES
from routes.console import _NEXT


def test_the_menu_leads_to_pages_that_one_may_come_back_to() -> None:
    for name, (address, title) in PLACES.items():
        assert _NEXT.fullmatch(address)
        assert re.fullmatch(r"[a-z]+", name)
        assert title.lower() == name
