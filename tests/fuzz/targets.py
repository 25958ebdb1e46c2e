"""What must hold for any bytes: a request target and its query, and an answer of Dynamics. Needs no fuzzer."""

import re
from typing import Final

import orjson

from translation.aliases import Aliases
from translation.answers import read_json, translate
from translation.errors import ERRORS, ProxyError
from translation.operations import OPERATIONS, Answer, Serving
from translation.query import TOKEN_PARAMETER, read_query
from translation.registration import read_body, read_result
from translation.repairs import Repairs
from translation.sentences import MAX_SENTENCE, sentence_of
from translation.targets import match, segments, upstream_path

_PATH: Final = re.compile(r"(?:[A-Za-z0-9._~\-]|%[0-9A-F]{2})+(?:/(?:[A-Za-z0-9._~\-]|%[0-9A-F]{2})+)*")
_QUERY: Final = re.compile(rb"[!-~]*")
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_METHODS: Final = ("GET", "POST")
_READS: Final = tuple(
    operation
    for operation in OPERATIONS
    if operation.serving is Serving.MAPPED
    and operation.answer in (Answer.EVENT_LIST, Answer.EVENT, Answer.LIST, Answer.ITEM, Answer.COUNT)
)
_REPAIRS: Final = Repairs(upstream_hosts=frozenset({"upstream.invalid"}))


class BrokenError(AssertionError):
    """Something that must hold does not."""


def _must(holds: object, words: str) -> None:
    if not holds:
        raise BrokenError(words)


def try_target(data: bytes) -> None:
    """A method's number, a raw path, a question mark, a raw query.

    Raises:
        BrokenError: What would go upstream is not what may.
    """
    method = _METHODS[data[0] % 2] if data else "GET"
    path, _, query = data[1:].partition(b"?")
    try:
        found = match(segments(path), method)
        kept = read_query(query, found.operation.query).kept
    except ProxyError as refused:
        _must(refused.kind.code in ERRORS and refused.http_status < 500, "a refusal that is not of the list")
        return
    for name, raw in kept:
        _must(name in found.operation.query and name != TOKEN_PARAMETER.lower(), "a parameter that may not travel")
        _must(_QUERY.fullmatch(raw) and not re.search(rb"[&#\"<>\\^`{|}']|%(?![0-9A-Fa-f]{2})", raw), "a parameter that is two")
    if found.operation.upstream is None:
        return
    built = upstream_path(found.operation.upstream, found.parameters)
    _must(_PATH.fullmatch(built), "a path with other bytes")
    _must(not {".", ".."} & set(built.split("/")), "a path that leads out of the base")
    _must(built.count("/") == found.operation.upstream.count("/"), "a segment that is two")


def try_answer(data: bytes) -> None:
    """An operation's number and the body of its answer.

    Raises:
        BrokenError: The old form cannot be written, or shows where Dynamics is.
    """
    operation = _READS[data[0] % len(_READS)] if data else _READS[0]
    asked = dict.fromkeys(operation.parameters, "Asked")
    try:
        value, _ = translate(operation, read_json(data[1:]), asked, asked, _REPAIRS)
    except ProxyError as refused:
        _must(refused.kind.code in ERRORS, "a refusal that is not of the list")
        return
    written = orjson.dumps(value)
    again, _ = translate(operation, orjson.loads(written), asked, asked, _REPAIRS)
    _must(orjson.dumps(again) == written, "a repaired answer that is repaired otherwise")


def try_registration(data: bytes) -> None:
    """A number, and the body of a registration or of its answer.

    Raises:
        BrokenError: A success of which nobody knows, or a sentence that is no sentence.
    """
    body = data[1:]
    try:
        if data[:1] < b"\x80":
            sent = orjson.loads(read_body(body, "register", Aliases()))
            _must(1 <= len(sent["attendees"]) <= 100 and "hipObject" not in sent, "a registration that may not travel")
        else:
            result = read_result(read_json(body))
            _must(result["status"] in ("Success", "Initiated", "Redirect", "Failed"), "a result without a status")
            orjson.dumps(result)
    except ProxyError as refused:
        _must(refused.kind.code in ERRORS, "a refusal that is not of the list")
    sentence = sentence_of(body)
    if sentence is not None:
        _must(0 < len(sentence) <= MAX_SENTENCE and "://" not in sentence and "@" not in sentence, "a sentence with an address")
        _must(not _CONTROLS.search(sentence), "a sentence with control characters")


TARGETS: Final = {"target": try_target, "answer": try_answer, "registration": try_registration}
"""What is tried, by the name of its folder in ``tests/fuzz/corpus``."""
