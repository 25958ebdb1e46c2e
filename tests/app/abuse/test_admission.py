"""Tests of app/abuse/admission.py through the whole service: what a portal is told, and what reaches the organisation."""

from collections.abc import Iterator
from typing import Any

import pytest

from app.abuse.addresses import ClientAddresses, Trusted
from app.abuse.admission import Admission
from app.abuse.client_tokens import ClientTokens
from app.abuse.limiting import RateLimits
from app.abuse.origins import Origins
from app.abuse.settings import Rates
from app.abuse.windows import Windows
from app.metrics import Metrics
from tests.app.abuse.verifying import SECRET, FakeVerifier, running_verifier
from tests.examples import OPEN_DAY, attendee, registration
from tests.service import Service, event_path, running_service

PORTAL = "https://portal.example.com"
CLIENTS = (f"198.51.100.{number}" for number in range(100, 250))
TOKENS = ["the-old-token-of-the-portal", "the-new-token-of-the-portal"]


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeVerifier]:
    with running_verifier() as server:
        yield server


@pytest.fixture(scope="module")
def strict(fake: FakeVerifier) -> Iterator[Service]:
    """A proxy with everything on."""
    with running_service(
        portal={"origins": PORTAL, "client_tokens": TOKENS, "trusted_proxies": 1},
        rates={"registrations_per_client": "4/h", "reads_per_client": "6/h"},
        challenge={
            "provider": "turnstile", "secret": SECRET, "url": fake.url, "field": "hipObject.Solution",
            "header": "X-Challenge", "honeypot": "website",
        },
        cache={"enabled": True, "warm": False},
    ) as service:  # fmt: skip
        yield service


def ask(service: Service, path: str, client: str, token: str | None = TOKENS[0], **headers: str) -> Any:
    query = "" if token is None else f"?emApplicationtoken={token}"
    return service.get(f"{path}{query}", headers={"x-forwarded-for": client, "origin": PORTAL, **headers})


def send(service: Service, client: str, body: Any = None, token: str | None = TOKENS[0], **headers: str) -> Any:
    query = "" if token is None else f"?emApplicationtoken={token}"
    sent = {"x-forwarded-for": client, "origin": PORTAL, **headers}
    return service.post(f"{event_path(OPEN_DAY, '/registrations')}{query}", json=body or registration(), headers=sent)


def arrived(service: Service) -> int:
    return len(service.sandbox.recorder.find(operation="register"))


def test_a_registration_with_everything_passes_and_arrives_without_the_answer(strict: Service) -> None:
    before = arrived(strict)
    body = {**registration(attendee(website="")), "hipObject": {"Solution": "good a"}}
    answer = send(strict, "198.51.100.1", body)
    assert (answer.status_code, answer.json()["status"]) == (200, "Success")
    (record,) = strict.sandbox.recorder.find(operation="register")[before:]
    assert record.request.json() == registration()
    assert send(strict, "198.51.100.1", **{"x-challenge": "good b"}).status_code == 200
    assert strict.metric('evtmgmt_challenges_total{outcome="passed"}') >= 2


