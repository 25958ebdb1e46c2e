"""Folders: the API's answers by their names, and events in other JSON."""

import json
from pathlib import Path
from typing import Any

import orjson

from app.archive.tree import Tree, harvested
from tests.app.archive.files import EVENT


def write(folder: Path, name: str, content: Any) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())


def test_named_answers_come_last_so_that_they_win(tmp_path: Path) -> None:
    write(tmp_path, "events/published.json", [EVENT])
    write(tmp_path, "events/Old_Fair/sessions@emApplicationtoken=abcd.json", [])
    write(
        tmp_path,
        "page-data/fair/page-data.json",
        {"result": {"data": {"event": EVENT | {"sessions": [{"id": "1"}], "speakers": []}}}},
    )
    write(tmp_path, "main.js", b"readableEventId")
    write(tmp_path, "broken.json", b"{")
    (tmp_path / "link.json").symlink_to(tmp_path / "page-data/fair/page-data.json")
    (tmp_path / "round").symlink_to(tmp_path)
    tree = Tree(tmp_path)
    found = [(saved.operation.name, orjson.loads(saved.read())) for saved in tree]
    assert found == [
        ("get_event", EVENT),
        ("list_sessions", [{"id": "1"}]),
        ("list_sessions", []),
        ("list_events", [EVENT]),
    ]
    assert (tree.secrets, tree.endpoint) == ({"abcd", "abcd.json"}, "")


def test_events_anywhere_in_a_document() -> None:
    other = {"readableEventId": "B", "eventName": "B", "tracks": [{"id": "1"}], "passes": ["no object"]}
    document = {"a": [{"b": EVENT}, [other], {"readableEventId": "C"}, {"readableEventId": 7, "eventName": "D"}]}
    found = [(saved.operation.name, saved.parameters["event"]) for saved in harvested(orjson.dumps(document), "x")]
    assert found == [("get_event", "Old_Fair"), ("get_event", "B"), ("list_tracks", "B")]
    assert list(harvested(b"no json", "x")) == []
    deep: Any = EVENT
    for _ in range(100):
        deep = [deep]
    assert list(harvested(orjson.dumps(deep), "x")) == []
