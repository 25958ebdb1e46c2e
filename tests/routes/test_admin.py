"""Tests of routes/admin.py over real sockets."""

import re
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import httpx
import pytest

from app.admin.problems import Kind
from app.cutover.state import CutoverState
from tests.app.admin.rig import BEARER, LATCHED, TOKEN, Desk, client_of, running_desk
from tests.service import ADMIN, running_both, running_service

READS = ("cutover", "cutover/audit", "cutover/operations", "cutover/events", "cutover/differences", "cutover/readiness",
         "cutover/explain?path=events/published", "openapi.json")  # fmt: skip
WHY = "a test"


@pytest.fixture
def desk() -> Iterator[Desk]:
    with running_desk(Desk(state=LATCHED)) as running:
        yield running


@pytest.fixture
def client(desk: Desk) -> Iterator[httpx.Client]:
    with client_of(desk, headers=BEARER) as found:
        yield found


def patch(client: httpx.Client, body: Any, version: str | None = '"1"', **headers: str) -> httpx.Response:
    if version is not None:
        headers["if-match"] = version
    return client.patch("/admin/cutover", json=body, headers=headers)


def problem(answer: httpx.Response, kind: Kind) -> dict[str, Any]:
    assert answer.status_code == kind.status
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["code"] == kind.name
    return document


def test_without_a_token_there_are_no_such_rooms() -> None:
    with running_service(log_level="error") as service:
        unknown = service.client.get(f"{service.url}/nonsense")
        for path in ("/admin/cutover", "/admin/openapi.json", "/console", "/console/sign-in", "/console/static/x.css"):
            found = service.client.get(service.url + path, headers=BEARER)
            assert (found.status_code, found.json()["errorCode"]) == (404, unknown.json()["errorCode"])
            assert found.headers.get("content-security-policy") == unknown.headers.get("content-security-policy")


def test_in_the_whole_service() -> None:
    with running_both("shadow", log_level="error") as service:
        bearer = {"authorization": f"Bearer {ADMIN}"}
        shown = service.client.get(f"{service.url}/admin/cutover", headers=bearer)
        assert shown.json()["stage"] == "shadow"
        assert shown.headers["x-request-id"]
        assert service.get("events/published").headers["x-evtmgmt-backend"] == "outbound"
        moved = service.client.patch(
            f"{service.url}/admin/cutover",
            json={"stage": "realtime", "why": WHY},
            headers={**bearer, "if-match": shown.headers["etag"]},
        )
        assert moved.json()["stage"] == "realtime"
        assert service.get("events/published").headers["x-evtmgmt-backend"] == "realtime"
        for path in READS:
            assert service.client.get(f"{service.url}/admin/{path}", headers=bearer).status_code == 200
        refused = service.client.get(f"{service.url}/admin/cutover")
        assert problem(refused, Kind.NotSignedIn)["correlationId"] == refused.headers["x-request-id"]
        # A portal's origin may read the old API; nobody's may read this.
        origin = service.settings.realtime.origin
        for method in ("GET", "OPTIONS"):
            asked = {**bearer, "origin": origin, "access-control-request-method": "PATCH"}
            answer = service.client.request(method, f"{service.url}/admin/cutover", headers=asked)
            assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert service.client.patch(service.url + "/EvtMgmt/api/v2.0/events/published").status_code == 405


@pytest.mark.parametrize("path", READS)
def test_nothing_is_told_without_the_token(desk: Desk, path: str) -> None:
    with client_of(desk) as client:
        answer = client.get(f"/admin/{path}")
        assert problem(answer, Kind.NotSignedIn)
        assert answer.headers["www-authenticate"].startswith("Bearer ")
        assert answer.headers["cache-control"] == "no-store"
        assert "split" not in answer.text
        answer = client.get(f"/admin/{path}", headers=BEARER)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_nothing_is_changed_without_the_token(desk: Desk) -> None:
    with client_of(desk) as client:
        problem(patch(client, {"stage": "outbound", "why": WHY}), Kind.NotSignedIn)
    assert desk.live.state.stage == "split"


def test_basic_and_its_name_in_the_audit_log(client: httpx.Client) -> None:
    basic = {"authorization": "Basic " + b64encode(f"Bo:{TOKEN}".encode()).decode()}
    assert patch(client, {"percent": 30, "why": WHY}, **basic).status_code == 200
    assert patch(client, {"percent": 31, "why": WHY}, "*").status_code == 200
    assert patch(client, {"percent": 32, "why": WHY, "who": "Cy"}, "*").status_code == 200
    lines = client.get("/admin/cutover/audit").json()["changes"]
    assert [line["who"] for line in lines] == ["Cy", "admin API", "Bo", "settings"]


