from urllib.parse import quote

import httpx
import pytest

from sandbox import Sandbox
from tests.sandbox.conftest import Caller, attendee, attendees


@pytest.fixture
def page(realtime: Caller) -> str:
    bought = realtime.get("events/Payment_Masterclass/passes").json()[0]["passId"]
    answer = realtime.post("events/Payment_Masterclass/registrations", attendees(attendee(passId=bought)))
    found: str = answer.json()["redirectUrl "]
    return found


def test_the_page_completes_the_purchase_and_returns(sandbox: Sandbox, page: str, client: httpx.Client) -> None:
    assert 'method="post" action="/pay"' in client.get(page).text
    paid = client.post(page)
    assert (paid.status_code, paid.headers["Location"]) == (303, "http://localhost:4200/")
    assert "This purchase is paid" in client.get(page).text
    sandbox.control.process()
    assert [item["state"] for item in sandbox.control.registrations()] == ["registered"]


def test_it_returns_nowhere_else(page: str, client: httpx.Client) -> None:
    elsewhere = page.partition("returnUrl=")[0] + "returnUrl=" + quote("http://evil.invalid/", safe="")
    assert client.post(elsewhere).headers["Location"] == "http://localhost:4200/"


def test_unknown_purchase(sandbox: Sandbox, client: httpx.Client) -> None:
    assert client.get(sandbox.base_url + "/pay?purchaseId=x").status_code == 404
