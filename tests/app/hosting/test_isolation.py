"""Nothing of one portal shows at another: proved by random interleavings before sandboxes that hold marked data."""

import json
import re
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.logs import access_log
from tests.app.hosting.rig import EVENT, NAMES, PLACES, Town, mark_of, running_town
from tests.clock import until
from tests.service import BASE

PATHS = ("events/published", f"events/{EVENT}", f"events/{EVENT}/sessions", f"events/{EVENT}/speakers", "events/Nothing_At_All")
LIMIT = 600
STEPS = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(PATHS), st.booleans(), st.sampled_from(["", "own", "foreign"])),
    min_size=4,
    max_size=16,
)


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    with running_town(
        contoso={"limits": {"body_bytes": 1_024}},
        tailspin={"messages": {"en": {"NotFound": f"A sentence: {mark_of('tailspin')}"}}},
    ) as found:
        yield found


def foreign(name: str) -> set[str]:
    """What must not be seen at a portal."""
    return {word for other in NAMES if other != name for word in (mark_of(other), f"{other}.invalid", f"client-of-{other}")}


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_no_answer_shows_anything_of_another_portal(town: Town, steps: list[tuple[str, str, bool, str]]) -> None:
    tags: dict[tuple[str, str], str] = {}
    for name, path, by_token, origin in steps:
        other = NAMES[NAMES.index(name) - 1]
        headers = {"": {}, "own": {"Origin": f"https://{name}.invalid"}, "foreign": {"Origin": f"https://{other}.invalid"}}[
            origin
        ]
        if (tag := tags.get((other, path))) is not None:
            headers["If-None-Match"] = tag
        answer = town.get(name, path, by_token=by_token, headers=headers)
        seen = answer.text + repr(answer.headers.raw)
        assert not {word for word in foreign(name) if word in seen}
        if path.endswith("All"):
            assert answer.status_code == 404
            continue
        assert answer.status_code == 200  # the validator of another portal is none here
        assert mark_of(name) in answer.text
        tags[name, path] = answer.headers["etag"]
        allowed = answer.headers.get("access-control-allow-origin")
        assert allowed == (f"https://{name}.invalid" if origin == "own" else None)
    for name in NAMES:
        shown = town.metrics(name)
        assert not {word for word in foreign(name) if word in shown}
        assert set(re.findall(r'portal="([^"]*)"', shown)) <= {name}
    upstream = {name: town.sandboxes[name].recorder.find() for name in NAMES}
    assert all(mark_of(other) not in repr(upstream[name]) for name in NAMES for other in NAMES)


def test_each_line_of_the_log_names_its_portal(town: Town, capsys: pytest.CaptureFixture[str]) -> None:
    for name in NAMES:
        town.get(name, "events/Nothing_At_All", headers={"X-Request-ID": f"request-to-{name}"})
    town.client.get(f"{town.url}/nowhere", headers={"X-Request-ID": "request-to-nobody"})
    # Read once, when all was written: what is written while it is read may be lost.
    until(lambda: not (town.host.generation._in_flight or access_log._waiting))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    found = {line["request_id"]: line.get("portal") for line in lines if str(line.get("request_id", "")).startswith("request-to")}
    assert found == {**{f"request-to-{name}": name for name in NAMES}, "request-to-nobody": ""}


def test_a_limit_of_one_is_none_of_another(town: Town) -> None:
    body = b"x" * 2_000
    statuses = {
        name: town.ask("POST", name, f"events/{EVENT}/registrations", content=body, headers={"Content-Type": "application/json"})
        for name in NAMES
    }
    assert statuses["contoso"].status_code == 413
    assert all(statuses[name].status_code == 400 for name in NAMES[1:])


def test_a_budget_that_is_spent_is_that_of_its_organisation_alone() -> None:
    spent = {"upstream": {"budget": "1/h", "budget_burst": 1, "budget_wait": 0}, "cache": {"enabled": False}}
    with running_town(contoso=spent) as town:
        first, second = (town.get("contoso", "events/published") for _ in range(2))
        assert (first.status_code, second.status_code) == (200, 429)
        assert all(town.get(name, "events/published").status_code == 200 for name in NAMES[1:] for _ in range(3))
        assert 'evtmgmt_errors_total{code="TooManyRequests",portal="contoso"} 1.0' in town.metrics()
        assert "TooManyRequests" not in town.metrics("fabrikam")


