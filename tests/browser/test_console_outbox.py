"""The console's page of the outbox in a real Chromium; its picture is the one in docs/outbox.md."""

from collections.abc import Iterator
from pathlib import Path
from time import time
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, expect

from app.outbox import delivering
from app.outbox.entries import State
from app.outbox.store import Store
from tests.app.outbox.material import KEY, put
from tests.browser.conftest import ARTIFACTS
from tests.browser.signed_in import CONTRAST, SMALL_TARGETS, SignedIn
from tests.service import ADMIN, Service, running_service

pytestmark = pytest.mark.browser


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A proxy with an outbox in which something stands in each state that a person meets. Nothing is delivered meanwhile."""
    store = Store(tmp_path, lambda: time() - 2_400)
    stand = [("Data_Day", State.PARKED, "Interrupted"), ("Autumn_Fair_2026", State.DEAD, "NotRegistered")]
    for event, state, code in [*stand, ("Contoso_Open_Day", State.WAITING, "UpstreamTimeout")]:
        claimed = delivering.claim(store, put(store, event=event))
        assert claimed is not None
        delivering.settle(store, claimed, state, code, hold=90_000)
    put(store, "ben@example.com")
    store.close()
    outbox = {"enabled": True, "key": KEY}
    with running_service(outbox=outbox, state={"path": str(tmp_path)}, admin={"token": ADMIN}) as running:
        yield running


def somebody(browser: Browser, service: Service, **options: Any) -> SignedIn:
    return SignedIn(browser.new_context(locale="en-GB", **options), service.url, ADMIN)


def test_what_may_have_arrived_is_dropped_with_a_reason(browser: Browser, service: Service) -> None:
    operator = somebody(browser, service)
    page = operator.open("/outbox")
    page.get_by_role("button", name="Drop entry 1").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Data_Day")
    dialog.get_by_label("Reason").fill("It is among the registrations in Dynamics")
    dialog.get_by_role("button", name="Delete it").click()
    expect(page.get_by_role("status").first).to_contain_text("Entry 1 is deleted.")
    expect(page.get_by_role("button", name="Drop entry 1")).to_have_count(0)
    expect(page.get_by_role("region", name="Decisions, and who looked")).to_contain_text("among the registrations")
    operator.leave()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_and_can_be_read(browser: Browser, service: Service, scheme: Literal["light", "dark"]) -> None:
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    operator = somebody(browser, service, color_scheme=scheme)
    for width in (360, 800, 1280):
        operator.page.set_viewport_size({"width": width, "height": 600})
        page = operator.open("/outbox")
        expect(page.get_by_role("button", name="Retry entry 2")).to_be_visible()
        page.screenshot(path=ARTIFACTS / f"console-outbox-{width}-{scheme}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        assert page.evaluate(CONTRAST) == []
        assert page.evaluate(SMALL_TARGETS) == []
    operator.leave()
