import pytest

from sandbox.organisation import Behaviour, Organisation


def test_quota_counts_per_window() -> None:
    now = [100.0]
    organisation = Organisation("realtime", token="t", origin="o", org_id="x", clock=lambda: now[0])
    organisation.behaviour.change({"quota_limit": 2, "quota_window": 300})
    assert [organisation.take_quota() for _ in range(3)] == [None, None, 300]
    now[0] = 399.5
    assert organisation.take_quota() == 1
    now[0] = 400.0
    assert organisation.take_quota() is None


def test_behaviour_refuses_unknown_names_and_then_changes_nothing() -> None:
    behaviour = Behaviour()
    with pytest.raises(KeyError, match="quota_limitt"):
        behaviour.change({"quota_limit": 1, "quota_limitt": 2})
    assert behaviour.quota_limit == 6000


def test_parts_of_events_that_are_not_listed_are_not_found() -> None:
    organisation = Organisation("realtime", token="t", origin="o", org_id="x")
    hidden = organisation.events["Draft_Festival"].sessions[0]["id"]
    shown = organisation.events["Contoso_Open_Day"].sessions[0]["id"]
    assert organisation.event_of_session(hidden) is None
    assert organisation.event_of_session(shown.upper()) is organisation.events["Contoso_Open_Day"]


def test_reset_forgets_bulk_events() -> None:
    organisation = Organisation("outbound", token="t", origin="o", org_id="x")
    before = len(organisation.events)
    organisation.add_bulk_events(5)
    assert len(organisation.events) == before + 5
    organisation.reset()
    assert len(organisation.events) == before
