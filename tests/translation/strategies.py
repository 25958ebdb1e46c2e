"""What Hypothesis draws from: any JSON, with the names of the contract more often than chance would give."""

import json
from typing import Any

from hypothesis import strategies as st

from translation.shapes import SHAPES

NAMES = sorted({name for shape in SHAPES.values() for name in shape.model_fields} | {"value", "data", "tracks", "trackId"})
BLANK_NAMES = [form.format(name) for name in NAMES[::9] for form in ("{} ", " {}", "{}\t", "{}\u00a0")]

KEYS = st.sampled_from(NAMES) | st.sampled_from([*BLANK_NAMES, "", "@odata.context", "名"])
SCALARS = (
    st.sampled_from([None, True, False, "", " ", "2027-05-01T08:00:00Z", "12", "https://pay.invalid/?purchaseId=1", "http://["])
    | st.integers(min_value=-(2**70), max_value=2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
)
JSON: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=10,
)
OBJECTS = st.dictionaries(KEYS, JSON, max_size=8)


def encoded(value: Any) -> bytes:
    """``value`` as an upstream would send it."""
    return json.dumps(value).encode()


def plain_json(value: Any) -> bool:
    """Whether ``value`` holds nothing that JSON does not know."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and plain_json(item) for key, item in value.items())
    if isinstance(value, list):
        return all(plain_json(item) for item in value)
    return value is None or isinstance(value, (bool, int, float, str))
