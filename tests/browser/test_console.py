"""The console in a real Chromium: by mouse, by keyboard, on a telephone, in the dark, without scripts."""

from collections.abc import Iterator
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from app.cutover.traffic import Traffic
from tests.app.admin.rig import LATCHED, NOW, TOKEN, Desk, running_desk
from tests.browser.conftest import ARTIFACTS
from tests.browser.signed_in import CONTRAST, SMALL_TARGETS, SignedIn

pytestmark = pytest.mark.browser

PAGES = {
    "overview": "", "operations": "/operations", "events": "/events", "differences": "/differences", "readiness": "/readiness",
    "explain": "/explain?path=events/Data_Day", "audit": "/audit", "change": "/change?stage=realtime",
    "field": "/differences/field?operation=get_event&path=description",
}  # fmt: skip


class Operator(SignedIn):
    """Who is signed in, and what stands behind the pages."""

    def __init__(self, context: BrowserContext, desk: Desk) -> None:
        self.desk = desk
        super().__init__(context, desk.url, TOKEN)


@pytest.fixture
def desk() -> Iterator[Desk]:
    with running_desk(Desk(state=LATCHED)) as running:
        yield running


@pytest.fixture
def operator(browser: Browser, desk: Desk) -> Iterator[Operator]:
    yield from _operator(browser, desk)


def _operator(browser: Browser, desk: Desk, **options: Any) -> Iterator[Operator]:
    context = browser.new_context(locale="en-GB", **{"viewport": {"width": 1280, "height": 900}, **options})
    found = Operator(context, desk)
    yield found
    found.leave()


def test_a_percentage_is_changed_with_a_reason_and_stands_in_the_audit_log(operator: Operator) -> None:
    page = operator.page
    page.get_by_label("New percentage").fill("40")
    page.get_by_role("button", name="Change…").click()
    dialog = page.get_by_role("dialog", name="Change this?")
    expect(dialog).to_contain_text("25 %")
    expect(dialog).to_contain_text("40 %")
    reason = dialog.get_by_label("Reason")
    expect(reason).to_be_focused()
    dialog.get_by_role("button", name="Make the change").click()
    expect(dialog).to_be_visible()  # the browser asks for the reason first
    reason.fill("A calm morning")
    dialog.get_by_role("button", name="Make the change").click()
    expect(page.get_by_role("status").first).to_contain_text("Saved as version 2.")
    expect(page.locator(".large")).to_have_text("40 %")
    page.get_by_role("link", name="Audit").click()
    line = page.get_by_role("row").filter(has_text="A calm morning")
    expect(line).to_contain_text("Ann Example")
    expect(line).to_contain_text("40 %")
    assert operator.desk.live.state.percent == 40


def test_a_dialog_is_left_without_a_change(operator: Operator) -> None:
    page = operator.page
    chosen = page.get_by_role("link", name="50 %")
    for leave in (lambda: page.keyboard.press("Escape"), lambda: page.get_by_role("link", name="Leave it").click()):
        chosen.click()
        expect(page.get_by_role("dialog")).to_be_visible()
        leave()
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(chosen).to_be_focused()
    assert operator.desk.live.snapshot.version == 1


def test_what_cannot_be_is_said_in_the_dialog(operator: Operator) -> None:
    page = operator.open("/events")
    page.get_by_label("Readable event id, or a pattern").fill("a/b")
    page.get_by_role("button", name="Change…", exact=True).last.click()
    expect(page.get_by_role("dialog")).to_contain_text("is no readable event id or pattern")


def test_an_operation_is_switched(operator: Operator) -> None:
    page = operator.open("/operations")
    page.get_by_label("Switch of register", exact=True).select_option("off")
    page.get_by_role("button", name="Change the switch of register", exact=True).click()
    page.get_by_label("Reason").fill("No more registrations")
    page.get_by_role("button", name="Make the change").click()
    row = page.get_by_role("row").filter(has=page.get_by_label("Switch of register", exact=True))
    expect(row).to_contain_text("nobody: switched off")


def test_a_difference_is_looked_into(operator: Operator) -> None:
    page = operator.open("/differences")
    page.get_by_role("link", name="description").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("description")
    sample = page.get_by_role("article").first
    expect(sample.locator("mark").first).to_have_text("8.30,")
    expect(sample.locator("mark").last).to_have_text("9.00,")
    page.get_by_role("link", name="Differences of get_event").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("get_event")


def test_what_was_moved_back_is_cleared(operator: Operator) -> None:
    page = operator.page
    banner = page.get_by_role("region", name="Moved back to outbound")
    expect(banner).to_contain_text("11.2 % of 214 calls failed")
    banner.get_by_role("button", name="Clear…").click()
    page.get_by_label("Reason").fill("The cause was found")
    page.get_by_role("button", name="Make the change").click()
    expect(page.get_by_role("status").first).to_contain_text("Latch of get_event")
    expect(banner).to_have_count(0)
    assert operator.desk.live.state.latches == {}


def test_everything_by_keyboard_alone(browser: Browser, desk: Desk) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(f"{desk.url}/console")
    press = page.keyboard.press
    press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    press("Tab")
    page.keyboard.type("Ann")
    press("Tab")
    page.keyboard.type(TOKEN)
    press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    press("Tab")
    press("Enter")
    expect(page.locator("main")).to_be_focused()
    for _ in range(40):
        press("Tab")
        if page.evaluate("document.activeElement.id") == "percent":
            break
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    press("Control+A")
    page.keyboard.type("30")
    press("Enter")
    expect(page.get_by_label("Reason")).to_be_focused()
    page.keyboard.type("By keyboard")
    for _ in range(3):
        press("Shift+Tab")  # nothing behind the dialog takes the focus
        assert page.evaluate("document.activeElement === document.body || !!document.activeElement.closest('dialog')")
    page.get_by_label("Reason").focus()
    press("Tab")
    press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("30 %")
    context.close()
    assert desk.live.state.percent == 30


