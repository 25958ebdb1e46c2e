"""Fields of the old API's answers that are left out of what is kept, such as ``speakers.email``.

A field that is left out is null, as the old API answers blank fields (CONTRACT 1).
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from translation.operations import Answer, Operation
from translation.repairs import NESTED
from translation.shapes import SHAPES

NOUNS: Final = {
    "events": "Event",
    "passes": "Pass",
    "sessions": "Session",
    "tracks": "SessionTrack",
    "speakers": "Speaker",
    "sponsorships": "Sponsorship",
    "fields": "CustomRegistrationField",
    "buildings": "Building",
    "rooms": "Room",
}
"""What a field may be a field of, and its shape."""


class LeftOut:
    """What is left out.

    Args:
        rules: As a person writes them.

    Attributes:
        rules: The same, in order, each once.

    Raises:
        ValueError: One of them names no thing of the old API.
    """

    def __init__(self, rules: Iterable[str] = ()) -> None:
        self.rules = tuple(sorted(set(rules)))
        self._fields: dict[str, set[str]] = {}
        for rule in self.rules:
            noun, _, field = rule.partition(".")
            if noun not in NOUNS or not field.isidentifier():
                raise ValueError(f"{rule!r} is no field such as speakers.email; before the dot may stand: {', '.join(NOUNS)}")
            known = SHAPES[NOUNS[noun]].model_fields
            # The organisation's own fields are not in the contract: only the spelling of a known one can be told.
            spelled = next((name for name in known if name.lower() == field.lower()), field)
            self._fields.setdefault(NOUNS[noun], set()).add(spelled)

    def __bool__(self) -> bool:
        """Whether anything is left out."""
        return bool(self._fields)

    def names(self, noun: str, field: str) -> bool:
        """Whether a field of a thing is left out."""
        return field in self._fields.get(NOUNS[noun], ())

    def of(self, operation: Operation, value: Any) -> Any:
        """An answer without what is left out.

        Args:
            operation: What was asked.
            value: The parsed answer.
        """
        if not self._fields or operation.shape is None or operation.answer is Answer.COUNT:
            return value
        return self._without(value, operation.shape)

    def _without(self, value: Any, shape: str) -> Any:
        if isinstance(value, list):
            return [self._without(item, shape) for item in value]
        if not isinstance(value, Mapping):
            return value
        left_out, nested = self._fields.get(shape, set()), NESTED.get(shape, {})
        return {
            name: None if name in left_out else self._without(inner, nested[name]) if name in nested else inner
            for name, inner in value.items()
        }