@pytest.mark.parametrize(
    ("body", "token", "headers", "status", "code"),
    [
        (None, TOKENS[0], {"origin": "https://evil.example"}, 400, "OriginNotAllowed"),
        (None, TOKENS[0], {"origin": "null"}, 400, "OriginNotAllowed"),
        (None, None, {}, 400, "ClientTokenMissing"),
        (None, "the-token-of-nobody", {}, 401, "ClientTokenInvalid"),
        (None, TOKENS[0], {}, 400, "ChallengeFailed"),
        ({"hipObject": {"Solution": "bad"}}, TOKENS[0], {}, 400, "ChallengeFailed"),
        ({"website": "x", "hipObject": {"Solution": "good c"}}, TOKENS[0], {}, 400, "ChallengeFailed"),
        ({"hipObject": {"Solution": 5}}, TOKENS[0], {}, 400, "ChallengeFailed"),
        ({"hipObject": {"Solution": "good" * 5_000}}, TOKENS[0], {}, 400, "ChallengeFailed"),
    ],
)
def test_what_does_not_pass_is_told_and_reaches_nobody(
    strict: Service, body: Any, token: str | None, headers: dict[str, str], status: int, code: str
) -> None:
    before = arrived(strict)
    client = next(CLIENTS)
    answer = send(strict, client, registration() | (body or {}), token, **headers)
    assert (answer.status_code, answer.json()["errorCode"]) == (status, code)
    assert answer.json()["Message"]
    allowed = headers.get("origin", PORTAL) == PORTAL
    assert answer.headers.get("access-control-allow-origin") == (PORTAL if allowed else None)
    assert arrived(strict) == before
    assert not any(secret in answer.text for secret in (*TOKENS, SECRET, "nia@example.com"))


@pytest.mark.parametrize("body", [[], "text", None])
def test_a_body_that_is_no_object_is_refused(strict: Service, body: Any) -> None:
    sent = {
        "x-forwarded-for": next(CLIENTS),
        "origin": PORTAL,
        "content-type": "application/json",
    }
    path = f"{event_path(OPEN_DAY, '/registrations')}?emApplicationtoken={TOKENS[0]}"
    answer = strict.post(path, json=body, headers=sent) if body is not None else strict.post(path, content=b"{", headers=sent)
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "InvalidBody")


def test_a_client_over_its_limit_reads_when_to_come_back_and_others_are_served(strict: Service) -> None:
    answers = [send(strict, "198.51.100.50", **{"x-challenge": f"good limit {number}"}) for number in range(5)]
    assert [answer.status_code for answer in answers] == [200] * 4 + [429]
    assert answers[-1].json()["errorCode"] == "RateLimited"
    assert 0 < int(answers[-1].headers["retry-after"]) <= 7_200
    assert answers[-1].headers["access-control-allow-origin"] == PORTAL
    assert send(strict, "198.51.100.51", **{"x-challenge": "good other"}).status_code == 200
    # A client cannot escape by what it writes itself: the last entry is the proxy's.
    assert send(strict, "203.0.113.5, 198.51.100.50", **{"x-challenge": "good x"}).status_code == 429
    assert strict.metric('evtmgmt_limited_total{scope="registrations_per_client"}') >= 2


def test_who_is_over_its_limit_still_gets_what_is_kept(strict: Service) -> None:
    kept = event_path(OPEN_DAY)
    assert ask(strict, kept, "198.51.100.60").status_code == 200
    for number in range(20):  # all of them are hits
        answer = ask(strict, kept, "198.51.100.60")
        assert (answer.status_code, answer.headers["x-evtmgmt-cache"]) == (200, "hit"), number
    asked = [ask(strict, "users/authenticated", "198.51.100.60").status_code for _ in range(7)]
    assert asked == [501] * 5 + [429] * 2  # the first read was the first of the six
    assert ask(strict, kept, "198.51.100.60").status_code == 200


def test_what_is_kept_is_given_to_good_tokens_only(strict: Service) -> None:
    path = event_path(OPEN_DAY, "/passes")
    for token in (*TOKENS, TOKENS[0]):
        assert ask(strict, path, "198.51.100.70", token).status_code == 200
    assert ask(strict, path, "198.51.100.70", None).status_code == 400
    assert ask(strict, path, "198.51.100.70", "the-token-of-nobody").status_code == 401
    head = f"HEAD /EvtMgmt/api/v2.0/{path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    assert strict.raw(head.encode()).startswith(b"HTTP/1.1 400")
    speaker = strict.get(
        f"{event_path(OPEN_DAY, '/speakers')}?emApplicationtoken={TOKENS[0]}", headers={"x-forwarded-for": "192.0.2.9"}
    )
    image = speaker.json()[0]["imageUrl"]
    assert strict.get(image.removeprefix("/"), headers={"x-forwarded-for": "192.0.2.9"}).status_code == 200


