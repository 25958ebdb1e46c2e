"""The bridge in a browser: its script alone, piece by piece, and the demo portal with the form of a real-time event."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from socket import AF_INET, SOCK_STREAM, socket
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from app.bridge.script import build_script
from app.cli.demo import form_hosts
from sandbox.forms import FORM_ID
from sandbox.portal_server import PortalServer
from sandbox.server import Sandbox, SandboxThread
from tests.browser.conftest import Stage, Visitor
from tests.service import BASE, running_proxy, settings_for
from translation.messages import MESSAGES, Messages

pytestmark = pytest.mark.browser

PORTAL, PROXY, FORMS = "http://portal.localhost", "http://proxy.localhost", "http://forms.localhost"
SCRIPT = build_script(PROXY, ("forms.localhost",), ("forms.localhost",), Messages())
OLD_PAGE = """
window.told = [];
window.d365mktConfigure = () => {
  const loader = MsCrmMkt.MsCrmFormLoader;
  loader.uiLanguage = 1033;
  for (const type of ["formLoad", "formRender", "afterFormRender", "afterFormLoad", "formSubmit", "afterFormSubmit"]) {
    loader.off(type);
    loader.on(type, (event) => {
      told.push(type);
      const place = event.getFormPlaceholder();
      const odd = event.getType() !== type || event.getFormPageId() !== place.dataset.evtmgmtForm;
      if (odd) told.push("odd event");
      if (type === "formLoad" && window.notified) event.setFormNotification((notification) => notified.push(notification));
      if (type === "formLoad") event.preventFormLoadingProgressBar();
      if (type === "formSubmit" && window.refuse) event.preventDefault();
      if (type === "formSubmit") Object.entries(window.choices ?? {}).forEach((choice) => event.setExtraValue(...choice));
      if (type === "afterFormSubmit") told.push(event.getRedirectUrl());
    });
  }
  return false;
};
"""
NEW_LOADER = """
window.d365mktforms = { createForm(...given) {
  window.created = given;
  const place = document.createElement("div");
  place.innerHTML = "<form><input name=x></form>";
  return place;
} };
window.barHidden = Boolean(window.d365mkt?.hideProgressBar);
window.say = (name, detail, cancelable) => document.querySelector("form").dispatchEvent(
  new CustomEvent(`d365mkt-${name}`, { bubbles: true, cancelable: Boolean(cancelable), detail }));
