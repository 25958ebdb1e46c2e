"""HAR files of browsers: what is in them of the old API, and what is not."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from app.archive.har import Har, is_har
from tests.app.archive.files import PNG, SPEAKER

BASE = "https://old.svc.dynamics.example/EvtMgmt/api/v2.0/"


def entry(path: str, text: str | None, *, method: str = "GET", status: int = 200, **content: Any) -> dict[str, Any]:
    content = {"mimeType": "application/json; charset=utf-8", **content}
    if text is not None:
        content["text"] = text
    return {"request": {"method": method, "url": path}, "response": {"status": status, "content": content}}


def har_at(path: Path, *entries: Any) -> Path:
    path.write_text(json.dumps({"log": {"version": "1.2", "entries": list(entries)}}), "utf-8")
    return path


def test_answers_of_the_old_api(tmp_path: Path) -> None:
    picture = base64.b64encode(PNG).decode()
    path = har_at(
        tmp_path / "visit.har",
        entry("https://events.example.com/main.js", "x"),
        entry(f"{BASE}events/published?emApplicationtoken=the%2Bold", "[]"),
        entry(f"{BASE}events/Gala", "{}", method="OPTIONS"),
        entry(f"{BASE}events/Gala", None),
        entry(f"{BASE}events/Gala", "{}", status=304),
        entry(f"{BASE}events/Gala", '{"a": "ü"}'),
        entry(f"{BASE}events/Gala/registrations", "{}", method="POST"),
        entry(f"{BASE}speakers/{SPEAKER}/image", picture, encoding="base64", mimeType="image/png"),
        entry(f"{BASE}speakers/{SPEAKER}/image", "!", encoding="base64"),
        entry("https://events.example.com/events/published", "[]"),
        7,
        {"request": 7},
    )
    har = Har(path)
    found = [(saved.operation.name, saved.read(), saved.content_type.partition(";")[0]) for saved in har]
    assert found == [
        ("list_events", b"[]", "application/json"),
        ("get_event", '{"a": "ü"}'.encode(), "application/json"),
        ("get_speaker_image", PNG, "image/png"),
        ("get_speaker_image", b"", "application/json"),
    ]
    assert har.secrets == {"the%2Bold", "the+old"}
    assert har.endpoint == BASE
    assert next(iter(har)).place == "visit.har, entry 2"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"log": []}', '{"log": {"entries": {}}}', "<html>", "null"])
def test_what_is_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "visit.HAR"
    path.write_text(content)
    assert is_har(path)
    with pytest.raises(ValueError, match="is no HAR file"):
        Har(path)
    assert not is_har(tmp_path / "visit.json")
