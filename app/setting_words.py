"""Sentences about settings that cannot be used: what pydantic says, in an operator's words."""

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any, Final

_PREFIX: Final = "EVTMGMT_"
_ALIKE: Final = 0.85
"""How alike two names have to be, without the prefix, that one may be meant where the other stands."""

_PLAIN: Final[Mapping[str, str]] = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "float_parsing": "must be a number such as 2.5, without a unit",
    "int_parsing": "must be a whole number, without a unit",
    "int_from_float": "must be a whole number",
}


def no_such_setting(name: str, known: Collection[str]) -> str:
    """That a name is none, and which one may be meant.

    Args:
        name: What was written.
        known: The names of all settings.
    """
    alike = get_close_matches(name.removeprefix(_PREFIX), [other.removeprefix(_PREFIX) for other in known], 1, _ALIKE)
    return f"there is no such setting; is {_PREFIX}{alike[0]} meant?" if alike else "there is no such setting"


def plain_words(error: Mapping[str, Any]) -> str:
    """What is wrong with a value, one sentence a line. The value is not quoted: it may be a secret.

    Args:
        error: As pydantic gives it.
    """
    words = str(error["msg"]).removeprefix("Value error, ").replace("Input should be", "must be")
    return _PLAIN.get(error["type"], words)