"""


def placeholder(loader: str = f"{FORMS}/FormLoader.bundle.js", api: str = f"{FORMS}/api", event: str = "Open_Day") -> str:
    values = {"form": FORM_ID, "api": api, "content": f"{FORMS}/form", "loader": loader, "event": event}
    return "<div" + "".join(f' data-evtmgmt-{name}="{value}"' for name, value in values.items() if value) + "></div>"


@dataclass
class Desk:
    """A page with the script in it, and the requests that it made."""

    page: Page
    asked: list[str]

    def open(self, before: str = "", place: str | None = None, loader: str | None = NEW_LOADER) -> None:
        """Load a page whose scripts ran; without ``loader``, the host of forms is away."""
        place = placeholder() if place is None else place
        html = f"<script>{OLD_PAGE}{before}</script>{place}<script src='{SCRIPT.bridge.script}'></script>"

        def answer(route: Route) -> None:
            url = route.request.url
            self.asked.append(url)
            if url.startswith(PROXY):
                route.fulfill(body=SCRIPT.content, content_type="text/javascript; charset=utf-8")
            elif url == f"{PORTAL}/":
                route.fulfill(body=html, content_type="text/html")
            elif url == f"{FORMS}/FormLoader.bundle.js" and loader is not None:
                route.fulfill(body=loader, content_type="text/javascript")
            else:
                route.abort()

        self.asked.clear()
        self.page.unroute_all()
        self.page.route("**/*", answer)
        self.page.goto(f"{PORTAL}/")

    def ready(self, **options: Any) -> None:
        """The same, and wait for the form."""
        self.open(**options)
        self.page.wait_for_function("window.created !== undefined && document.querySelector('form')")

    def told(self) -> list[str]:
        """What the old page was told."""
        return list(self.page.evaluate("told"))

    def submit(self, payload: Any) -> tuple[bool, Any]:
        """Let the new loader tell of a submission: whether it goes on, and with what."""
        found: list[Any] = self.page.evaluate("payload => [say('formsubmit', { payload }, true), payload]", payload)
        return found[0], found[1]


@pytest.fixture(scope="module")
def desk(browser: Browser) -> Iterator[Desk]:
    context = browser.new_context(locale="de-AT")
    found = Desk(context.new_page(), [])
    yield found
    context.close()


def test_the_new_loaders_events_are_the_old_ones(desk: Desk) -> None:
    desk.ready()
    assert desk.told() == ["formLoad"]
    assert desk.page.evaluate("barHidden")
    assert desk.page.evaluate("MsCrmMkt.MsCrmFormLoader.uiLanguage") == 1033
    extras = {"data-readable-event-id": "Open_Day"}
    assert desk.page.evaluate("created") == [FORM_ID, f"{FORMS}/api", f"{FORMS}/form", extras]
    desk.page.evaluate("say('formrender'); say('afterformload'); say('afterformload')")
    assert desk.told() == ["formLoad", "formRender", "afterFormRender", "afterFormLoad"]
    assert desk.submit({"x": "1"}) == (True, {"x": "1"})
    desk.page.evaluate("say('afterformsubmit', { successful: true, payload: {} })")
    assert desk.told()[4:] == ["formSubmit", "afterFormSubmit", ""]
    assert [url for url in desk.asked if not url.startswith((PORTAL, PROXY, FORMS))] == []


@pytest.mark.parametrize("detail", ["{successful: true, redirectUrl: '%s'}", "{Success: true, response: {redirectUrl: '%s'}}"])
@pytest.mark.parametrize(
    ("target", "followed"), [("https://pay.invalid/x", "https://pay.invalid/x"), ("javascript:alert(1)", "")]
)
def test_where_a_paid_registration_leads(desk: Desk, detail: str, target: str, followed: str) -> None:
    desk.ready()
    desk.page.evaluate(f"say('afterformsubmit', {detail % target})")
    assert desk.told()[-2:] == ["afterFormSubmit", followed]


CHOICES = """
window.choices = { d365mktEvent_waitlisted: true, d365mktEvent_autoRegister: undefined, d365mktEvent_attendeeSessions: "[1]" };
"""


@pytest.mark.parametrize(
    ("payload", "sent"),
    [
        ({"waitlisted": "", "AttendeeSessions": "", "x": "1"}, {"waitlisted": "true", "AttendeeSessions": "[1]", "x": "1"}),
        ({"d365mktEvent_waitlisted": False, "autoRegister": "kept"}, {"d365mktEvent_waitlisted": True, "autoRegister": "kept"}),
        (
            {"fields": [{"key": "waitlisted", "value": ""}, {"key": "x", "value": "1"}, {"name": "attendeesessions"}, None]},
            {
                "fields": [
                    {"key": "waitlisted", "value": "true"},
                    {"key": "x", "value": "1"},
                    {"name": "attendeesessions", "value": "[1]"},
                    None,
                ]
            },
        ),
        ({"x": "1"}, {"x": "1"}),
        (None, None),
        ("text", "text"),
    ],
)
def test_the_pages_choices_go_where_the_form_has_fields(desk: Desk, payload: Any, sent: Any) -> None:
    desk.ready(before=CHOICES)
    assert desk.submit(payload) == (True, sent)


def test_the_page_can_refuse_a_submission(desk: Desk) -> None:
    desk.ready(before=CHOICES + "window.refuse = true;")
    assert desk.submit({"waitlisted": ""}) == (False, {"waitlisted": ""})


def test_a_submission_that_others_refuse_takes_the_pages_spinner_away(desk: Desk) -> None:
    desk.ready()
    desk.page.evaluate("addEventListener('d365mkt-formsubmit', (event) => event.preventDefault())")
    assert desk.submit({})[0] is False
    desk.page.wait_for_function("told.at(-1) === 'afterFormLoad'")
    assert desk.told() == ["formLoad", "formSubmit", "afterFormLoad"]
    desk.page.evaluate("addEventListener('d365mkt-formsubmit', (event) => event.preventDefault(), true)")
    desk.submit({})
    assert desk.told().count("formSubmit") == 1


@pytest.mark.parametrize(
    ("detail", "sentence"),
    [
        ("{successful: false}", MESSAGES["de"]["UpstreamRejected"]),
        ("{successful: false, message: '<b>Full</b>'}", "<b>Full</b>"),
        ("{}", MESSAGES["de"]["RegistrationOutcomeUnknown"]),
    ],
)
def test_a_failure_is_told_in_the_visitors_language(desk: Desk, detail: str, sentence: str) -> None:
    desk.ready(before="window.notified = [];")
    assert desk.page.evaluate("created")[3]["data-preventsubmissionui"] == "true"
    desk.page.evaluate(f"say('afterformsubmit', {detail})")
    assert desk.page.evaluate("notified") == [{"IsError": True, "Message": sentence}]
    assert "afterFormSubmit" not in desk.told()
    desk.ready()
    desk.page.evaluate(f"say('afterformsubmit', {detail})")
    expect(desk.page.get_by_role("alert")).to_have_text(sentence)
    assert desk.told()[-1] == "afterFormLoad"


HASTE = "setTimeout = ((real) => (work, time) => real(work, Math.min(time ?? 0, 50)))(setTimeout);"


@pytest.mark.parametrize(
    "options",
    [
        {"loader": None},
        {"loader": "throw new Error('broken')", "before": HASTE},
        {"place": placeholder(loader="http://evil.localhost/FormLoader.bundle.js")},
        {"place": placeholder(loader="javascript:alert(1)")},
        {"place": placeholder(loader=f"{FORMS}.evil.localhost/x.js")},
        {"place": placeholder(api="http://evil.localhost/api")},
        {"place": placeholder(api="")},
    ],
)
def test_a_form_that_does_not_come_ends_in_a_sentence(desk: Desk, options: dict[str, Any]) -> None:
    desk.open(**options)
    expect(desk.page.get_by_role("alert")).to_have_text(MESSAGES["de"]["UpstreamUnreachable"])
    assert desk.told()[-1] == "afterFormLoad"
    assert not any("evil" in url for url in desk.asked)


def test_forms_of_others_on_the_page_are_not_heard(desk: Desk) -> None:
    desk.ready()
    desk.page.evaluate("document.body.append(Object.assign(document.createElement('form'), { id: 'other' }))")
    other = "document.getElementById('other').dispatchEvent(new CustomEvent('d365mkt-afterformload', { bubbles: true }))"
    desk.page.evaluate(other)
    assert desk.told() == ["formLoad"]


def test_a_page_that_fails_does_not_stop_the_form(desk: Desk) -> None:
    throwing = "MsCrmMkt.MsCrmFormLoader.on('formLoad', () => { throw 1; })"
    desk.ready(before=f"const configure = d365mktConfigure; d365mktConfigure = () => {{ {throwing}; configure(); {throwing}; }};")
    desk.page.evaluate("say('afterformload')")
    assert desk.told()[-1] == "afterFormLoad"


def test_the_second_visit_of_a_page_hears_each_event_once(desk: Desk) -> None:
    desk.ready()
    desk.page.evaluate(
        """([place, address]) => new Promise((resolve) => {
          document.querySelector("[data-evtmgmt-form]").remove();
          document.body.insertAdjacentHTML("beforeend", place);
          window.MsCrmMkt = null;
          told.length = 0;
          const script = document.createElement("script");
          script.src = address;
          document.body.append(script);
          script.onload = () => setTimeout(resolve, 0);
        })""",
        [placeholder(event=""), SCRIPT.bridge.script],
    )
    desk.page.wait_for_function("created[3]['data-readable-event-id'] === undefined && document.querySelector('form')")
    desk.page.evaluate("say('afterformload')")
    assert desk.told() == ["formLoad", "afterFormRender", "afterFormLoad"]
    assert desk.asked.count(f"{FORMS}/FormLoader.bundle.js") == 1


def test_a_page_without_placeholder_or_old_ways_is_left_alone(desk: Desk) -> None:
    desk.open(place="<p>nothing</p>")
    assert desk.page.evaluate("window.MsCrmMkt") is None
    desk.open(before="d365mktConfigure = undefined;")
    desk.page.wait_for_function("window.created !== undefined")


# The demo portal.


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """The demo's three parts: the proxy knows its own address."""
    with socket(AF_INET, SOCK_STREAM) as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    proxy = f"http://127.0.0.1:{port}"
    with PortalServer(api_endpoint=proxy + BASE, token="the-old-client-token") as portal:
        sandbox = Sandbox(realtime_origin=portal.url)
        for name in ("Agenda_Summit", "Winter_Gala"):
            event = sandbox.realtime.events[name]
            event.plan = replace(event.plan, form_embed=True)
        with SandboxThread(sandbox):
            answers = {"registration_form": "bridge", **form_hosts(sandbox.base_url)}
            settings = settings_for(sandbox, cache={}, answers=answers, portal={"public_url": proxy})
            with running_proxy(settings, port):
                yield Stage(portal, sandbox, proxy)


