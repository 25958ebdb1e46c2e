"""A Chromium, a portal, a proxy and a sandbox, all real, all on this machine."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from sandbox.portal_server import PortalServer
from sandbox.server import Sandbox, SandboxThread
from tests.service import BASE, running_proxy, settings_for

ARTIFACTS = Path(os.environ.get("ARTIFACTS_DIR", Path(__file__).parents[2] / "artifacts")) / "browser"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PERSONAL = ("first-name", "last-name", "email", "confirmation-attendee", "visitor-name")
expect.set_options(timeout=60_000)


@dataclass
class Stage:
    """A portal that is repointed at the proxy."""

    portal: PortalServer
    sandbox: Sandbox
    proxy_url: str


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for each module: Playwright's loop stays in the main thread as long as it runs, where async tests would meet it."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        pytest.fail("There is no Chromium: `make chromium` installs Debian's.")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        yield found
        found.close()


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with PortalServer(api_endpoint="http://127.0.0.1:1/", token="the-old-client-token") as portal:
        sandbox = Sandbox(realtime_origin=portal.url)
        sandbox.realtime.behaviour.return_url = f"{portal.url}/#/my-registrations"
        with SandboxThread(sandbox), running_proxy(settings_for(sandbox, cache={})) as (port, _):
            proxy_url = f"http://127.0.0.1:{port}"
            portal.api_endpoint = f"{proxy_url}{BASE}"
            yield Stage(portal, sandbox, proxy_url)


class Visitor:
    """One visitor's page, which remembers what went wrong in it."""

    def __init__(self, page: Page, stage: Stage, name: str) -> None:
        self.page = page
        self.stage = stage
        self.name = name
        self.exceptions: list[str] = []
        self.strangers: list[str] = []
        page.on("pageerror", lambda error: self.exceptions.append(str(error)))
        page.on("request", lambda request: self._note(request.url))

    def _note(self, url: str) -> None:
        if not url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            self.strangers.append(url)

    def open(self, route: str) -> Page:
        self.page.goto(f"{self.stage.portal.url}/#{route}")
        return self.page

    def picture(self, what: str) -> None:
        """Keep a screenshot; what says who the visitor is, is covered, invented as it may be."""
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        personal = [self.page.get_by_test_id(name) for name in PERSONAL]
        self.page.screenshot(path=ARTIFACTS / f"{what}.png", full_page=True, mask=personal, mask_color="#999999")


@pytest.fixture
def visitor(browser: Browser, stage: Stage, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    stage.sandbox.recorder.clear()
    stage.sandbox.faults.clear()
    context = browser.new_context(viewport={"width": 1100, "height": 900}, locale="en-GB")
    found = Visitor(context.new_page(), stage, request.node.name)
    yield found
    context.close()
    assert found.exceptions == [], "the portal threw"
    assert found.strangers == [], "the page called somebody else"
