"""Whether the old and the new organisation answer the same: two answers of one operation, compared field by field.

Both are normalised to the old contract before (``translation/answers.py``). Lists are matched by id, then by name; what is only
another spelling is equal (``translation/sameness.py``); what the migration changes by design is not compared
(``translation/comparison_fields.py``). Fields are told by paths without indices and ids, ``[].speakers[].name``, so that there
are few of them however many events there are.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from translation.aliases import NO_ALIASES, Aliases
from translation.comparison_fields import KINDS, OTHERS, THING, Kind, is_personal
from translation.comparison_matching import Thing, pairs, same_id
from translation.comparison_rules import NOTHING_IGNORED, Ignored, read_rules
from translation.comparison_samples import label, shown
from translation.operations import Answer, Operation
from translation.sameness import blank, same, same_image_path

WHOLE: Final = "(answer)"
"""The path of an answer as a whole: one side is no list or object, or only one could be read."""
MAX_PATHS: Final = 400
"""Distinct paths of one comparison; further ones are counted as ``*``."""
MAX_SAMPLES: Final = 5
"""Differences that are kept of one path; all are counted."""
_MAX_DEPTH: Final = 8
_NAME: Final = re.compile(r"[\w$-]{1,60}")
_NO_TABLE: Final[Mapping[str, str]] = {}


class Verdict(StrEnum):
    """How a field compares. The left is the old organisation, the right the new one."""

    EQUAL = "equal"
    DIFFERS = "differs"
    MISSING_LEFT = "missing left"
    MISSING_RIGHT = "missing right"


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of one thing that is not equal.

    Attributes:
        path: The field's path.
        verdict: Never ``equal``.
        item: The readable id of the event and the id of its part, as far as there are any.
        left: The old value in at most 200 characters; None when it is missing, or must not be shown.
        right: The new value likewise.
        personal: Whether the values must not be shown.
    """

    path: str
    verdict: Verdict
    item: str
    left: str | None
    right: str | None
    personal: bool = False


@dataclass(slots=True)
class Comparison:
    """What was found. Fields that are blank on both sides, or not compared, are not counted.

    Attributes:
        operation: The operation's name.
        fields: How often each verdict was given, by path.
        differences: The first few of each path.
    """

    operation: str
    fields: dict[str, dict[Verdict, int]] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)

    def count(self, *verdicts: Verdict) -> int:
        """How often these verdicts were given in all; every verdict when none is named."""
        chosen = verdicts or tuple(Verdict)
        return sum(counts.get(verdict, 0) for counts in self.fields.values() for verdict in chosen)

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return not self.differences


@dataclass(frozen=True, slots=True)
class Rules:
    """What is not compared by the operator's will, and which ids were changed.

    Attributes:
        aliases: Old ids and what they are in the new organisation.
        ignored: The ignore rules, read.
    """

    aliases: Aliases = NO_ALIASES
    ignored: Ignored = NOTHING_IGNORED

    @classmethod
    def of(cls, ignore: Iterable[str] = (), aliases: Aliases = NO_ALIASES) -> "Rules":
        """Rules as an operator writes them.

        Args:
            ignore: ``[operation:]path`` each, ``*`` standing for anything, e.g. ``list_events:[].description``, ``*.image``.
            aliases: Old ids and what they are in the new organisation.

        Raises:
            ValueError: With a sentence for each rule that cannot be used, in lines.
        """
        return cls(aliases, read_rules(ignore))

    def within_one(self) -> "Rules":
        """The same rules for comparing an organisation with itself: no id has changed."""
        return Rules(NO_ALIASES, self.ignored)


def compare(operation: Operation, left: Any, right: Any, rules: Rules, event: str | None = None) -> Comparison:
    """Compare two answers.

    Args:
        operation: What was asked.
        left: The old organisation's answer, normalised to the old contract. Any JSON value is borne.
        right: The new organisation's answer likewise.
        rules: Ignore rules and aliases.
        event: The event that was asked about, for the samples.
    """
    *_, comparison = compare_in_steps(operation, left, right, rules, event)
    return comparison


