import re

import httpx
import pytest

from sandbox import Sandbox
from sandbox.forms import FORM_ID, form_embed, read_attendee
from sandbox.validation import RefusedError
from tests.sandbox.conftest import Caller

FIELDS = [
    {"key": "firstname", "value": "Ann"},
    {"key": "lastname", "value": "Example"},
    {"key": "emailaddress1", "value": "a@example.com"},
]


def test_the_embed_names_what_is_served(sandbox: Sandbox, realtime: Caller, client: httpx.Client) -> None:
    embed = realtime.get("events/Form_Webinar").json()["registrationForm"]
    assert embed == form_embed(sandbox.base_url, sandbox.realtime_endpoint, "Form_Webinar")
    (loader,) = re.findall(r"script src='([^']+)'", embed)
    assert "d365mktforms" in client.get(loader).text
    (content,) = re.findall(r"data-cached-form-url='([^']+)'", embed)
    form = client.get(content)
    assert (form.status_code, form.headers["Access-Control-Allow-Origin"]) == (200, "*")
    assert 'name="emailaddress1"' in form.text
    assert client.get(content.replace(FORM_ID, "another")).status_code == 404


def test_a_form_registers_without_a_token_from_the_registered_origin(sandbox: Sandbox, client: httpx.Client) -> None:
    url = f"{sandbox.realtime_endpoint}forms/{FORM_ID}"
    event = {"readableEventId": "Form_Webinar"}
    mine = {"Origin": sandbox.realtime_origin}
    answer = client.post(url, params=event, headers=mine, json={"fields": FIELDS})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, sandbox.realtime_origin)
    sandbox.control.process()
    (found,) = sandbox.control.registrations()
    assert (found["event_id"], found["state"]) == ("Form_Webinar", "registered")
    assert client.post(url, params=event, headers={"Origin": "https://other.invalid"}, json={"fields": FIELDS}).status_code == 403
    assert client.post(url, params=event, headers=mine, json={"fields": FIELDS[1:]}).status_code == 400
    assert client.post(url, params={"readableEventId": "Nowhere"}, headers=mine, json={"fields": FIELDS}).status_code == 404


def test_waitlist_and_sessions_are_read() -> None:
    more = [{"key": "waitlisted", "value": "true"}, {"key": "attendeeSessions", "value": '[{"sessionId":"1"}]'}]
    attendee = read_attendee({"fields": FIELDS + more})
    assert attendee == {
        "firstName": "Ann",
        "lastName": "Example",
        "email": "a@example.com",
        "waitlisted": True,
        "attendeeSessions": [{"sessionId": "1"}],
    }


@pytest.mark.parametrize(
    "body", [None, [], {}, {"fields": 7}, {"fields": [7]}, {"fields": [{"key": "attendeeSessions", "value": "{"}]}]
)
def test_what_is_no_payload(body: object) -> None:
    with pytest.raises(RefusedError):
        read_attendee(body)
