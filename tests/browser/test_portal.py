"""What a visitor sees when an old portal is repointed at the proxy: PORTAL-FACTS, page by page."""

import json

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Stage, Visitor

pytestmark = pytest.mark.browser


def upstream_paths(stage: Stage) -> list[str]:
    return [seen.request.target.decode("latin-1") for seen in stage.sandbox.recorder.find()]


def fill_attendee(visitor: Visitor, first: str = "Ann", last: str = "Example") -> None:
    page = visitor.page
    page.get_by_test_id("first-name").fill(first)
    page.get_by_test_id("last-name").fill(last)
    page.get_by_test_id("email").fill("ann@example.com")


def test_list_shows_every_event(visitor: Visitor) -> None:
    page = visitor.open("/")
    listed = json.loads(page.request.get(f"{visitor.stage.proxy_url}/EvtMgmt/api/v2.0/events/published").text())
    # The list of an old portal ends at the first card without dates: all of them are there, so none ended it.
    expect(page.get_by_test_id("event-card")).to_have_count(len(listed))
    expect(page.get_by_test_id("event-list")).to_contain_text("東京")
    expect(page.get_by_test_id("event-list")).to_contain_text("الرياض")
    visitor.picture("list")


@pytest.mark.parametrize("width", [360, 1100])
def test_event_page_with_its_tabs(visitor: Visitor, width: int) -> None:
    page = visitor.page
    page.set_viewport_size({"width": width, "height": 900})
    visitor.open("/event?id=Contoso_Ltd_Conference")
    expect(page.get_by_test_id("session").first).to_be_visible()
    expect(page.get_by_test_id("sponsor-logo").first).to_be_visible()
    page.get_by_test_id("tab-speakers").click()
    expect(page.get_by_test_id("speaker").first).to_be_visible()
    images = page.get_by_test_id("speaker-image")
    expect(images.first).to_be_visible()
    for number in range(images.count()):
        image = images.nth(number)
        expect(image).to_have_js_property("complete", True)
        assert image.evaluate("image => image.naturalWidth") > 0
    page.get_by_test_id("tab-passes").click()
    expect(page.get_by_test_id("pass").first).to_be_visible()
    visitor.picture(f"event-{width}")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_sessions_of_a_track(visitor: Visitor) -> None:
    page = visitor.open("/event?id=Contoso_Ltd_Conference")
    page.get_by_test_id("tab-tracks").click()
    page.get_by_test_id("track-toggle").first.click()
    expect(page.get_by_test_id("track-sessions").first.get_by_test_id("session").first).to_be_visible()
    visitor.picture("tracks")


def test_sessions_of_a_track_that_nothing_relates(visitor: Visitor) -> None:
    page = visitor.open("/event?id=Loose_Tracks_Day")
    page.get_by_test_id("tab-tracks").click()
    page.get_by_test_id("track-toggle").first.click()
    expect(page.get_by_test_id("error-box").first).to_contain_text("track")


def test_registration_for_a_free_event(visitor: Visitor) -> None:
    page = visitor.open("/event/registration?id=Contoso_Open_Day")
    fill_attendee(visitor)
    page.get_by_test_id("submit-registration").click()
    expect(page.get_by_test_id("confirmation-page")).to_be_visible()
    visitor.picture("confirmation")
    sent = visitor.stage.sandbox.recorder.find(operation="register")
    assert len(sent) == 1
    body = json.loads(sent[0].request.body)
    assert body["attendees"][0]["email"] == "ann@example.com"
    assert body["attendees"][0]["passId"] == ""
    assert "hipObject" not in body


def test_registration_with_questions(visitor: Visitor) -> None:
    page = visitor.open("/event/registration?id=Survey_Seminar")
    expect(page.get_by_test_id("registration-form")).to_be_visible()
    fill_attendee(visitor)
    page.get_by_label("What is your job title?").fill("Gardener")
    page.get_by_label("Events", exact=True).check()
    page.get_by_label("Consent").check()
    page.get_by_label("Which size of shirt?").select_option(index=1)
    visitor.picture("questions")
    page.get_by_test_id("submit-registration").click()
    expect(page.get_by_test_id("confirmation-page")).to_be_visible()
    body = json.loads(visitor.stage.sandbox.recorder.find(operation="register")[0].request.body)
    answers = {answer["id"]: answer for answer in body["attendees"][0]["responses"]}
    assert "Gardener" in [answer["value"] for answer in answers.values()]
    assert ["Events", "Consent"] in [answer["values"] for answer in answers.values()]


