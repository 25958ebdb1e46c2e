from typing import Any

import pytest

from sandbox.calendar import calendar_file, read_items
from sandbox.data.build import build_events


@pytest.mark.parametrize("data", [None, "", "x", "{}", "[]", "[1]", '[{"readableEventId":1}]'])
def test_bad_data(data: str | None) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_items(data)


def test_long_lines_are_folded_between_characters() -> None:
    event = build_events("outbound")["東京_技術会議"]
    values: dict[str, Any] = {"firstname": "花" * 40}
    content = calendar_file([(event, None, values)])
    assert all(len(line) <= 75 for line in content.split(b"\r\n"))
    assert "花" * 40 in content.decode().replace("\r\n ", "")