def test_wrong_tokens_are_slowed(desk: Desk) -> None:
    with client_of(desk) as client:
        answers = [client.get("/admin/cutover", headers={"authorization": f"Bearer wrong-{number}"}) for number in range(6)]
        assert [answer.status_code for answer in answers] == [401] * 5 + [429]
        assert int(answers[-1].headers["retry-after"]) > 0
        problem(client.get("/admin/cutover", headers=BEARER), Kind.TooManyAttempts)
        session = {"cookie": f"evtmgmt-console={desk.credentials.session('Ann')}"}
        assert client.get("/admin/cutover", headers=session).status_code == 200


def test_the_state_is_shown_with_its_version(desk: Desk, client: httpx.Client) -> None:
    answer = client.get("/admin/cutover")
    assert answer.headers["etag"] == '"1"'
    document = answer.json()
    assert {name: document[name] for name in LATCHED.document()} == LATCHED.document()
    assert document["outbound_configured"] is True
    assert document["durable"] is False
    assert document["away"] is None


def test_a_change(client: httpx.Client) -> None:
    body = {
        "stage": "realtime", "percent": 50, "operations": {"register": "off", "get_personal_calendar": None},
        "events": {"New_Event": "off"}, "clear_latches": ["get_event"], "why": WHY, "who": "Ann",
    }  # fmt: skip
    answer = patch(client, body)
    assert answer.status_code == 200
    assert answer.headers["etag"] == '"2"'
    changed = answer.json()
    assert (changed["stage"], changed["percent"], changed["latches"]) == ("realtime", 50, {})
    assert changed["operations"] == {"register": "off"}
    assert changed["events"] == {"autumn_*": "realtime", "spring_launch": "off", "new_event": "off"}
    line = client.get("/admin/cutover/audit?limit=1").json()["changes"][0]
    assert (line["version"], line["who"], line["why"]) == (2, "Ann", WHY)
    assert line["before"]["stage"] == "split"
    assert line["after"]["stage"] == "realtime"


def test_what_changes_nothing_is_no_change(client: httpx.Client) -> None:
    answer = patch(client, {"stage": "split", "why": WHY})
    assert (answer.status_code, answer.headers["etag"]) == (200, '"1"')


def test_a_change_needs_the_version_that_was_seen(client: httpx.Client) -> None:
    body = {"percent": 30, "why": WHY}
    problem(patch(client, body, None), Kind.VersionMissing)
    for stale in ('"0"', '"2"', '"x"', '""', "1, 2", '"999999999999999999999"'):
        answer = patch(client, body, stale)
        current = problem(answer, Kind.VersionMismatch)["current"]
        assert current["version"] == 1
        assert current["percent"] == 25
        assert answer.headers["etag"] == '"1"'
    # A reverse proxy that compresses makes it weak.
    assert patch(client, body, 'W/"1"').status_code == 200
    assert patch(client, {"percent": 31, "why": WHY}, "*").status_code == 200


def test_of_two_changes_at_once_one_wins(desk: Desk) -> None:
    together = Barrier(2)

    def change(percent: int) -> httpx.Response:
        with client_of(desk, headers=BEARER) as client:
            client.get("/admin/cutover")
            together.wait()
            return patch(client, {"percent": percent, "why": WHY})

    with ThreadPoolExecutor(2) as threads:
        answers = sorted(threads.map(change, (41, 42)), key=lambda answer: answer.status_code)
    assert [answer.status_code for answer in answers] == [200, 412]
    assert answers[1].json()["current"]["percent"] == answers[0].json()["percent"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"percent": 30}, "why: Field required."),
        ({"percent": 30, "why": " "}, "why is missing"),
        ({"why": WHY}, "Nothing is wished"),
        ({"percent": 300, "why": WHY}, "percent: "),
        ({"stage": "half", "why": WHY}, "stage: "),
        ({"operations": {"nonsense": "off"}, "why": WHY}, "no such operation: nonsense"),
        ({"events": {"a/b": "off"}, "why": WHY}, "no readable event id"),
        ({"clear_latches": ["register"], "why": WHY}, "Nothing is latched under register"),
        ({"percent": 30, "why": WHY, "extra": 1}, "extra: "),
        ([], "Input should be"),
        ("split", "Input should be"),
    ],
)
def test_what_cannot_be_is_refused_in_words(client: httpx.Client, body: Any, words: str) -> None:
    assert words in problem(patch(client, body), Kind.InvalidChange)["detail"]
    assert client.get("/admin/cutover").headers["etag"] == '"1"'


def test_without_outbound_nothing_is_sent_there() -> None:
    with running_desk(Desk(state=CutoverState(), both=False)) as desk, client_of(desk, headers=BEARER) as client:
        assert client.get("/admin/cutover").json()["outbound_configured"] is False
        for body in ({"stage": "split"}, {"operations": {"get_event": "outbound"}}, {"events": {"a": "outbound"}}):
            problem(patch(client, {**body, "why": WHY}), Kind.NoOutbound)
        assert patch(client, {"operations": {"get_event": "off"}, "why": WHY}).status_code == 200


