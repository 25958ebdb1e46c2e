"""Tests of app/admin/views/cutover.py."""

from app.admin.views.cutover import show_audit, show_cutover
from app.cutover.store import Change, Snapshot
from tests.app.admin.rig import LATCHED


def test_the_state_is_shown_whole() -> None:
    shown = show_cutover(Snapshot(3, 5.0, LATCHED), both=True, durable=False, place="memory", away="gone")
    document = shown.model_dump(mode="json")
    assert {name: document[name] for name in LATCHED.document()} == LATCHED.document()
    assert (shown.version, shown.at, shown.durable, shown.kept_in, shown.away) == (3, 5.0, False, "memory", "gone")


def test_the_audit_says_whether_there_is_more() -> None:
    changes = [Change(version, 1.0, "Ann", {"percent": 1}, {"percent": 2}, "so") for version in (9, 8, 7)]
    shown = show_audit(changes, 2)
    assert [line.version for line in shown.changes] == [9, 8]
    assert shown.next == 8
    assert show_audit(changes, 3).next is None
    assert show_audit([], 3).next is None
