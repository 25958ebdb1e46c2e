"""From a raw request target to an operation with its parameters, and from there to an upstream target.

The raw path is cut at its slashes before anything is decoded, each segment is decoded once, and the upstream path is built
anew from the table's own words and validated parameters: no byte of the caller's path is ever copied. Old habits that
portals rely on hold (CONTRACT 1): any letter case of fixed segments, trailing and doubled slashes.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Final
from urllib.parse import unquote_to_bytes

from translation.errors import BAD_TARGET, INVALID_PARAMETER, METHOD_NOT_ALLOWED, OPERATION_NOT_FOUND, ProxyError
from translation.grammar import is_event_id, is_guid, quote_segment
from translation.operations import GRAMMARS, OLD_BASES, OPERATIONS, Grammar, Operation

_PRINTABLE: Final = re.compile(rb"[!-~]*")
_BAD_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_BAD_SEGMENT: Final = "The path holds a segment that is not allowed."
_LONGEST_KNOWN: Final = 256
_MOST_KNOWN: Final = 2_048
_HOSTILE: Final = re.compile(r"[/\\\x00-\x1f\x7f]")


@dataclass(slots=True)
class Match:
    """An operation and the decoded values of its path parameters, validated."""

    operation: Operation
    parameters: Mapping[str, str]


@dataclass(slots=True)
class _Node:
    """One level of the tree that the table is turned into."""

    fixed: dict[str, "_Node"] = field(default_factory=dict)
    parameter: tuple[str, "_Node"] | None = None
    operations: dict[str, Operation] = field(default_factory=dict)


def _tree() -> _Node:
    root = _Node()
    for base in OLD_BASES:
        for operation in OPERATIONS:
            node = root
            for segment in f"{base}/{operation.path}".split("/"):
                if segment.startswith("{"):
                    if node.parameter is None:
                        node.parameter = (segment[1:-1], _Node())
                    node = node.parameter[1]
                else:
                    node = node.fixed.setdefault(segment.lower(), _Node())
            node.operations[operation.method] = operation
    return root


_TREE: Final = _tree()


def segments(raw_path: bytes) -> tuple[str, ...]:
    """The decoded, non-empty segments of a raw path. Those of paths that were asked for lately are known.

    Raises:
        ProxyError: ``BadTarget`` for bytes outside printable ASCII, bad escapes, bytes that are no UTF-8, dot segments in
            any encoding, and segments that hold a slash, a backslash or a control character after decoding.
    """
    return _known_segments(raw_path) if len(raw_path) <= _LONGEST_KNOWN else _segments(raw_path)


def _segments(raw_path: bytes) -> tuple[str, ...]:
    if not _PRINTABLE.fullmatch(raw_path) or not raw_path.startswith(b"/"):
        raise ProxyError(BAD_TARGET, detail="The path holds characters that are not allowed.")
    if b"%" in raw_path:
        found = _decoded(raw_path)
    else:
        # Without escapes, what is printable holds no control characters, and what is cut at slashes holds none.
        found = [part for part in raw_path.decode("ascii").split("/") if part]
        if b"\\" in raw_path:
            raise ProxyError(BAD_TARGET, detail=_BAD_SEGMENT)
    if "." in found or ".." in found:
        raise ProxyError(BAD_TARGET, detail=_BAD_SEGMENT)
    return tuple(found)


_known_segments: Final = lru_cache(_MOST_KNOWN)(_segments)


def _decoded(raw_path: bytes) -> list[str]:
    if _BAD_ESCAPE.search(raw_path):
        raise ProxyError(BAD_TARGET, detail="The path holds a malformed percent escape.")
    try:
        found = [unquote_to_bytes(part).decode("utf-8") for part in raw_path.split(b"/") if part]
    except UnicodeDecodeError:
        raise ProxyError(BAD_TARGET, detail="The path is not UTF-8.") from None
    if any(_HOSTILE.search(segment) for segment in found):
        raise ProxyError(BAD_TARGET, detail=_BAD_SEGMENT)
    return found


def is_api(path: Sequence[str]) -> bool:
    """Whether a path lies in the room of the old API, so that its errors are the old API's to answer."""
    return bool(path) and path[0].lower() == "evtmgmt"


@lru_cache(_MOST_KNOWN)
def match(path: tuple[str, ...], method: str) -> Match:
    """The operation that a decoded path and a method name. What was matched lately is known; nobody changes it.

    Args:
        path: The segments as ``segments`` gives them.
        method: The HTTP method in upper case; HEAD is answered where GET is.

    Raises:
        ProxyError: ``OperationNotFound``; ``MethodNotAllowed`` with the methods allowed; ``InvalidParameter`` naming the
            path parameter that does not have its form.
    """
    node, values = _find(path)
    if not node.operations:
        raise ProxyError(OPERATION_NOT_FOUND)
    operation = node.operations.get("GET" if method == "HEAD" else method)
    if operation is None:
        raise ProxyError(METHOD_NOT_ALLOWED, allow=_methods(node))
    for name, value in values.items():
        valid = is_event_id(value) if GRAMMARS[name] is Grammar.EVENT_ID else is_guid(value)
        if not valid:
            raise ProxyError(INVALID_PARAMETER, detail=f"{name} is not a {GRAMMARS[name].value}.")
    return Match(operation, values)


def allowed_methods(path: Sequence[str]) -> tuple[str, ...]:
    """The methods that a path is answered with, for OPTIONS.

    Raises:
        ProxyError: ``OperationNotFound``.
    """
    node, _ = _find(path)
    if not node.operations:
        raise ProxyError(OPERATION_NOT_FOUND)
    return _methods(node)


def _find(path: Sequence[str]) -> tuple[_Node, dict[str, str]]:
    node = _TREE
    values: dict[str, str] = {}
    for segment in path:
        following = node.fixed.get(segment.lower())
        if following is None:
            if node.parameter is None:
                raise ProxyError(OPERATION_NOT_FOUND)
            name, following = node.parameter
            values[name] = segment
        node = following
    return node, values


def _methods(node: _Node) -> tuple[str, ...]:
    found = [m for method in node.operations for m in ((method, "HEAD") if method == "GET" else (method,))]
    return (*found, "OPTIONS")


@cache
def _parts(template: str) -> tuple[tuple[str, bool], ...]:
    """The words of a template, and whether each is a parameter's name."""
    return tuple((word.strip("{}"), word.startswith("{")) for word in template.split("/"))


def upstream_path(template: str, parameters: Mapping[str, str]) -> str:
    """A path under an organisation's base, percent-encoded, from validated parameters only.

    Args:
        template: A path of the table, such as ``Operation.upstream``, without a leading slash.
        parameters: The values of its parameters, decoded.
    """
    return "/".join([quote_segment(parameters[word]) if given else word for word, given in _parts(template)])
