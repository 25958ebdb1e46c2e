"""Reading an upstream's JSON answer, and bringing it into the old form.

One entry, ``translate``: parsed bytes in, a value of the old contract out. What is [guess] in CONTRACT 2.3 is read
tolerantly: wrapped lists, counts in an object, blanks in key names. What cannot be read is ``UpstreamAnswerInvalid``.
"""

import re
from collections import Counter
from collections.abc import Mapping
from itertools import compress
from typing import Any, Final

import orjson

from translation.errors import NOT_FOUND, UPSTREAM_ANSWER_INVALID, ProxyError
from translation.operations import Answer, Operation
from translation.repairs import Repairs, repair_event, repair_item
from translation.shapes import BLANKS

_WRAPPERS: Final = ("value", "data", "Value", "Data")
_WRAPPING: Final = frozenset(_WRAPPERS)
_CLEAN: Final = frozenset(name for blank in BLANKS.values() for name in blank)
"""Key names that need not be looked at."""
_NESTING: Final = frozenset({dict, list})
MAX_DEPTH: Final = 64
"""How many objects and lists may stand inside one another: more than any answer of this API has."""


def read_json(body: bytes) -> Any:
    """Parse an answer; key names are stripped of blanks at both ends.

    Raises:
        ProxyError: ``UpstreamAnswerInvalid`` when it is no JSON, or nested deeper than ``MAX_DEPTH``.
    """
    try:
        value = orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        raise ProxyError(UPSTREAM_ANSWER_INVALID, cause="the answer is not JSON") from None
    # Blanks are rare (CONTRACT 2, paid events): an answer without them is not built anew.
    return strip_keys(value) if _has_blank_keys(value) else value


def _has_blank_keys(value: Any) -> bool:
    """Whether a key of any object in ``value`` begins or ends with a blank.

    Raises:
        ProxyError: ``UpstreamAnswerInvalid`` when it is nested deeper than ``MAX_DEPTH``: orjson reads 1,024 levels, but
            writes 254, and a walk by recursion ends near 1,000.
    """
    found = False
    level: list[Any] = [value] if type(value) in _NESTING else []
    for _ in range(MAX_DEPTH):
        inner: list[Any] = []
        for item in level:
            children = item
            if type(item) is dict:
                children = item.values()
                if not (found or _CLEAN.issuperset(item)):
                    found = any(name != name.strip() for name in item)
            # One call for all of them: this walk is a tenth of what an answer costs.
            inner += compress(children, map(_NESTING.__contains__, map(type, children)))
        if not inner:
            return found
        level = inner
    raise ProxyError(UPSTREAM_ANSWER_INVALID, cause="the answer is nested too deeply")


def strip_keys(value: Any) -> Any:
    """``value`` with the keys of all its objects stripped of blanks; a clean key wins over a blank one of the same name."""
    if isinstance(value, dict):
        stripped: dict[str, Any] = {}
        for key, item in value.items():
            name = key.strip()
            if name == key or name not in value:
                stripped[name] = strip_keys(item)
        return stripped
    if isinstance(value, list):
        return [strip_keys(item) for item in value]
    return value


def translate(
    operation: Operation, value: Any, asked: Mapping[str, str], sent: Mapping[str, str], repairs: Repairs
) -> tuple[Any, Counter[str]]:
    """Bring a parsed answer into the old form.

    Args:
        operation: A mapped operation with a JSON answer (not a registration: ``translation/registration.py``).
        value: The parsed answer.
        asked: The path parameters as the portal sent them.
        sent: The path parameters that went upstream, aliases applied.
        repairs: What to mend and how.

    Returns:
        The value to answer with, and how often each counted repair was made.

    Raises:
        ProxyError: ``UpstreamAnswerInvalid``, or ``NotFound`` for a single thing answered as null.
    """
    done: Counter[str] = Counter()
    match operation.answer:
        case Answer.COUNT:
            return _count(value), done
        case Answer.EVENT_LIST:
            events = [repair_event(item, repairs, done) for item in _list(value)]
            listed = [event for event in events if event["startDate"] is not None]
            done["event_without_dates"] += len(events) - len(listed)
            return listed, done
        case Answer.EVENT:
            event = repair_event(_item(value), repairs, done)
            if event["readableEventId"] is None or asked["event"] != sent["event"]:
                event["readableEventId"] = asked["event"]
            return event, done
        case Answer.LIST:
            return [repair_item(item, operation.shape, repairs) for item in _list(value)], done
        case Answer.ITEM:
            return repair_item(_item(value), operation.shape, repairs), done
        case _:
            raise ValueError(f"{operation.name} has no JSON answer")


def _unwrap(value: Any) -> Any:
    """The content of ``{"value": ...}`` or ``{"data": ...}``, beside which only OData annotations may stand."""
    if isinstance(value, dict) and not _WRAPPING.isdisjoint(value):
        for wrapper in _WRAPPERS:
            if wrapper in value and all(key == wrapper or key.startswith("@") for key in value):
                return value[wrapper]
    return value


def _list(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        # A list that is wrapped may have a count or a link beside it.
        value = next((value[wrapper] for wrapper in _WRAPPERS if isinstance(value.get(wrapper), list)), _unwrap(value))
    if value is None:
        return []
    if not isinstance(value, list):
        raise ProxyError(UPSTREAM_ANSWER_INVALID, cause="a list was due")
    items = [item for item in value if item is not None]
    if not all(isinstance(item, dict) for item in items):
        raise ProxyError(UPSTREAM_ANSWER_INVALID, cause="a list of objects was due")
    return items


def _item(value: Any) -> dict[str, Any]:
    value = _unwrap(value)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if value is None:
        raise ProxyError(NOT_FOUND, cause="the answer is null")
    if not isinstance(value, dict):
        raise ProxyError(UPSTREAM_ANSWER_INVALID, cause="an object was due")
    return value


def _count(value: Any) -> int:
    if isinstance(value, dict):
        numbers = [number for number in map(_number, value.values()) if number is not None]
        if len(numbers) == 1:
            return numbers[0]
        raise ProxyError(UPSTREAM_ANSWER_INVALID, cause="a number was due")
    number = _number(value)
    if number is None:
        raise ProxyError(UPSTREAM_ANSWER_INVALID, cause="a number was due")
    return number


def _number(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,15}", value.strip()):
        return int(value)
    return None
