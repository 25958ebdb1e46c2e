"""Forms of real-time journeys: the embed of an event, and a stand-in for the host that has the loader and the forms.

What is documented is as documented (events, `createForm`, the attributes of a placeholder). How a form is sent to Dynamics is
not: the payload, `{"fields": [{"key": ..., "value": ...}]}`, is as web sites that use it read it; the address is the sandbox's
own.
"""

import re
from html import escape
from pathlib import Path
from typing import Any

import orjson

from sandbox.validation import RefusedError
from sandbox.wire import Answer, Request, html_answer

FORM_ID = "0b0a4e1e-0000-4000-8000-00000000f0f0"
_LOADER = Path(__file__).with_name("form_loader.js")
_LOADER_PATH = "/global/FormLoader/FormLoader.bundle.js"
_FORM_PATH = re.compile(r"/[\w.-]+/digitalassets/forms/([\w-]+)", re.ASCII)
_ANYBODY = ("Access-Control-Allow-Origin", "*")

_FORM = """<style>
  .sandbox-form label { display: block; margin-bottom: .8rem; }
  .sandbox-form input:not([type=hidden]) { display: block; font: inherit; padding: .5rem; width: 100%; max-width: 24rem; }
</style>
<form class="marketingForm sandbox-form">
  <p>This is the form of the real-time event.</p>
  <label>First name <input name="firstname" required></label>
  <label>Last name <input name="lastname" required></label>
  <label>E-mail <input name="emailaddress1" type="email" required></label>
  <input type="hidden" name="waitlisted"><input type="hidden" name="attendeeSessions">
  <button type="submit" class="submitButton button">Register with this form</button>
</form>
"""
_NAMES = {"firstname": "firstName", "lastname": "lastName", "emailaddress1": "email"}


def form_embed(base_url: str, endpoint: str, readable_id: str) -> str:
    """Return the embed of an event.

    Args:
        base_url: Scheme, host and port of the sandbox.
        endpoint: The base of the real-time API, with its trailing slash.
        readable_id: The event's readable id.
    """
    organisation = endpoint.split("/orgs/")[1].partition("/")[0]
    attributes = {
        "data-form-id": FORM_ID,
        "data-form-api-url": endpoint.rstrip("/"),
        "data-cached-form-url": f"{base_url}/{organisation}/digitalassets/forms/{FORM_ID}",
        "data-readable-event-id": readable_id,
    }
    placeholder = "".join(f" {name}='{escape(value)}'" for name, value in attributes.items())
    return f"<div{placeholder}></div><script src='{escape(base_url)}{_LOADER_PATH}'></script>"


def serve_asset(request: Request) -> Answer | None:
    """Answer with the loader or a form; None for other paths."""
    if request.path == _LOADER_PATH:
        return Answer(200, _LOADER.read_bytes(), (("Content-Type", "text/javascript; charset=utf-8"),))
    found = _FORM_PATH.fullmatch(request.path)
    if found is None:
        return None
    if found[1] != FORM_ID:
        return Answer(404, headers=(_ANYBODY,))
    return html_answer(_FORM).with_headers(_ANYBODY)


def read_attendee(body: Any) -> dict[str, Any]:
    """Return the attendee that a form's payload means.

    Raises:
        RefusedError: The payload is none.
    """
    fields = body.get("fields") if isinstance(body, dict) else None
    if not isinstance(fields, list) or not all(isinstance(field, dict) for field in fields):
        raise RefusedError("The form holds no fields.")
    given = {str(field.get("key")): field.get("value") for field in fields}
    attendee: dict[str, Any] = {ours: given.get(theirs) for theirs, ours in _NAMES.items()}
    attendee["waitlisted"] = given.get("waitlisted") == "true"
    try:
        attendee["attendeeSessions"] = orjson.loads(str(given.get("attendeeSessions") or "[]"))
    except orjson.JSONDecodeError:
        raise RefusedError("The sessions are not readable.") from None
    return attendee