def compare_in_steps(operation: Operation, left: Any, right: Any, rules: Rules, event: str | None = None) -> Iterator[Comparison]:
    """Compare two answers, a thing of a list at each step, so that others may work in between.

    Yields:
        Always the same comparison, at least once; it is complete when there is no further step.
    """
    comparison = Comparison(operation.name)
    walk = _Walk(comparison, rules, event)
    kind = KINDS.get(operation.shape or "", THING)
    if operation.answer is Answer.COUNT:
        pass  # each organisation counts its own registrations
    elif operation.answer in (Answer.LIST, Answer.EVENT_LIST) and _is_list(left) and _is_list(right):
        for _ in walk.things(kind, "[]", left or [], right or [], _ZONELESS):
            yield comparison
    elif isinstance(left, dict) and isinstance(right, dict):
        walk.item = walk.name_of(kind, left)
        walk.fields(kind, "", left, right, _ZONELESS, 0)
    else:
        walk.value(WHOLE, WHOLE, left, right, _ZONELESS, 0)
    yield comparison


def only_one(operation: Operation, left: bool, event: str | None = None) -> Comparison:
    """The comparison of an answer that only one organisation gave, the other having failed.

    Args:
        operation: What was asked.
        left: Whether it was the old organisation.
        event: The event that was asked about.
    """
    comparison = Comparison(operation.name)
    verdict = Verdict.MISSING_RIGHT if left else Verdict.MISSING_LEFT
    comparison.fields[WHOLE] = {verdict: 1}
    comparison.differences.append(Difference(WHOLE, verdict, event or "", None, None))
    return comparison


Zones = tuple[Any, Any]
_ZONELESS: Final[Zones] = (None, None)


def _is_list(value: Any) -> bool:
    return value is None or isinstance(value, list)


