"""The kept corpus, without a fuzzer: what was once interesting still holds, and the checks can fail."""

from pathlib import Path

import pytest

from tests.fuzz import targets
from tests.fuzz.targets import TARGETS, BrokenError

KEPT = sorted(path for path in Path(__file__).with_name("corpus").rglob("*") if path.is_file())


@pytest.mark.parametrize("path", KEPT, ids=[f"{path.parent.name}/{path.name}" for path in KEPT])
def test_what_is_kept_holds(path: Path) -> None:
    TARGETS[path.parent.name](path.read_bytes())


def test_every_target_has_a_corpus_and_it_is_small() -> None:
    assert {path.parent.name for path in KEPT} == set(TARGETS)
    assert 30 <= len(KEPT) <= 200
    assert sum(path.stat().st_size for path in KEPT) < 100_000


def test_the_checks_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    good = b"\0/EvtMgmt/api/v2.0/events/One"
    targets.try_target(good)
    monkeypatch.setattr(targets, "upstream_path", lambda template, parameters: "events/../admin")
    with pytest.raises(BrokenError, match="out of the base"):
        targets.try_target(good)
    monkeypatch.setattr(targets, "sentence_of", lambda body: "look at http://x")
    with pytest.raises(BrokenError, match="an address"):
        targets.try_registration(b"\0x")
    monkeypatch.setattr(targets, "translate", lambda *words: ([object()], None))
    with pytest.raises(TypeError):
        targets.try_answer(b"\0[]")
