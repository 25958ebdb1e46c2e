"""The portal on the origin of the proxy: no CORS, no preflights, and the bridge without an address of its own."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from app.cli.demo import form_hosts
from sandbox.portal_server import PortalServer
from sandbox.server import Sandbox, SandboxThread
from tests.service import BASE, running_proxy, settings_for

pytestmark = pytest.mark.browser
PORTAL = Path(__file__).parents[2] / "sandbox" / "portal"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a proxy that serves the demo portal."""
    folder = tmp_path_factory.mktemp("site") / "portal"
    shutil.copytree(PORTAL, folder)
    config = dict(PortalServer(api_endpoint=BASE, token="the-old-client-token").config())
    (folder / "config.json").write_text(json.dumps(config))
    with SandboxThread(Sandbox()) as sandbox:
        answers = {"registration_form": "bridge", **form_hosts(sandbox.base_url)}
        with running_proxy(settings_for(sandbox, cache={}, answers=answers, portal={"static_dir": folder})) as (port, _):
            yield f"http://127.0.0.1:{port}"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


def test_the_portal_works_without_a_preflight(page: Page, served: str) -> None:
    methods: list[tuple[str, str]] = []
    errors: list[str] = []
    session = page.context.new_cdp_session(page)  # pages do not tell of preflights, the browser does
    session.send("Network.enable")
    session.on("Network.requestWillBeSent", lambda event: methods.append((event["request"]["method"], event["request"]["url"])))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{served}/#/event/registration?id=Contoso_Open_Day")
    page.get_by_test_id("first-name").fill("Ann")
    page.get_by_test_id("last-name").fill("Example")
    page.get_by_test_id("email").fill("ann@example.com")
    page.get_by_test_id("submit-registration").click()
    expect(page.get_by_test_id("confirmation-page")).to_be_visible()
    assert {method for method, _ in methods} == {"GET", "POST"}
    assert all(url.startswith((served, "data:")) for _, url in methods)
    assert errors == []


def test_a_route_is_the_portal(page: Page, served: str) -> None:
    page.goto(f"{served}/?x=1#/")
    expect(page.get_by_test_id("event-card").first).to_be_visible()
    answer = page.goto(f"{served}/some/route")
    assert answer is not None
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")


def test_the_bridge_is_on_the_same_origin(page: Page, served: str) -> None:
    page.goto(f"{served}/#/event/registration?id=Form_Webinar")
    expect(page.get_by_role("button", name="Register with this form")).to_be_visible()
    source = page.locator("#external-scripts script").get_attribute("src")
    assert source is not None
    assert source.startswith(f"{served}/EvtMgmt/bridge/")
