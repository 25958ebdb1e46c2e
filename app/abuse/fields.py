"""What a challenge reads in the body of a registration, and takes out of it: none of it travels upstream."""

from typing import Any


def take_answer(body: dict[str, Any], path: str) -> Any:
    """The value at a path such as ``hipObject.Solution``, or None. It is taken out, and what is empty without it as well."""
    name, _, rest = path.partition(".")
    if not rest:
        return body.pop(name, None)
    inner = body.get(name)
    if not isinstance(inner, dict):
        return None
    found = take_answer(inner, rest)
    if not inner:
        del body[name]
    return found


def take_honeypot(body: dict[str, Any], name: str) -> tuple[bool, bool]:
    """Look for a field that people do not see: in the body, in its attendees, and by its id among their responses.

    Returns:
        Whether it was there and is taken out, and whether it was filled in.
    """
    found: list[Any] = []
    if name in body:
        found.append(body.pop(name))
    attendees = body.get("attendees")
    for attendee in attendees if isinstance(attendees, list) else ():
        if not isinstance(attendee, dict):
            continue
        if name in attendee:
            found.append(attendee.pop(name))
        responses = attendee.get("responses")
        if isinstance(responses, list):
            hidden = [response for response in responses if isinstance(response, dict) and response.get("id") == name]
            if hidden:
                attendee["responses"] = [response for response in responses if not any(response is one for one in hidden)]
                found += [response.get(key) for response in hidden for key in ("value", "values")]
    return bool(found), any(_is_filled(value) for value in found)


def _is_filled(value: Any) -> bool:
    if isinstance(value, str):
        return bool(value.strip())
    if isinstance(value, list):
        return any(_is_filled(item) for item in value)
    return value not in (None, False)
