"""Which thing of one list is which of the other: by id, then by name, never by position.

The migration creates things anew (CONTRACT 2), so that old ids lead to new ones through the tables of aliases, or not at all.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from translation.comparison_fields import Kind
from translation.sameness import named

Thing = dict[str, Any]


class Pair(NamedTuple):
    """A thing of the left and what it is on the right; None where there is none."""

    left: Thing | None
    right: Thing | None


def same_id(left: Any, right: Any, aliases: Mapping[str, str]) -> bool:
    """Whether two ids are the same, letter case and aliases (old id in lower case, to new) considered."""
    if not (isinstance(left, str) and isinstance(right, str)):
        return type(left) is type(right) and left == right
    old, new = left.casefold(), right.casefold()
    return old == new or aliases.get(old, left).casefold() == new


def pairs(kind: Kind, left: Sequence[Thing], right: Sequence[Thing], aliases: Mapping[str, str]) -> list[Pair]:
    """The things of two lists, each with what it is on the other side.

    Args:
        kind: What they are.
        left: Things of the old organisation.
        right: Things of the new one.
        aliases: Old id in lower case, to the new one.

    Returns:
        Those of the left in their order, then what only the right has.
    """

    def identity(thing: Thing) -> Hashable | None:
        value = thing.get(kind.identity)
        return value.casefold() or None if isinstance(value, str) else None

    def alias(thing: Thing) -> Hashable | None:
        own = identity(thing)
        return aliases[own].casefold() if isinstance(own, str) and own in aliases else None

    def closely(thing: Thing) -> Hashable | None:
        name = named(thing.get(kind.title))
        return (name, named(_text(thing.get(kind.beside)))) if name and kind.beside else _signature(thing)

    def by_name(thing: Thing) -> Hashable | None:
        # Without a name, only what has no id either is known by nothing at all.
        return named(thing.get(kind.title)) or ("" if identity(thing) is None else None)

    partners: dict[int, Thing] = {}
    rest = list(right)
    keys: tuple[tuple[Callable[[Thing], Hashable | None], Callable[[Thing], Hashable | None]], ...] = (
        (alias, identity),
        (identity, identity),
        (closely, closely),
        (by_name, by_name),
    )
    for of_left, of_right in keys:
        open_left = [number for number in range(len(left)) if number not in partners]
        if not open_left or not rest:
            break
        rest = _join(left, open_left, rest, of_left, of_right, partners)
    joined = [Pair(thing, partners.get(number)) for number, thing in enumerate(left)]
    return joined + [Pair(None, thing) for thing in rest]


def _join(
    left: Sequence[Thing],
    open_left: list[int],
    right: list[Thing],
    of_left: Callable[[Thing], Hashable | None],
    of_right: Callable[[Thing], Hashable | None],
    partners: dict[int, Thing],
) -> list[Thing]:
    """Add partners of the same key; gives what is left of the right."""
    waiting: defaultdict[Hashable, list[int]] = defaultdict(list)
    for number, thing in enumerate(right):
        key = of_right(thing)
        if key is not None:
            waiting[key].append(number)
    taken: set[int] = set()
    wanting: defaultdict[Hashable, list[int]] = defaultdict(list)
    for number in open_left:
        key = of_left(left[number])
        if key is not None and key in waiting:
            wanting[key].append(number)
    for key, numbers in wanting.items():
        found = waiting[key]
        if len(numbers) > 1 or len(found) > 1:
            # Several of one key: in an order that does not come from their positions.
            numbers = sorted(numbers, key=lambda number: _signature(left[number]))
            found = sorted(found, key=lambda number: _signature(right[number]))
        for one, other in zip(numbers, found, strict=False):
            partners[one] = right[other]
            taken.add(other)
    return [thing for number, thing in enumerate(right) if number not in taken]


def _text(value: Any) -> str:
    if isinstance(value, str):
        # Times with and without fractions or offset are of one minute.
        return value[:16]
    return str(float(value)) if isinstance(value, int | float) and abs(value) < 1e15 else ""


def _signature(thing: Thing) -> bytes:
    try:
        return orjson.dumps(thing, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # nested too deeply, or a number or text that orjson does not write
        return b""