def fill(visitor: Visitor) -> None:
    for label, text in (("First name", "Ann"), ("Last name", "Example"), ("E-mail", "ann@example.com")):
        visitor.page.get_by_label(label).fill(text)


SEND = "Register with this form"


def test_the_form_of_a_real_time_event_works_in_the_old_portal(visitor: Visitor) -> None:
    page = visitor.open("/event/registration?id=Form_Webinar")
    fill(visitor)
    expect(page.get_by_test_id("spinner")).to_be_hidden()
    before = page.request.get(f"{visitor.stage.proxy_url}{BASE}events/Form_Webinar/registrations/count").json()
    page.get_by_role("button", name=SEND).click()
    expect(page.get_by_test_id("confirmation-page")).to_be_visible()
    sandbox = visitor.stage.sandbox
    sandbox.control.process()
    (found,) = [item for item in sandbox.control.registrations() if item["event_id"] == "Form_Webinar"]
    assert (found["state"], found["attendee"]["email"]) == ("registered", "ann@example.com")
    assert sandbox.realtime.events["Form_Webinar"].registered == before + 1
    assert sandbox.recorder.find(operation="register") == []


def test_a_second_visit_has_its_form_too(visitor: Visitor) -> None:
    for _ in range(2):
        page = visitor.open("/event/registration?id=Form_Webinar")
        expect(page.get_by_role("button", name=SEND)).to_be_visible()
        visitor.open("/")
        expect(page.get_by_test_id("event-card").first).to_be_visible()