def test_a_kept_answer_is_not_given_for_a_token_that_was_taken_away(strict: Service) -> None:
    """What a reload does: other tokens in the same place, while the cache and its shortcuts stay."""
    answering = strict.gateway._answering
    path = event_path(OPEN_DAY, "/sponsorships")
    for _ in range(2):
        assert ask(strict, path, "192.0.2.20", TOKENS[1]).status_code == 200
    before = answering.admission
    metrics = Metrics()
    limits = RateLimits(Rates(), lambda event: event, metrics, Windows())
    answering.admission = Admission(ClientAddresses(Trusted()), Origins([PORTAL]), limits, metrics, ClientTokens(TOKENS[:1]))
    try:
        assert ask(strict, path, "192.0.2.20", TOKENS[1]).status_code == 401
        assert ask(strict, path, "192.0.2.20", TOKENS[0]).status_code == 200
    finally:
        answering.admission = before


def test_a_provider_that_is_away_is_told_and_nothing_is_sent(strict: Service, fake: FakeVerifier) -> None:
    before = arrived(strict)
    fake.mode = "failing"
    try:
        answer = send(strict, "198.51.100.80", **{"x-challenge": "good away"})
    finally:
        fake.mode = ""
    assert (answer.status_code, answer.json()["errorCode"]) == (503, "ChallengeUnavailable")
    assert answer.headers["retry-after"] == "30"
    assert arrived(strict) == before


def test_by_default_a_plain_registration_passes_and_a_foreign_page_does_not() -> None:
    with running_service() as service:
        path = event_path(OPEN_DAY, "/registrations")
        assert service.post(path, json=registration()).status_code == 200
        refused = service.post(path, json=registration(), headers={"origin": "https://evil.example"})
        assert refused.json()["errorCode"] == "OriginNotAllowed"
        assert service.metric('evtmgmt_refused_origins_total{operation="register"}') == 1
        assert service.get(event_path(OPEN_DAY), headers={"origin": "https://evil.example"}).status_code == 200


def test_a_least_time_and_a_provider_that_may_be_away(fake: FakeVerifier) -> None:
    fake.mode = "failing"
    challenge = {"minimum_age": 300, "provider": "hcaptcha", "secret": SECRET, "url": fake.url, "when_unavailable": "admit"}
    with running_service(portal={"trusted_proxies": "1"}, challenge=challenge, cache={"enabled": True, "warm": False}) as service:
        path = event_path(OPEN_DAY)
        body = registration() | {"h-captcha-response": "good"}
        try:
            # As a browser does: the page is read, also from what is kept, and then the form is sent.
            for _ in range(2):
                assert service.get(path, headers={"x-forwarded-for": "192.0.2.1"}).status_code == 200
            assert service.get(path, headers={"x-forwarded-for": "192.0.2.2"}).headers["x-evtmgmt-cache"] == "hit"
            sights = service.gateway._answering.admission._sights
            assert sights is not None
            assert {client for client, _ in sights._seen} == {"192.0.2.1", "192.0.2.2"}
            for client in ("192.0.2.2", "192.0.2.3"):
                refused = service.post(f"{path}/registrations", json=body, headers={"x-forwarded-for": client})
                assert (refused.status_code, refused.json()["errorCode"]) == (429, "SentTooSoon")
                assert 1 <= int(refused.headers["retry-after"]) <= 300
            for pair in list(sights._seen):
                sights._seen[pair] -= 301
            for client in ("192.0.2.1", "192.0.2.2", "192.0.2.3"):
                sent = service.post(f"{path}/registrations", json=body, headers={"x-forwarded-for": client})
                assert sent.json()["status"] == "Success"
            assert service.metric('evtmgmt_challenges_total{outcome="admitted_unverified"}') == 3
            assert service.metric('evtmgmt_challenges_total{outcome="too_soon"}') == 2
        finally:
            fake.mode = ""