def test_other_pages_cannot_make_changes(desk: Desk, client: httpx.Client) -> None:
    body = {"stage": "outbound", "why": WHY}
    for headers in ({"origin": "https://evil.invalid"}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}):
        problem(patch(client, body, **headers), Kind.CrossSite)
    for media in ("text/plain", "application/x-www-form-urlencoded"):
        problem(patch(client, body, **{"content-type": media}), Kind.UnsupportedMediaType)
    assert patch(client, body, origin=desk.url).status_code == 200


def test_a_large_body_is_refused(client: httpx.Client) -> None:
    problem(patch(client, {"stage": "outbound", "why": "x" * 70_000}), Kind.BodyTooLarge)


def test_the_audit_log_in_pages(client: httpx.Client) -> None:
    for percent in range(1, 8):
        assert patch(client, {"percent": percent, "why": f"Step {percent}"}, "*").status_code == 200
    first = client.get("/admin/cutover/audit?limit=3").json()
    assert [line["version"] for line in first["changes"]] == [8, 7, 6]
    second = client.get(f"/admin/cutover/audit?limit=10&before={first['next']}").json()
    assert [line["version"] for line in second["changes"]] == [5, 4, 3, 2, 1]
    assert second["next"] is None
    for query in ("limit=0", "limit=201", "limit=x", "before=0"):
        problem(client.get(f"/admin/cutover/audit?{query}"), Kind.InvalidQuery)


def test_differences_of_one_operation(client: httpx.Client) -> None:
    document = client.get("/admin/cutover/differences?operation=get_event").json()
    assert {row["operation"] for row in document["fields"]} == {"get_event"}
    everything = client.get("/admin/cutover/differences?everything=true").json()
    assert len(everything["fields"]) > len(client.get("/admin/cutover/differences").json()["fields"])


def test_explain(client: httpx.Client) -> None:
    answer = client.get("/admin/cutover/explain", params={"path": "/EvtMgmt/api/v2.0/events/Data_Day", "visitor": "203.0.113.9"})
    assert answer.json()["operation"] == "get_event"
    assert answer.json()["rule"] == "latch"
    problem(client.get("/admin/cutover/explain", params={"path": "nonsense"}), Kind.NoOperation)
    problem(client.get("/admin/cutover/explain", params={"path": "events/published", "method": "PUT"}), Kind.NoOperation)
    problem(client.get("/admin/cutover/explain"), Kind.InvalidQuery)


def test_the_api_describes_itself_and_nothing_else(client: httpx.Client) -> None:
    document = client.get("/admin/openapi.json").json()
    assert set(document["paths"]) == {f"/admin/{path.partition('?')[0]}" for path in READS} - {"/admin/openapi.json"}
    assert document["paths"]["/admin/cutover"]["patch"]["requestBody"]["required"] is True
    assert document["security"] == [{"bearer": []}, {"basic": []}]
    named = set(re.findall(r'"#/components/schemas/(\w+)"', client.get("/admin/openapi.json").text))
    assert named <= set(document["components"]["schemas"])


def test_while_the_store_is_away_the_state_is_shown_and_cannot_be_changed(tmp_path: Path) -> None:
    with running_desk(Desk(directory=tmp_path)) as desk, client_of(desk, headers=BEARER) as client:
        assert client.get("/admin/cutover").json()["durable"] is True
        for file in tmp_path.iterdir():
            file.unlink()
        tmp_path.chmod(0o500)
        (tmp_path.parent / "elsewhere").mkdir()
        tmp_path.rmdir()
        tmp_path.write_text("no directory")
        assert client.get("/admin/cutover").json()["stage"] == "split"
        answer = patch(client, {"percent": 30, "why": WHY})
        assert problem(answer, Kind.StoreAway)["detail"].endswith("What was known last serves.")
        assert answer.headers["retry-after"]
        problem(client.get("/admin/cutover/audit"), Kind.StoreAway)


def test_a_defect_is_told_by_its_correlation_id_only(desk: Desk, client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("something inside")

    monkeypatch.setattr("routes.admin.show_events", broken)
    document = problem(client.get("/admin/cutover/events"), Kind.Defect)
    assert "inside" not in str(document)


def test_nothing_of_credentials_or_visitors_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    with running_both("split", log_level="debug") as service:
        base = f"{service.url}/admin/cutover"
        service.client.get(base, headers={"authorization": "Bearer a-mistyped-token"})
        service.client.get(f"{base}/explain", params={"path": "events/x", "visitor": "visitor-number-one"},
                           headers={"authorization": f"Bearer {ADMIN}"})  # fmt: skip
        signed = service.client.post(f"{service.url}/console/sign-in", data={"who": "Ann", "token": ADMIN})
        session = signed.cookies["evtmgmt-console"]
        assert service.client.get(f"{service.url}/console").status_code == 200
    logged = capsys.readouterr().out
    assert "/admin/cutover/explain" in logged
    for secret in (ADMIN, "a-mistyped-token", "visitor-number-one", session, session.rpartition(".")[2]):
        assert secret not in logged
