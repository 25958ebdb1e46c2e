"""Tests of routes/console.py over real sockets, as a browser without scripts sees it."""

import re
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import httpx
import pytest

from app.admin.credentials import SESSION_SECONDS
from app.admin.pages import POLICY
from app.cutover.decision import Source
from app.cutover.standing import Obstacle, Severity
from app.cutover.state import CutoverState, Latch, Stage, Switch
from app.cutover.store import StoreAwayError
from tests.app.admin.rig import BEARER, LATCHED, NOW, TOKEN, Desk, client_of, listed, running_desk
from tests.service import ADMIN, running_both
from translation.comparison import Comparison, Difference, Verdict

COOKIE = "evtmgmt-console"
PAGES = {
    "": "Overview", "/operations": "Operations", "/events": "Events", "/differences": "Differences", "/readiness": "Readiness",
    "/explain": "Explain", "/audit": "Audit",
    "/differences/field?operation=get_event&path=description": "description",
}  # fmt: skip
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr", "rect", "line"}


class Page(HTMLParser):
    """A page taken apart; what does not close is a mistake."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.mistakes: list[str] = []
        self.feed(answer.text)
        assert self._open == []
        assert self.mistakes == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attributes}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attributes}))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.mistakes.append(f"</{tag}> at {self.getpos()}")

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def value(self, name: str) -> str:
        """That of a hidden field."""
        return next(field["value"] for field in self.all("input") if field.get("name") == name)


@pytest.fixture
def desk() -> Iterator[Desk]:
    with running_desk(Desk(state=LATCHED)) as running:
        yield running


@pytest.fixture
def client(desk: Desk) -> Iterator[httpx.Client]:
    """Somebody who is signed in."""
    with client_of(desk) as found:
        sign_in(found)
        yield found


def sign_in(client: httpx.Client, token: str = TOKEN, who: str = "Ann", **more: Any) -> httpx.Response:
    return client.post("/console/sign-in", data={"who": who, "token": token, **more})


def change(client: httpx.Client, fields: dict[str, str], why: str = "a test", **more: str) -> httpx.Response:
    """Ask, look at the page, and make the change."""
    asked = Page(client.get("/console/change", params=fields))
    sent = {**fields, "why": why, "form_token": asked.value("form_token"), "version": asked.value("version"), **more}
    return client.post("/console/change", data=sent)


def test_in_the_whole_service() -> None:
    with running_both("shadow", log_level="error") as service:
        service.get("events/published")
        client = service.client
        client.base_url = httpx.URL(service.url)
        client.cookies.clear()
        assert sign_in(client, ADMIN).status_code == 303
        for path in (*PAGES, "/live", "/change?stage=split"):
            if "field" not in path:
                answer = client.get(f"/console{path}")
                assert answer.status_code == 200
                assert answer.headers["content-security-policy"] == POLICY
                assert answer.headers["x-request-id"]
        assert "1" in Page(client.get("/console/live")).text
        assert "Contoso_Ltd_Conference" in client.get("/console/events").text
        assert change(client, {"stage": "realtime"}).status_code == 303
        assert service.get("events/published").headers["x-evtmgmt-backend"] == "realtime"


def test_strangers_are_sent_to_sign_in_and_back(desk: Desk) -> None:
    with client_of(desk) as client:
        for path in PAGES:
            answer = client.get(f"/console{path}")
            assert (answer.status_code, answer.text) == (303, "")
        answer = client.get("/console/differences?operation=get_event")
        form = Page(client.get(answer.headers["location"]))
        done = sign_in(client, next=form.value("next"))
        assert done.headers["location"] == "/console/differences?operation=get_event"


@pytest.mark.parametrize(
    "place",
    ["https://evil.invalid", "//evil.invalid", "/\\evil.invalid", "/console//evil.invalid", "/console@evil.invalid", "/console\n",
     "/admin/cutover", "/console/../admin", "/console/audit#x", "javascript:alert(1)", ""],
)  # fmt: skip
def test_sign_in_leads_nowhere_else(desk: Desk, place: str) -> None:
    with client_of(desk) as client:
        assert Page(client.get("/console/sign-in", params={"next": place})).value("next") == "/console"
        assert sign_in(client, next=place).headers["location"] == "/console"


def test_sign_in_sets_a_cookie_that_scripts_and_other_sites_do_not_get(desk: Desk) -> None:
    with client_of(desk) as client:
        plain = sign_in(client).headers["set-cookie"]
        assert set(plain.split("; ")[1:]) == {"Path=/", "Max-Age=28800", "HttpOnly", "SameSite=Strict"}
        secure = client.post("/console/sign-in", data={"who": "Ann", "token": TOKEN}, headers={"x-forwarded-proto": "https"})
        assert secure.headers["set-cookie"].startswith("__Host-evtmgmt-console=")
        assert secure.headers["set-cookie"].endswith("; Secure")


def test_wrong_tokens_are_refused_and_slowed(desk: Desk) -> None:
    with client_of(desk) as client:
        assert sign_in(client, who=" ").status_code == 422
        for number in range(5):
            answer = sign_in(client, f"wrong-{number}", who='Ann "<b>"')
            assert answer.status_code == 401
            assert "www-authenticate" not in answer.headers  # else browsers ask in their own way
            assert "set-cookie" not in answer.headers
        page = Page(answer)
        assert "This is not the admin token." in page.text
        assert page.value("who") == 'Ann "<b>"'
        assert "wrong-4" not in answer.text
        held = sign_in(client)
        assert held.status_code == 429
        assert int(held.headers["retry-after"]) > 0


def test_a_session_that_is_over_or_changed_is_none() -> None:
    now = [NOW]
    with running_desk(Desk(clock=lambda: now[0])) as desk, client_of(desk) as client:
        sign_in(client)
        assert client.get("/console").status_code == 200
        now[0] += SESSION_SECONDS
        assert client.get("/console").headers["location"] == "/console/sign-in"
        sign_in(client)
        value = client.cookies[COOKIE]
        client.cookies.clear()
        for changed in (value[:-1] + ("0" if value[-1] != "0" else "1"), "x" + value, value.replace(".", "", 1), "x.y"):
            assert client.get("/console", headers={"cookie": f"{COOKIE}={changed}"}).status_code == 303
        assert client.get("/console", headers={"cookie": f"{COOKIE}={value}"}).status_code == 200


def test_sign_out(client: httpx.Client) -> None:
    token = Page(client.get("/console")).value("form_token")
    assert client.post("/console/sign-out", data={"form_token": "x"}).status_code == 403
    answer = client.post("/console/sign-out", data={"form_token": token})
    assert answer.headers["location"] == "/console/sign-in"
    assert COOKIE not in client.cookies
    assert client.get("/console").status_code == 303


def test_basic_is_taken_as_well(desk: Desk) -> None:
    with client_of(desk, auth=("Bo", TOKEN)) as client:
        page = Page(client.get("/console"))
        assert "Bo" in page.text
        assert "/console/sign-out" not in [form["action"] for form in page.all("form")]
        assert change(client, {"percent": "30"}).status_code == 303
    with client_of(desk, auth=("Bo", "wrong")) as client:
        assert client.get("/console").status_code == 401


@pytest.mark.parametrize(("path", "title"), PAGES.items())
def test_pages_are_whole_and_strict(client: httpx.Client, path: str, title: str) -> None:
    answer = client.get(f"/console{path}")
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    page = Page(answer)
    assert title in page.text
    tags = [tag for tag, _ in page.tags]
    assert tags.count("h1") == tags.count("main") == tags.count("nav") == 1
    assert page.all("html") == [{"lang": "en"}]
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in page.tags:
        assert not {name for name in attributes if name.startswith("on") or name == "style"}
        for reference in ("aria-labelledby", "aria-describedby", "aria-controls", "for"):
            assert set(attributes.get(reference, "").split()) <= set(ids)
    labels = {attributes["for"] for attributes in page.all("label")}
    for tag in ("input", "select", "textarea"):
        for field in page.all(tag):
            assert field.get("type") == "hidden" or field.get("id") in labels or field.get("aria-label")
    for tag in ("a", "link", "script", "form", "img"):
        for attributes in page.all(tag):
            address = attributes.get("href") or attributes.get("src") or attributes.get("action") or ""
            assert address.startswith(("/console", "#"))
    # Rows that are shown as cards stay rows for screen readers, whatever the style sheet makes of them.
    if any("cards" in table.get("class", "") for table in page.all("table")):
        assert {row.get("role") for row in page.all("tr")} == {"row"}
        assert {cell.get("role") for cell in page.all("td")} == {"cell"}
    assert all("alt" in attributes for attributes in page.all("img"))
    headings = [int(tag[1]) for tag in tags if re.fullmatch("h[1-6]", tag)]
    assert all(after <= before + 1 for before, after in pairwise(headings))


def test_the_files_of_pages_may_be_kept(desk: Desk) -> None:
    with client_of(desk) as client:
        page = Page(client.get("/console/sign-in"))
        for address in [page.all("script")[0]["src"], *(link["href"] for link in page.all("link"))]:
            answer = client.get(address)
            assert answer.status_code == 200
            assert "immutable" in answer.headers["cache-control"]
            assert answer.headers["content-type"] in (
                "text/css; charset=utf-8",
                "text/javascript; charset=utf-8",
                "image/svg+xml",
            )
        assert client.get("/console/static/console.css").status_code == 404
        assert client.get("/console/static/..%2Fpages.py").status_code in (303, 404)


def test_unknown_pages_are_pages(client: httpx.Client) -> None:
    answer = client.get("/console/nonsense/<b>")
    assert answer.status_code == 404
    assert answer.headers["content-security-policy"] == POLICY
    assert client.get("/console/differences/field?operation=x&path=y").status_code == 404


def test_a_change_is_shown_confirmed_made_and_told(client: httpx.Client) -> None:
    asked = Page(client.get("/console/change?percent=40&back=audit"))
    assert "Percentage 25 % → becomes 40 %" in asked.text
    assert "Visitors whom real-time serves stay with it" in asked.text
    answer = change(client, {"percent": "40", "back": "audit"}, why="Ann & Bo <watch>")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/audit?done=2")
    page = Page(client.get(answer.headers["location"]))
    assert "Saved as version 2." in page.text
    assert "Ann & Bo <watch>" in page.text
    assert "Saved" not in Page(client.get("/console/audit?done=77")).text
    assert client.get("/console/audit?done=x").status_code == 200


@pytest.mark.parametrize(
    ("fields", "part", "value"),
    [
        ({"stage": "shadow"}, "stage", Stage.SHADOW),
        ({"operation": "register", "switch": "off"}, "operations", {"get_personal_calendar": "outbound", "register": "off"}),
        ({"operation": "get_personal_calendar", "switch": "none"}, "operations", {}),
        ({"event": "autumn_*", "switch": "none"}, "events", {"spring_launch": Switch.OFF}),
        ({"clear": "get_event"}, "latches", {}),
        ({"clear": "all"}, "latches", {}),
    ],
)
def test_everything_can_be_changed(desk: Desk, client: httpx.Client, fields: dict[str, str], part: str, value: Any) -> None:
    assert change(client, fields).status_code == 303
    assert getattr(desk.live.state, part) == value


def test_a_step_forward_shows_what_stands_against_it(client: httpx.Client) -> None:
    asked = Page(client.get("/console/change?stage=realtime"))
    assert "Winter_Gala is listed only in outbound" in asked.text
    assert "it stays with outbound in every stage until the latch is cleared" in asked.text
    assert "Winter_Gala" not in Page(client.get("/console/change?stage=shadow")).text


def test_a_change_without_reason_is_asked_again(desk: Desk, client: httpx.Client) -> None:
    answer = change(client, {"percent": "40"}, why="  ")
    assert answer.status_code == 422
    assert "why is missing" in Page(answer).text
    assert desk.live.snapshot.version == 1


def test_what_cannot_be_is_said(client: httpx.Client) -> None:
    for query in ("percent=x", "stage=half", "operation=nonsense&switch=off", "event=a/b&switch=off", "clear=register", ""):
        answer = client.get(f"/console/change?{query}")
        assert answer.status_code == 422
        assert "This cannot be done" in Page(answer).text
    assert "The state is so already." in Page(client.get("/console/change?percent=25")).text


def test_who_was_slower_sees_what_the_change_would_be_now(desk: Desk, client: httpx.Client) -> None:
    seen = Page(client.get("/console/change?percent=40"))
    assert change(client, {"percent": "10"}, why="the first").status_code == 303
    sent = {"percent": "40", "why": "the second", "form_token": seen.value("form_token"), "version": seen.value("version")}
    answer = client.post("/console/change", data=sent)
    assert answer.status_code == 412
    page = Page(answer)
    assert "Somebody changed the state meanwhile." in page.text
    assert "Percentage 10 % → becomes 40 %" in page.text
    assert "the second" in page.text
    again = client.post("/console/change", data={**sent, "version": page.value("version")})
    assert again.status_code == 303
    assert desk.live.state.percent == 40


def test_forms_of_other_pages_are_refused(desk: Desk, client: httpx.Client) -> None:
    page = Page(client.get("/console/change?percent=40"))
    sent = {"percent": "40", "why": "x", "form_token": page.value("form_token"), "version": "1"}
    foreign = ({"origin": "https://evil.invalid"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"})
    for headers in foreign:
        for place in ("/console/change", "/console/sign-in", "/console/sign-out"):
            assert client.post(place, data=sent, headers=headers).status_code == 403
    for token in ("", "x", page.value("form_token")[:-1]):
        assert client.post("/console/change", data={**sent, "form_token": token}).status_code == 403
    assert client.post("/console/change", json=sent).status_code == 415
    with client_of(desk) as other:
        sign_in(other)
        assert other.post("/console/change", data=sent).status_code == 403
    assert desk.live.snapshot.version == 1
    assert client.post("/console/change", data=sent, headers={"origin": desk.url}).status_code == 303


def test_a_get_changes_nothing(desk: Desk, client: httpx.Client) -> None:
    for path in ("/console/change?percent=1&why=x&version=1", "/console/sign-out"):
        client.get(path)
    assert desk.live.snapshot.version == 1
    assert client.get("/console").status_code == 200


MARKUP = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{ 1234*9 }}"


def test_markup_is_text_wherever_it_comes_from() -> None:
    desk = Desk(
        state=CutoverState(
            stage=Stage.SPLIT, percent=5, events={"a'&b_*": Switch.OFF}, latches={"get_event": Latch(at=1.0, reason=MARKUP)}
        ),
        obstacles=[Obstacle(Severity.NOTE, MARKUP, f"`{MARKUP}`")],
    )
    desk.places.learn(Source.REALTIME, "list_events", {}, [listed("A'&B_1", MARKUP, MARKUP), listed(MARKUP, MARKUP, "")])
    told = Difference(f"[].{MARKUP}", Verdict.DIFFERS, MARKUP, MARKUP, MARKUP + "!")
    desk.parity.add(Comparison("get_event", {told.path: {Verdict.DIFFERS: 1}}, [told]), NOW)
    with running_desk(desk), client_of(desk) as client:
        sign_in(client, who=MARKUP)
        assert change(client, {"percent": "6"}, why=MARKUP).status_code == 303
        fields = {"operation": "get_event", "path": told.path}
        answers = [client.get(f"/console{path}") for path in PAGES]
        answers += [
            client.get("/console/differences/field", params=fields),
            client.get("/console/explain", params={"path": MARKUP, "visitor": MARKUP, "method": MARKUP}),
            client.get("/console/change", params={"event": MARKUP, "switch": MARKUP, "back": MARKUP}),
            client.get("/console/change", params={"clear": "get_event"}),
            client.get("/console/differences", params={"operation": MARKUP}),
            client.get("/console/sign-in", params={"next": MARKUP}),
            client.get("/console/audit", params={"before": MARKUP, "done": MARKUP}),
        ]
        scripts = Page(client.get("/console/sign-in")).all("script")
        for answer in answers:
            page = Page(answer)
            assert page.all("script") == scripts
            assert {image["src"] for image in page.all("img")} == {scripts[0]["src"].rpartition("/")[0] + "/" + icon(page)}
            assert "11106" not in page.text
        assert sum(unescape(answer.text).count(MARKUP[:25]) for answer in answers) > 20


def icon(page: Page) -> str:
    return next(link["href"] for link in page.all("link") if link["rel"] == "icon").rpartition("/")[2]


def test_personal_values_are_not_shown(client: httpx.Client) -> None:
    page = Page(client.get("/console/differences/field?operation=list_speakers&path=[].email"))
    assert page.text.count("A personal value: not shown.") == 2


def test_what_was_moved_back_is_told_on_every_page(client: httpx.Client) -> None:
    for path in PAGES:
        page = Page(client.get(f"/console{path}"))
        assert "Moved back to outbound" in page.text
        assert "11.2 % of 214 calls failed" in page.text


def test_the_live_part_stands_alone(client: httpx.Client) -> None:
    answer = client.get("/console/live")
    page = Page(answer)
    assert "Answers per minute" in page.text
    assert not page.all("html")
    assert page.all("div")[0] == {"class": "live", "data-version": "1"}


def test_explain_says_which_rule_decided(client: httpx.Client) -> None:
    page = Page(client.get("/console/explain?path=events/Winter_Gala&visitor=a"))
    assert "only outbound publishes the event" in page.text
    assert "published list" in page.text
    assert "operation" in Page(client.get("/console/explain?path=nonsense")).text


def test_without_outbound_only_what_can_be_is_offered() -> None:
    with running_desk(Desk(state=CutoverState(), both=False)) as desk, client_of(desk) as client:
        sign_in(client)
        for path in PAGES:
            page = Page(client.get(f"/console{path}"))
            assert "outbound" not in [field.get("value") for field in page.all("option")]
        page = Page(client.get("/console"))
        assert "No outbound organisation is configured" in page.text
        assert not [field for field in page.all("input") if field.get("name") == "stage"]
        answer = change_directly(client, {"stage": "split"})
        assert answer.status_code == 422


def change_directly(client: httpx.Client, fields: dict[str, str]) -> httpx.Response:
    token = Page(client.get("/console")).value("form_token")
    return client.post("/console/change", data={**fields, "form_token": token, "version": "1", "why": "x"})


def test_an_hour_without_answers_and_nothing_compared() -> None:
    desk = Desk()
    desk.traffic.clear()
    desk.parity.operations.clear()
    desk.obstacles.clear()
    desk.places._lists.clear()
    with running_desk(desk), client_of(desk) as client:
        sign_in(client)
        words = [Page(client.get(f"/console{path}")).text for path in PAGES if "field" not in path]
        assert "Nothing was answered in the last hour." in words[0]
        assert "No events are known." in words[2]
        assert "Nothing was compared yet." in words[3]
        assert "Nothing is known that stands against it." in words[4]


def test_while_the_store_is_away_pages_say_so(desk: Desk, client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: Any, **__: Any) -> None:
        raise StoreAwayError("the disk is gone")

    for name in ("current", "audit", "change", "documents"):
        monkeypatch.setattr(desk.store, name, away)
    desk.live.away = "the disk is gone"
    assert "The state cannot be changed now. the disk is gone" in Page(client.get("/console?done=1")).text
    assert client.get("/console/audit").status_code == 503
    answer = change_directly(client, {"percent": "30"})
    assert answer.status_code == 503
    assert "The state cannot be changed now: the disk is gone." in Page(answer).text


def test_a_defect_is_a_page_without_details(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("something inside")

    monkeypatch.setattr("routes.console.show_events", broken)
    answer = client.get("/console/events")
    assert answer.status_code == 500
    assert "inside" not in answer.text
    assert answer.headers["content-security-policy"] == POLICY


def test_the_api_and_the_console_see_the_same(desk: Desk, client: httpx.Client) -> None:
    assert change(client, {"stage": "shadow"}).status_code == 303
    assert client.get("/admin/cutover", headers=BEARER).json()["stage"] == "shadow"