def test_everything_works_without_scripts(browser: Browser, desk: Desk) -> None:
    for operator in _operator(browser, desk, java_script_enabled=False):
        page = operator.page
        expect(page.get_by_role("link", name="Refresh")).to_be_visible()
        page.get_by_label("New percentage").fill("12.5")
        page.get_by_role("button", name="Change…").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Change this?")
        page.get_by_label("Reason").fill("Without scripts")
        page.get_by_role("button", name="Make the change").click()
        expect(page.get_by_role("status").first).to_contain_text("12.5 %")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
        assert desk.live.state.percent == 12.5


def test_the_chart_renews_itself_and_can_be_stopped(browser: Browser) -> None:
    desk = Desk()
    desk.traffic.clear()
    desk.reports._traffic = desk.traffic = Traffic(lambda: NOW)
    with running_desk(desk):
        for operator in _operator(browser, desk):
            page = operator.page
            page.clock.install()
            page.reload()
            expect(page.locator("#live")).to_contain_text("Nothing was answered")
            page.get_by_role("button", name="Pause").click()
            expect(page.locator("#live-state")).to_have_text("Paused")
            desk.traffic.answered("realtime", "get_event", 200)
            page.clock.run_for(20_000)
            expect(page.locator("#live")).to_contain_text("Nothing was answered")
            page.get_by_role("button", name="Go on").click()
            expect(page.get_by_role("img", name="Answers per minute")).to_be_visible()
            desk.traffic.answered("outbound", "get_event", 200)
            page.clock.run_for(5_000)
            expect(page.locator(".tiles strong").first).to_have_text("50 %")
            expect(page.locator("#live-state")).to_have_text("Up to date")


def test_the_live_part_says_when_the_state_or_the_session_is_another(operator: Operator) -> None:
    page = operator.page
    page.clock.install()
    page.reload()
    operator.desk.credentials._clock = lambda: NOW + 9 * 3_600
    page.clock.run_for(5_000)
    expect(page.locator("#live-state")).to_have_text("Your session is over: sign in again.")
    operator.desk.credentials._clock = lambda: NOW


def test_the_chart_is_a_table_too(operator: Operator) -> None:
    page = operator.page
    table = page.get_by_role("table", name="Answers in the last hour")
    expect(table).to_have_count(1)  # for screen readers always
    page.get_by_role("button", name="Show the chart as a table").click()
    assert (table.bounding_box() or {})["width"] > 500
    expect(page.get_by_role("button", name="Hide the table")).to_have_attribute("aria-expanded", "true")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 800, 1280])
def test_every_page_fits_and_can_be_read(browser: Browser, desk: Desk, width: int, scheme: Literal["light", "dark"]) -> None:
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    for operator in _operator(browser, desk, viewport={"width": width, "height": 900}, color_scheme=scheme):
        for name, path in {**PAGES, "unknown": "/nonsense"}.items():
            page = operator.open(path)
            page.screenshot(path=ARTIFACTS / f"console-{name}-{width}-{scheme}.png", full_page=True)
            assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), name
            assert page.evaluate(CONTRAST) == [], name
            assert page.evaluate(SMALL_TARGETS) == [], name
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).every((part) => part < 60)")
        assert dark == (scheme == "dark")
        operator.complaints = [each for each in operator.complaints if "404" not in each]


def test_the_dialog_fits_a_telephone(browser: Browser, desk: Desk) -> None:
    for operator in _operator(browser, desk, viewport={"width": 360, "height": 640}):
        page = operator.page
        page.get_by_role("button", name="Move to realtime…").click()
        box = page.get_by_role("dialog").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["width"] <= 360
        assert box["height"] <= 640
        assert page.evaluate(CONTRAST) == []
        page.get_by_label("Reason").fill("On the way")
        page.get_by_role("button", name="Make the change").click()
        expect(page.get_by_role("status").first).to_contain_text("Saved")
        assert page.evaluate(CONTRAST) == []


def test_nothing_moves_for_those_who_do_not_want_it(browser: Browser, desk: Desk) -> None:
    moves = "[...document.querySelectorAll('*')].some((each) => getComputedStyle(each).transitionDuration !== '0s')"
    for operator in _operator(browser, desk, reduced_motion="reduce"):
        assert not operator.page.evaluate(moves)


def test_screen_readers_find_their_way(operator: Operator) -> None:
    for path in PAGES.values():
        page = operator.open(path)
        for role in ("banner", "main", "navigation", "contentinfo"):
            expect(page.get_by_role(role)).to_have_count(1)  # type: ignore[arg-type]
        expect(page.get_by_role("heading", level=1)).to_have_count(1)
        expect(page.locator("[aria-current=page]")).to_have_count(1)
        unnamed = "[...document.querySelectorAll('button, a[href], table, select')].filter((each) => !each.innerText.trim()"
        assert page.evaluate(f"{unnamed} && !each.ariaLabel && !each.caption).length") == 0
    page = operator.open("/operations")
    expect(page.get_by_role("columnheader", name="Served by")).to_have_count(1)
    page.set_viewport_size({"width": 360, "height": 800})
    # Rows that look like cards are rows all the same.
    expect(page.get_by_role("row")).to_have_count(26)
    expect(page.get_by_role("rowheader", name="get_event Read one event")).to_have_count(1)
