"""The raw answers that ``evtmgmt-proxy check`` looks at, unwrapped and otherwise untouched."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from app.settings import Answers
from translation.answers import strip_keys, translate
from translation.operations import BY_NAME, Answer
from translation.repairs import Repairs

LISTS: Final = (Answer.LIST, Answer.EVENT_LIST)
NOTHING: Final = "nothing to look at"


@dataclass(frozen=True, slots=True)
class Material:
    """What the readings look at.

    Attributes:
        raw: Parsed answers by operation name, as Dynamics gave them; only those that the proxy can read.
        answers: The settings that decide how answers are mended.
    """

    raw: Mapping[str, Any]
    answers: Answers

    def objects(self, *operations: str) -> list[dict[str, Any]]:
        """The objects in the answers of these operations, unwrapped, keys without blanks, otherwise untouched."""
        found: list[dict[str, Any]] = []
        for name in operations:
            operation = BY_NAME[name]
            if name in self.raw and operation.shape is not None:
                # Without its shape an operation is unwrapped as ever, and nothing else is done to it.
                plain = replace(operation, shape=None, answer=Answer.LIST if operation.answer in LISTS else Answer.ITEM)
                value, _ = translate(plain, strip_keys(self.raw[name]), {}, {}, Repairs())
                found += value if isinstance(value, list) else [value]
        return found