class _Walk:
    """One comparison in the making; ``item`` is the thing of the answer that it is at."""

    def __init__(self, comparison: Comparison, rules: Rules, event: str | None) -> None:
        self._comparison = comparison
        self._aliases = rules.aliases
        self._ignores = rules.ignored.of(comparison.operation)
        self._skips: dict[str, bool] = {}
        self._event = "" if event is None else label(event)
        self.item = self._event

    def name_of(self, kind: Kind, thing: Thing | None) -> str:
        """What a thing of the answer is called in samples."""
        own = label((thing or {}).get(kind.identity))
        return f"{self._event} / {own}" if own and self._event and own != self._event else own or self._event

    def things(self, kind: Kind, path: str, left: list[Any], right: list[Any], zones: Zones, depth: int = 0) -> Iterator[None]:
        """Compare two lists, a thing at each step."""
        ours, theirs = ([item for item in side if isinstance(item, dict)] for side in (left, right))
        rest = [[item for item in side if not isinstance(item, dict) and not blank(item)] for side in (left, right)]
        for one, other in pairs(kind, ours, theirs, self._table(kind)):
            if depth == 0:
                self.item = self.name_of(kind, other if one is None else one)
            if one is None or other is None:
                self._note(path, Verdict.MISSING_LEFT if one is None else Verdict.MISSING_RIGHT, None, None)
                yield
                continue
            self._note(path, Verdict.EQUAL, None, None)
            if kind is THING:
                self._unknown(path, one, other, zones, depth + 1)
            else:
                self.fields(kind, f"{path}.", one, other, zones, depth + 1)
            yield
        if rest[0] or rest[1]:
            self._scalars(path, rest[0], rest[1])

    def fields(self, kind: Kind, prefix: str, left: Thing, right: Thing, zones: Zones, depth: int) -> None:
        """Compare two things of a kind field by field."""
        zones = (_zone(left, zones[0]), _zone(right, zones[1]))
        for name in left if left.keys() >= right.keys() else {**left, **right}:
            one, other = left.get(name), right.get(name)
            if (one is None and other is None) or name in kind.never:
                continue
            path = prefix + name
            if name not in kind.known:
                if blank(one) or "@" in name:
                    continue  # what only the new API has, no old portal reads; nor annotations of OData
                if not _NAME.fullmatch(name):
                    path = prefix + OTHERS
            if self._is_new(kind, name, left, right):
                self._note(path, Verdict.EQUAL, one, other)
            elif name in kind.parts:
                self._part(KINDS[kind.parts[name]], name, path, one, other, zones, depth)
            else:
                self.value(path, name, one, other, zones, depth)

    def _is_new(self, kind: Kind, name: str, left: Thing, right: Thing) -> bool:
        """Whether a field has the value that the migration gives it, which may be another."""
        one, other = left.get(name), right.get(name)
        if name == kind.identity:
            return not blank(one) and same_id(one, other, self._table(kind))
        if name == "imageUrl":
            return same_image_path(one, other, (left.get("id"), right.get("id")))
        # Answered true by design: in real-time journeys nobody can sign in.
        return name == "allowAnonymousRegistrations" and other is True

    def value(self, path: str, name: str, left: Any, right: Any, zones: Zones, depth: int) -> None:
        """Compare two values that are no things of a known kind."""
        if isinstance(left, dict | list) or isinstance(right, dict | list):
            self._part(None, name, path, left, right, zones, depth)
            return
        no_left, no_right = blank(left), blank(right)
        if no_left and no_right:
            return
        if no_left or no_right:
            verdict = Verdict.MISSING_LEFT if no_left else Verdict.MISSING_RIGHT
        else:
            verdict = Verdict.EQUAL if same(name, left, right, zones) else Verdict.DIFFERS
        self._note(path, verdict, left, right)

    def _part(self, kind: Kind | None, name: str, path: str, left: Any, right: Any, zones: Zones, depth: int) -> None:
        """Compare two values of which at least one is an object, a list, or should be one."""
        if name == "customFields":  # {} is its null
            left, right = {} if left is None else left, {} if right is None else right
        objects = isinstance(left, dict) and isinstance(right, dict)
        lists = isinstance(left, list | None) and isinstance(right, list | None)
        if depth >= _MAX_DEPTH or not (objects or lists):
            no_left, no_right = blank(left), blank(right)
            if no_left and no_right:
                return
            if no_left or no_right:
                verdict = Verdict.MISSING_LEFT if no_left else Verdict.MISSING_RIGHT
            else:
                verdict = Verdict.EQUAL if _identical(left, right) else Verdict.DIFFERS
            self._note(path, verdict, left, right)
        elif lists:
            inside = path if path.endswith(OTHERS) else f"{path}[]"
            for _ in self.things(kind or THING, inside, left or [], right or [], zones, depth + 1):
                pass
        elif kind is not None:
            self.fields(kind, f"{path}.", left, right, zones, depth + 1)
        else:
            self._unknown(path, left, right, zones, depth)

    def _unknown(self, path: str, left: Thing, right: Thing, zones: Zones, depth: int) -> None:
        """Compare objects that the contract says nothing of: the names of custom fields are told, others not."""
        for key in {**left, **right}:
            told = path.endswith("customFields") and _NAME.fullmatch(key) is not None
            inside = f"{path}.{key}" if told else path if path.endswith(f".{OTHERS}") else f"{path}.{OTHERS}"
            self.value(inside, key, left.get(key), right.get(key), zones, depth + 1)

    def _scalars(self, path: str, left: list[Any], right: list[Any]) -> None:
        """Compare lists of values: as a whole, without regard to order."""
        if not left or not right:
            verdict = Verdict.MISSING_RIGHT if left else Verdict.MISSING_LEFT
        else:
            verdict = Verdict.EQUAL if sorted(map(_word, left)) == sorted(map(_word, right)) else Verdict.DIFFERS
        self._note(path, verdict, left, right)

    def _table(self, kind: Kind) -> Mapping[str, str]:
        table: Mapping[str, str] = getattr(self._aliases, kind.aliases) if kind.aliases else _NO_TABLE
        return table

    def _note(self, path: str, verdict: Verdict, left: Any, right: Any) -> None:
        fields = self._comparison.fields
        counts = fields.get(path)
        if counts is None:
            if self._ignores and self._skip(path):
                return
            if len(fields) >= MAX_PATHS:
                path = OTHERS
            counts = fields.setdefault(path, {})
        before = counts.get(verdict, 0)
        counts[verdict] = before + 1
        if verdict is Verdict.EQUAL or sum(counts.values()) - counts.get(Verdict.EQUAL, 0) > MAX_SAMPLES:
            return
        personal = is_personal(path)
        one, other = (None, None) if personal else shown(left, right)
        self._comparison.differences.append(Difference(path, verdict, self.item, one, other, personal))

    def _skip(self, path: str) -> bool:
        known = self._skips.get(path)
        if known is None:
            known = self._skips[path] = any(rule.covers(path) for rule in self._ignores)
        return known


def _zone(thing: Thing, around: Any) -> Any:
    own = thing.get("timeZone")
    return around if own is None else own


def _identical(left: Any, right: Any) -> bool:
    try:
        return bool(left == right)
    except RecursionError:
        return False


def _word(value: Any) -> str:
    return value.strip() if isinstance(value, str) else shown(value, None)[0] or ""