def test_requests_at_once_are_counted_for_each_portal() -> None:
    with running_town(contoso={"limits": {"concurrency": 1}, "cache": {"enabled": False}}) as town:
        gateway = town.host.generation.portals["contoso"].gateway
        gateway._in_flight += 1
        assert town.get("contoso", "events/published").status_code == 503
        assert all(town.get(name, "events/published").status_code == 200 for name in NAMES[1:])


def test_a_request_that_fits_no_portal_is_told_so_and_nothing_more(town: Town) -> None:
    asks = [
        (f"{town.url}{BASE}events/published", {}),
        (f"{town.url}{BASE}events/published", {"Host": "elsewhere.invalid"}),
        (f"{town.url}/contoso{BASE}events/published", {}),
        (f"{town.url}{BASE}events/published?emApplicationtoken=client-of-tailspin&EMAPPLICATIONTOKEN=client-of-contoso", {}),
        (f"{town.url}/", {}),
    ]
    for url, headers in asks:
        answer = town.client.get(url, headers={"Origin": "https://contoso.invalid", **headers})
        assert (answer.status_code, answer.json()["errorCode"]) == (404, "PortalNotFound")
        assert answer.headers["access-control-allow-origin"] == "*"
        assert not {word for name in NAMES for word in foreign(name) if word in answer.text + repr(answer.headers.raw)}
    headers = {"Origin": "https://any.invalid", "Access-Control-Request-Method": "GET"}
    preflight = town.client.options(f"{town.url}{BASE}events/published", headers=headers)
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (204, "*")


def test_a_picture_is_found_where_its_portal_looks_for_it(town: Town) -> None:
    (speaker, *_) = [found for found in town.get("fabrikam", f"events/{EVENT}/speakers").json() if found["imageUrl"]]
    assert "://" not in speaker["imageUrl"]
    answer = town.get("fabrikam", speaker["imageUrl"].lstrip("/"))
    assert answer.headers["content-type"].startswith("image/")


def test_the_services_pages_are_those_of_the_process(town: Town) -> None:
    for room in ("livez", "readyz", "metrics", "docs", "openapi.json"):
        assert town.client.get(f"{town.url}/{room}", headers={"Host": "contoso.invalid"}).status_code == 200
    assert town.client.get(f"{town.url}/readyz").json() == {"status": "ready", "portals": dict.fromkeys(NAMES, "ready")}
    assert town.client.get(f"{town.url}/console").status_code == 404


def test_a_refused_token_is_told_of_its_portal_alone() -> None:
    with running_town(cache_off()) as town:
        town.sandboxes["fabrikam"].realtime.token = "another one"
        assert town.get("fabrikam", "events/published").status_code == 502
        answer = town.client.get(f"{town.url}/readyz")
        assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
        assert answer.json()["portals"] == {**dict.fromkeys(NAMES, "ready"), "fabrikam": "not ready"}
        assert town.get("contoso", "events/published").status_code == 200


def cache_off() -> dict[str, object]:
    return {"cache": {"enabled": False}}


def test_a_credential_opens_its_portal_only() -> None:
    own = {name: {"admin": {"token": f"credential-of-{name}"}} for name in NAMES[:2]}
    with running_town(**own) as town:

        def ask(portal: str, credential: str) -> int:
            headers = {"Authorization": f"Bearer credential-of-{credential}"}
            return town.client.get(f"{town.url}/portals/{portal}/admin/cutover", headers=headers).status_code

        assert (ask("contoso", "contoso"), ask("fabrikam", "fabrikam")) == (200, 200)
        assert (ask("contoso", "fabrikam"), ask("fabrikam", "contoso")) == (401, 401)
        assert (ask("tailspin", "contoso"), ask("nobody", "contoso")) == (404, 404)


def test_kept_answers_are_given_by_the_short_way_as_well(town: Town) -> None:
    assert PLACES["fabrikam"]["path_prefix"] == "/fabrikam"
    for name in NAMES:
        answers = [town.get(name, f"events/{EVENT}/tracks") for _ in range(3)]
        assert {answer.headers.get("x-evtmgmt-cache") for answer in answers[1:]} == {"hit"}
        assert all(mark_of(name) in answer.text for answer in answers)