def test_registration_with_chosen_sessions(visitor: Visitor) -> None:
    page = visitor.open("/event/registration?id=Agenda_Summit")
    fill_attendee(visitor)
    choice = page.get_by_test_id("session-option").first
    choice.check()
    visitor.picture("sessions")
    page.get_by_test_id("submit-registration").click()
    expect(page.get_by_test_id("confirmation-page")).to_be_visible()
    body = json.loads(visitor.stage.sandbox.recorder.find(operation="register")[0].request.body)
    assert len(body["attendees"][0]["attendeeSessions"]) == 1


def test_paid_event_leads_to_the_payment_page_and_back(visitor: Visitor) -> None:
    page = visitor.open("/event/registration?id=Payment_Masterclass")
    fill_attendee(visitor)
    page.get_by_test_id("pass-option").first.check()
    page.get_by_test_id("submit-registration").click()
    page.wait_for_url("**/pay?**")
    assert "purchaseId=" in page.url
    visitor.picture("payment")
    page.get_by_role("button").first.click()
    page.wait_for_url(f"{visitor.stage.portal.url}/**")


def test_event_with_a_real_time_form_shows_the_portals_own(visitor: Visitor) -> None:
    page = visitor.open("/event/registration?id=Form_Webinar")
    expect(page.get_by_test_id("registration-form")).to_be_visible()
    expect(page.get_by_test_id("spinner")).to_have_count(0)


def test_event_with_a_captcha_in_the_old_days_asks_none(visitor: Visitor) -> None:
    page = visitor.open("/event/registration?id=Guarded_Expo")
    fill_attendee(visitor)
    expect(page.get_by_test_id("captcha")).to_have_count(0)
    page.get_by_test_id("submit-registration").click()
    expect(page.get_by_test_id("confirmation-page")).to_be_visible()
    assert not any("captcha" in path for path in upstream_paths(visitor.stage))


def test_sign_in_is_refused_with_a_sentence(visitor: Visitor) -> None:
    page = visitor.open("/")
    page.get_by_test_id("sign-in").click()
    expect(page.get_by_test_id("sign-in-message")).to_contain_text("Signing in is no longer available here.")
    visitor.picture("sign-in")
    page.get_by_test_id("my-registrations-link").click()
    expect(page.get_by_test_id("my-registrations-page").get_by_role("alert").first).to_contain_text("no longer available")
    visitor.picture("my-registrations")
    assert not any("users" in path for path in upstream_paths(visitor.stage))


def test_the_sentence_comes_in_the_visitors_language(browser: Browser, stage: Stage) -> None:
    context = browser.new_context(locale="de-DE")
    page = context.new_page()
    page.goto(f"{stage.portal.url}/#/")
    page.get_by_test_id("sign-in").click()
    expect(page.get_by_test_id("sign-in-message")).to_contain_text("Anmeldung")
    context.close()


@pytest.mark.parametrize("event", ["東京_技術会議", "مؤتمر_الرياض", "Münchner Herbstgespräche"])
def test_names_of_all_scripts(visitor: Visitor, event: str) -> None:
    page = visitor.open("/")
    page.get_by_test_id("event-link").and_(page.locator(f'[href*="{event[:4]}"], [href*="%"]')).first.wait_for()
    visitor.page.goto(f"{visitor.stage.portal.url}/#/event?id={page.evaluate('encodeURIComponent', event)}")
    expect(page.get_by_test_id("event-page")).to_be_visible()
    expect(page.get_by_test_id("error-box")).to_have_count(0)


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ({"kind": "status", "status": 503}, "could not"),
        ({"kind": "html"}, "could not"),
    ],
)
def test_a_sick_organisation_gives_a_sentence(visitor: Visitor, fault: dict[str, object], sentence: str) -> None:
    kind = str(fault.pop("kind"))
    visitor.stage.sandbox.faults.add(kind, operation="register", times=None, **fault)
    page = visitor.open("/event/registration?id=Contoso_Open_Day")
    fill_attendee(visitor)
    page.get_by_test_id("submit-registration").click()
    alert = page.get_by_test_id("registration-error").get_by_role("alert")
    expect(alert).to_be_visible()
    assert "issue when communicating" not in alert.inner_text()
    visitor.picture(f"sick-{kind}")


def test_calendar_link_of_the_confirmation(visitor: Visitor) -> None:
    page = visitor.open("/event/registration?id=Contoso_Open_Day")
    fill_attendee(visitor)
    page.get_by_test_id("submit-registration").click()
    address = page.get_by_test_id("calendar-link").get_attribute("href")
    assert address is not None
    answer = page.request.get(address)
    assert answer.status == 200
    assert answer.text().startswith("BEGIN:VCALENDAR")
