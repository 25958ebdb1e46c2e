"""The console's pages of the outbox, with an outbox behind them."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.outbox import delivering
from app.outbox.deciding import decisions
from app.outbox.entries import State
from app.outbox.store import Store
from tests.app.outbox.material import KEY, put
from tests.service import ADMIN, Service, running_service


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    path = str(tmp_path_factory.mktemp("state"))
    # Nothing is delivered meanwhile.
    outbox = {"enabled": True, "key": KEY, "backoff_first": 600, "backoff_most": 600}
    with running_service(outbox=outbox, state={"path": path}, admin={"token": ADMIN}) as running:
        yield running


@pytest.fixture
def store(service: Service) -> Iterator[Store]:
    store = Store(Path(str(service.settings.state.path)))
    yield store
    store.close()


def in_state(store: Store, state: State, email: str) -> int:
    number = put(store, email)
    claimed = delivering.claim(store, number)
    assert claimed is not None
    delivering.settle(store, claimed, state, "Interrupted")
    return number


def ask(service: Service, method: str, path: str, **options: object) -> httpx.Response:
    auth = httpx.BasicAuth("Ida", ADMIN)
    return service.client.request(method, service.url + path, auth=auth, **options)  # type: ignore[arg-type]


def decide(service: Service, number: int, what: str, why: str) -> httpx.Response:
    page = ask(service, "GET", f"/console/outbox/change?entry={number}&what={what}")
    token = re.search(r'name="form_token" value="([^"]+)"', page.text)
    assert token is not None
    fields = {"form_token": token[1], "entry": str(number), "what": what, "why": why}
    return ask(service, "POST", "/console/outbox/change", data=fields)


def test_the_page_says_what_stands_where_and_nothing_personal(service: Service, store: Store) -> None:
    number = in_state(store, State.PARKED, "secret.person@example.com")
    page = ask(service, "GET", "/console/outbox")
    assert page.status_code == 200
    assert f'<th scope="row" role="rowheader">{number}</th>' in page.text
    assert "It may have arrived." in page.text
    assert "secret.person" not in page.text
    assert decide(service, number, "drop", "seen").status_code == 303


def test_a_decision_needs_a_reason_and_is_recorded_and_shown(service: Service, store: Store) -> None:
    number = in_state(store, State.DEAD, "b@example.com")
    assert "Say who" not in decide(service, number, "drop", "").text
    refused = decide(service, number, "drop", " ")
    assert (refused.status_code, "why is missing" in refused.text) == (422, True)
    done = decide(service, number, "drop", "is <b>in</b> Dynamics")
    assert done.status_code == 303
    (line, *_) = decisions(store, 1)
    assert (line.what, line.entry, line.who, line.why) == ("drop", number, "Ida", "is <b>in</b> Dynamics")
    page = ask(service, "GET", done.headers["location"])
    assert f"Entry {number} is deleted." in page.text
    assert "Saved as version" not in page.text  # which is the cutover's
    assert "is &lt;b&gt;in&lt;/b&gt; Dynamics" in page.text


def test_what_cannot_be_decided_is_said(service: Service, store: Store) -> None:
    gone = ask(service, "GET", "/console/outbox/change?entry=4711&what=retry")
    assert (gone.status_code, "no such entry any more" in gone.text) == (422, True)
    number = in_state(store, State.DEAD, "c@example.com")
    odd = ask(service, "GET", f"/console/outbox/change?entry={number}&what=steal")
    assert (odd.status_code, "cannot be done" in odd.text) == (422, True)


def test_a_foreign_form_decides_nothing(service: Service, store: Store) -> None:
    number = in_state(store, State.DEAD, "d@example.com")
    fields = {"form_token": "made up", "entry": str(number), "what": "drop", "why": "x"}
    assert ask(service, "POST", "/console/outbox/change", data=fields).status_code == 403
    site = {"sec-fetch-site": "cross-site"}
    assert ask(service, "POST", "/console/outbox/change", data=fields, headers=site).status_code == 403
    assert store.sealed(number) is not None


def test_without_an_outbox_the_page_says_how_to_turn_it_on() -> None:
    with running_service(admin={"token": ADMIN}) as off:
        page = ask(off, "GET", "/console/outbox")
        assert (page.status_code, "EVTMGMT_OUTBOX__ENABLED" in page.text) == (200, True)
        assert ask(off, "GET", "/console/outbox/change?entry=1&what=drop").status_code == 422
