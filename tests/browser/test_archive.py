"""A past event in a portal, long after its organisation is gone: recorded from outbound, shown from the archive, closed."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from app.archive.draft import Draft
from app.archive.recorder import record
from sandbox.portal_server import PortalServer
from sandbox.server import Sandbox, SandboxThread
from tests.browser.conftest import Stage, Visitor
from tests.service import BASE, both_sides, running_proxy, settings_for

pytestmark = pytest.mark.browser
PAST = "Legacy_Roadshow"


def make_past(sandbox: Sandbox) -> None:
    """The event was in 2024, with all its sessions."""
    event = sandbox.outbound.events[PAST]
    for thing in (event.fields, *event.sessions):
        thing |= {name: value.replace("2031", "2024") for name, value in thing.items() if "2031-" in str(value)[:5]}


def recorded(sandbox: Sandbox, path: Path) -> None:
    settings = settings_for(sandbox, **both_sides(sandbox))
    assert settings.outbound is not None
    draft = Draft(path, settings.outbound.endpoint)
    done = asyncio.run(record(settings, settings.outbound, draft, rate=1_000, events=[PAST]))
    assert done.failed == 0
    draft.finish()


@pytest.fixture
def guest(browser: Browser, tmp_path: Path) -> Iterator[Visitor]:
    with PortalServer(api_endpoint="http://127.0.0.1:1/", token="the-old-client-token") as portal:
        sandbox = Sandbox(realtime_origin=portal.url, outbound_origin=portal.url)
        make_past(sandbox)
        with SandboxThread(sandbox):
            with ThreadPoolExecutor(1) as elsewhere:  # Playwright's loop runs in this thread
                elsewhere.submit(recorded, sandbox, tmp_path / "a.sqlite3").result(60)
            settings = settings_for(sandbox, cache={"warm": False}, archive={"path": str(tmp_path / "a.sqlite3")})
            with running_proxy(settings) as (port, _):
                portal.api_endpoint = f"http://127.0.0.1:{port}{BASE}"
                context = browser.new_context(viewport={"width": 1100, "height": 900}, locale="en-GB")
                found = Visitor(context.new_page(), Stage(portal, sandbox, f"http://127.0.0.1:{port}"), "guest")
                yield found
                context.close()
                assert found.exceptions == [], "the portal threw"
                assert found.strangers == [], "the page called somebody else"


def test_a_past_event_keeps_its_page_and_takes_no_registrations(guest: Visitor) -> None:
    page = guest.open("/")
    first = page.get_by_test_id("event-card").first
    expect(first).to_contain_text("Legacy Roadshow")
    guest.picture("archive-list")
    guest.open(f"/event?id={PAST}")
    expect(page.get_by_test_id("session").first).to_be_visible()
    page.get_by_test_id("tab-speakers").click()
    image = page.get_by_test_id("speaker-image").first
    expect(image).to_have_js_property("complete", True)
    assert image.evaluate("image => image.naturalWidth") > 0
    guest.picture("archive-event")
    guest.open(f"/event/registration?id={PAST}")
    expect(page.get_by_test_id("closed-notice")).to_contain_text("Registration is closed")
    expect(page.get_by_test_id("registration-form")).to_have_count(0)
    guest.picture("archive-closed")


def test_a_page_that_was_open_before_says_why_it_cannot_register(guest: Visitor) -> None:
    """A portal that does not look at the date: its form is there, and what it sends is refused in words."""
    page = guest.page

    def without_the_date(route: object) -> None:
        answer = route.fetch()  # type: ignore[attr-defined]
        event = answer.json() | {"setRegistrationEndDate": False}
        route.fulfill(response=answer, json=event)  # type: ignore[attr-defined]

    page.route(f"**/events/{PAST}?*", without_the_date)
    guest.open(f"/event/registration?id={PAST}")
    page.get_by_test_id("first-name").fill("Ann")
    page.get_by_test_id("last-name").fill("Example")
    page.get_by_test_id("email").fill("ann@example.com")
    page.get_by_test_id("submit-registration").click()
    expect(page.get_by_test_id("registration-error")).to_contain_text(
        "Registration for this event is closed. You can still look at its page."
    )
    guest.picture("archive-refused")
    assert guest.stage.sandbox.control.registrations() == []
