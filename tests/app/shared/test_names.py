"""What names in Redis begin with."""

from app.shared.names import organisation_of, prefix_of


def test_an_organisation_is_told_by_its_id_alone() -> None:
    one = "https://public-eur.mkt.dynamics.com/api/v1.0/orgs/5F1C/eventmanagement/"
    assert organisation_of(one) == "5F1C"
    assert prefix_of("5F1C") == prefix_of("5f1c")
    assert (
        organisation_of("https://contoso.svc.dynamics.com/EvtMgmt/api/v2.0/")
        == "https://contoso.svc.dynamics.com/EvtMgmt/api/v2.0/"
    )


def test_a_prefix_holds_a_hash_alone_and_keeps_all_in_one_place_of_a_cluster() -> None:
    assert "5f1c" not in prefix_of("5f1c")
    assert prefix_of("one") != prefix_of("two")
    assert prefix_of("one").startswith("evtmgmt:{")
    assert prefix_of("one").endswith("}:")
