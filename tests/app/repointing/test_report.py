"""What a report sums up."""

from typing import Any

from app.repointing.places import Kind, Place
from app.repointing.report import Report, counted


def report(*places: Place, **values: Any) -> Report:
    given: dict[str, Any] = {"changed": ("a.js",), "written": False, "notices": ()} | values
    return Report(path="p", to="https://p.invalid/", files=3, looked_into=2, places=places, backup="kept", **given)


def at(kind: Kind, *, replaced: bool = True) -> Place:
    return Place("a.js", 1, 1, kind, "plain", replaced, "context", "" if replaced else "why")


def test_a_dry_run() -> None:
    found = report(at(Kind.ENDPOINT), at(Kind.TOKEN), at(Kind.TOKEN))
    assert found.summary == "1 endpoint and 2 tokens would be replaced in 1 file. Nothing was written: --write does it."
    assert not found.clean


def test_a_run_that_wrote() -> None:
    found = report(at(Kind.ENDPOINT), written=True)
    assert found.summary == "1 endpoint and 0 tokens replaced in 1 file. The originals are in kept; --restore puts them back."
    assert found.clean


def test_places_for_a_hand() -> None:
    found = report(at(Kind.ENDPOINT, replaced=False), written=True, changed=())
    assert found.summary == "Nothing that could be replaced. 1 place left for your hand."
    assert not found.clean
    assert len(found.by_hand) == 1


def test_nothing_to_do() -> None:
    found = report(changed=())
    assert (found.summary, found.clean) == ("No old endpoint and no old token in 2 text files.", True)


def test_what_was_repointed_before_is_said_and_how_to_lead_it_elsewhere() -> None:
    found = report(changed=(), before=True)
    assert "It was repointed before; the originals are in kept. To lead it elsewhere, --restore first." in found.summary
    assert found.clean


def test_numbers_and_nouns() -> None:
    assert [counted(number, "file") for number in (0, 1, 2)] == ["0 files", "1 file", "2 files"]
