"""The ``outbox`` commands on a file, as somebody runs them."""

import json
from pathlib import Path

import pytest

from app.cli import posting
from app.outbox import delivering
from app.outbox.deciding import decisions
from app.outbox.entries import State
from app.outbox.store import Store
from app.settings import GivenSettings
from tests.app.outbox.material import EVENT, KEY, put
from tests.app.outbox.test_sealing import OTHER
from tests.app.outbox.test_settings import REALTIME


@pytest.fixture
def filled(tmp_path: Path) -> Store:
    """One that waits, one dead, one parked."""
    store = Store(tmp_path)
    for state in (State.WAITING, State.DEAD, State.PARKED):
        number = put(store, f"{state}@example.com")
        if state is not State.WAITING:
            claimed = delivering.claim(store, number)
            assert claimed is not None
            delivering.settle(store, claimed, state, "Interrupted")
    return store


def settings(tmp_path: Path, key: str | None = KEY) -> GivenSettings:
    groups = {"realtime": REALTIME, "state": {"path": tmp_path}, "outbox": {"key": key}}
    return GivenSettings.model_validate(groups)


def test_the_list_says_what_stands_where_and_nothing_personal(
    filled: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert posting.run_list(settings(tmp_path, None), None, as_json=False) == 0
    text = capsys.readouterr().out
    assert "1 waiting, 0 sending, 1 parked, 1 dead" in text
    assert (EVENT in text, "Interrupted" in text, "@example.com" in text) == (True, True, False)
    assert posting.run_list(settings(tmp_path, None), State.DEAD, as_json=True) == 0
    document = json.loads(capsys.readouterr().out)
    assert [(entry["id"], entry["state"], entry["attempts"]) for entry in document["entries"]] == [(2, "dead", 1)]
    assert document["totals"]["accepted"] == 3


def test_one_is_shown_with_a_warning_and_that_is_recorded(
    filled: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert posting.run_show(settings(tmp_path), 3, "Ida", "looking in Dynamics") == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["registration"]["attendees"][0]["email"] == "parked@example.com"
    assert "personal data" in err
    (line,) = decisions(filled, 5)
    assert (line.what, line.entry, line.who, line.why) == ("show", 3, "Ida", "looking in Dynamics")


@pytest.mark.parametrize(
    ("key", "number", "why", "words"),
    [
        (None, 3, "why", "EVTMGMT_OUTBOX__KEY is not set"),
        (OTHER, 3, "why", "cannot be opened: no key opens it"),
        (KEY, 4_711, "why", "There is no entry 4711"),
        (KEY, 3, " ", "Why is missing"),
    ],
    ids=["no key", "another key", "no entry", "no reason"],
)
def test_nothing_is_shown_without_key_entry_or_reason(
    filled: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str], key: str | None, number: int, why: str, words: str
) -> None:
    assert posting.run_show(settings(tmp_path, key), number, "Ida", why) == 1
    out, err = capsys.readouterr()
    assert (out, words in err) == ("", True)
    assert decisions(filled, 5) == []


def test_decisions_say_what_became_of_each(filled: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert posting.run_decision(settings(tmp_path), "retry", [1, 2], "Ida", "mended") == 0
    assert capsys.readouterr().out == "1: left as it is (it is not there, or stands otherwise)\n2: will be sent again\n"
    assert posting.run_decision(settings(tmp_path), "drop", State.PARKED, "Ida", "is in Dynamics") == 0
    assert capsys.readouterr().out == "3: deleted\n"
    assert posting.run_decision(settings(tmp_path), "drop", State.PARKED, "Ida", "again") == 1
    assert [entry.id for entry in filled.entries(State.WAITING)] == [1, 2]
    assert posting.run_history(settings(tmp_path), 5, as_json=False) == 0
    assert "Ida: drop 3 (Contoso_Open_Day): is in Dynamics" in capsys.readouterr().out


def test_an_export_is_for_its_owner_alone_and_never_over_another_file(
    filled: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "export.json"
    assert posting.run_export(settings(tmp_path), file, None, "Ida", "request") == 0
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(json.loads(file.read_text("utf-8"))) == 3
    assert posting.run_export(settings(tmp_path), file, None, "Ida", "request") == 1
    assert "cannot be written: File exists" in capsys.readouterr().err
    assert posting.run_export(settings(tmp_path, OTHER), tmp_path / "none.json", None, "Ida", "request") == 1
    assert "Not opened by any key: 1, 2, 3" in capsys.readouterr().err


def test_where_there_is_no_outbox_it_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert posting.run_list(settings(tmp_path), None, as_json=False) == 1
    assert "There is no outbox in" in capsys.readouterr().err
    nowhere = GivenSettings.model_validate({"realtime": REALTIME})
    assert posting.run_list(nowhere, None, as_json=False) == 1
    assert "EVTMGMT_STATE__PATH is not set" in capsys.readouterr().err