def test_waitlist_and_sessions_are_carried(visitor: Visitor) -> None:
    sandbox = visitor.stage.sandbox
    event = sandbox.realtime.events["Agenda_Summit"]
    page = visitor.open("/event/registration?id=Agenda_Summit")
    fill(visitor)
    page.get_by_test_id("session-option").nth(1).check()
    page.get_by_role("button", name=SEND).click()
    expect(page.get_by_test_id("confirmation-page")).to_be_visible()
    attendee = sandbox.control.registrations()[-1]["attendee"]
    assert attendee["attendeeSessions"] == [{"sessionId": event.sessions[1]["id"], "waitlisted": False}]
    assert attendee["waitlisted"] is False
    visitor.open("/event/registration?id=Winter_Gala")
    fill(visitor)
    page.get_by_role("button", name=SEND).click()
    expect(page.get_by_test_id("confirmation-title")).to_have_text("You are on the waitlist")
    assert sandbox.control.registrations()[-1]["attendee"]["waitlisted"] is True


def test_a_refused_submission_is_told_and_can_be_sent_again(visitor: Visitor) -> None:
    page = visitor.open("/event/registration?id=Form_Webinar")
    fill(visitor)
    visitor.stage.sandbox.faults.add("status", operation="submit_form", status=500, times=1)
    page.get_by_role("button", name=SEND).click()
    expect(page.get_by_test_id("error-box")).to_have_text(MESSAGES["en"]["UpstreamRejected"])
    expect(page.get_by_test_id("spinner")).to_be_hidden()
    page.get_by_role("button", name=SEND).click()
    expect(page.get_by_test_id("confirmation-page")).to_be_visible()


def test_without_the_bridge_the_old_portal_spins_for_ever(browser: Browser, stage: Stage) -> None:
    """PORTAL-FACTS: before a real-time embed as it is; its loader runs, and never says what the page waits for."""
    page = browser.new_page()
    with PortalServer(api_endpoint="http://127.0.0.1:1/", token="the-old-client-token") as portal:
        keep = settings_for(stage.sandbox, answers={"registration_form": "keep"}, portal={"origins": portal.url})
        with running_proxy(keep) as (port, _):
            portal.api_endpoint = f"http://127.0.0.1:{port}{BASE}"
            page.goto(f"{portal.url}/#/event/registration?id=Form_Webinar")
            page.wait_for_function("window.d365mktforms !== undefined")
            expect(page.get_by_test_id("spinner")).to_be_visible()
            expect(page.get_by_role("button", name=SEND)).to_have_count(0)
    page.close()
