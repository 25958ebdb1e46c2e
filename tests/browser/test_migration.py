"""A portal in a browser while its organisation moves from outbound to real-time: every page works in every stage."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect

from app.cutover.live import Live, open_store
from app.cutover.state import Stage as Step
from app.settings import GivenSettings
from sandbox.portal_server import PortalServer
from sandbox.server import Sandbox, SandboxThread
from tests.browser.conftest import Stage, Visitor
from tests.clock import until
from tests.service import BASE, both_sides, running_proxy, settings_for

pytestmark = pytest.mark.browser
MOVING, LEFT, NEW = "Contoso_Open_Day", "Legacy_Roadshow", "Journey_Launch"


@dataclass
class Migration:
    """A portal before a proxy before both organisations, and somebody who moves it."""

    stage: Stage
    settings: GivenSettings

    def change(self, why: str, **parts: Any) -> None:
        """Change the state as the command line does: in the store, from where the proxy takes it."""

        async def change() -> int:
            store = open_store(self.settings.state, self.settings.realtime.endpoint)
            try:
                live = Live(store)
                await live.start(self.settings.cutover.state())
                return (await live.change(lambda state: state.model_copy(update=parts), "a test", why)).version
            finally:
                await store.close()

        with ThreadPoolExecutor(1) as elsewhere:  # Playwright's loop runs in this thread
            version = elsewhere.submit(lambda: asyncio.run(change())).result(60)
        line = f"evtmgmt_cutover_version {float(version)}"
        until(lambda: line in httpx.get(f"{self.stage.proxy_url}/metrics", trust_env=False).text)


@pytest.fixture
def migration(tmp_path: Path) -> Iterator[Migration]:
    with PortalServer(api_endpoint="http://127.0.0.1:1/", token="the-old-client-token") as portal:
        sandbox = Sandbox(realtime_origin=portal.url, outbound_origin=portal.url)
        for event in ("Date_To_Follow", "Evening_Meetup"):  # portals throw at them with the old API itself
            del sandbox.outbound.events[event]
        with SandboxThread(sandbox):
            groups = both_sides(sandbox, "outbound", sticky_header=None)
            settings = settings_for(sandbox, **groups, cache={"warm": False}, state={"path": str(tmp_path)})
            with running_proxy(settings) as (port, _):
                portal.api_endpoint = f"http://127.0.0.1:{port}{BASE}"
                yield Migration(Stage(portal, sandbox, f"http://127.0.0.1:{port}"), settings)


@pytest.fixture
def guest(browser: Browser, migration: Migration) -> Iterator[Visitor]:
    context = browser.new_context(viewport={"width": 1100, "height": 900}, locale="en-GB")
    found = Visitor(context.new_page(), migration.stage, "guest")
    failed: list[str] = []
    found.page.on("response", lambda answer: failed.append(answer.url) if answer.status >= 400 else None)
    yield found
    context.close()
    assert found.exceptions == [], "the portal threw"
    assert found.strangers == [], "the page called somebody else"
    # Portals ask who is signed in on every page, and take a refusal for nobody.
    assert [url for url in failed if "users/authenticated" not in url] == []


def look_around(guest: Visitor, events: tuple[str, ...]) -> None:
    """The list, and of each event its sessions and speakers."""
    page = guest.open("/")
    expect(page.get_by_test_id("event-card").first).to_be_visible()
    for event in events:
        guest.open(f"/event?id={event}")
        expect(page.get_by_test_id("session").first).to_be_visible()
        page.get_by_test_id("tab-speakers").click()
        image = page.get_by_test_id("speaker-image").first
        expect(image).to_have_js_property("complete", True)
        assert image.evaluate("image => image.naturalWidth") > 0


def register(guest: Visitor, email: str) -> None:
    page = guest.page
    page.get_by_test_id("first-name").fill("Ann")
    page.get_by_test_id("last-name").fill("Example")
    page.get_by_test_id("email").fill(email)
    page.get_by_test_id("submit-registration").click()
    expect(page.get_by_test_id("confirmation-page")).to_be_visible()


def held(migration: Migration) -> dict[str, str]:
    """Who is registered where."""
    return {entry["attendee"]["email"]: entry["backend"] for entry in migration.stage.sandbox.control.registrations()}


def test_every_page_works_in_every_stage(guest: Visitor, migration: Migration) -> None:
    steps: list[tuple[Step, float, tuple[str, ...], str]] = [
        (Step.OUTBOUND, 100, (MOVING, LEFT), "outbound"),
        (Step.SHADOW, 100, (MOVING, LEFT), "outbound"),
        (Step.SPLIT, 0, (MOVING, LEFT, NEW), "outbound"),
        (Step.SPLIT, 100, (MOVING, LEFT, NEW), "realtime"),
        (Step.REALTIME, 100, (MOVING, NEW), "realtime"),
    ]
    for number, (step, percent, events, side) in enumerate(steps):
        migration.change("the next step", stage=step, percent=percent)
        look_around(guest, events)
        guest.open(f"/event/registration?id={MOVING}")
        register(guest, f"guest-{number}@example.com")
        guest.picture(f"migration-{number}-{step}")
        assert held(migration)[f"guest-{number}@example.com"] == side


def test_a_form_that_is_open_while_all_visitors_are_moved_goes_where_it_came_from(guest: Visitor, migration: Migration) -> None:
    migration.change("nobody yet", stage=Step.SPLIT, percent=0)
    page = guest.open(f"/event/registration?id={MOVING}")
    expect(page.get_by_test_id("first-name")).to_be_visible()
    migration.change("everybody", stage=Step.REALTIME, percent=100)
    register(guest, "early@example.com")
    guest.open("/")
    page.reload()
    expect(page.get_by_test_id("event-card").first).to_be_visible()
    guest.open(f"/event/registration?id={MOVING}")
    register(guest, "late@example.com")
    assert held(migration) == {"early@example.com": "outbound", "late@example.com": "realtime"}


def test_a_list_of_both_shows_each_event_once(guest: Visitor, migration: Migration) -> None:
    migration.stage.sandbox.outbound.reset()  # events without dates as well
    migration.change("to see both", stage=Step.SPLIT, percent=100)
    page = guest.open("/")
    expect(page.get_by_test_id("event-list")).to_contain_text("Legacy Roadshow")
    expect(page.get_by_test_id("event-list")).to_contain_text("Journey Launch")
    names = [card.inner_text() for card in page.get_by_test_id("event-card").all()]
    assert sum("Annual Forum" in name for name in names) == 1
    guest.picture("migration-list-of-both")
