from sandbox.data.plans import PLANS, Relation


def test_readable_ids_are_unique_and_of_all_kinds() -> None:
    ids = [plan.readable_id for plan in PLANS]
    assert len(set(ids)) == len(ids) >= 12
    assert any(" " in name for name in ids)
    assert {"ja", "ar", "de"} <= {plan.language for plan in PLANS}


def test_tracks_and_sessions_are_related_in_every_known_way() -> None:
    assert {plan.relation for plan in PLANS if plan.tracks} == set(Relation)
