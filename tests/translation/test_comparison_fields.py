"""The tables of the comparison against the contract's shapes."""

import pytest

from translation.comparison_fields import KINDS, PERSONAL, is_personal
from translation.shapes import BLANKS


def test_the_tables_name_fields_of_the_contract() -> None:
    for name, kind in KINDS.items():
        assert {kind.identity, kind.title, *kind.never, *kind.parts} - {"sessions"} <= kind.known == set(BLANKS[name])
        assert kind.beside is None or kind.beside in kind.known
        assert set(kind.parts.values()) <= set(KINDS)


def test_personal_fields_are_of_the_contract() -> None:
    known = {name.casefold() for fields in BLANKS.values() for name in fields}
    assert known >= PERSONAL


def test_ids_that_can_have_an_alias_are_compared() -> None:
    for kind in KINDS.values():
        assert (kind.aliases is None) == (kind.identity in kind.never)


@pytest.mark.parametrize(
    "path",
    ["building.telephone1", "[].speakers[].linkedin", "[].email", "building.wifiPassword", "customFields.new_organiser_email",
     "customFields.MobileNumber", "contact.name", "venueMap.*", "*", "secondFirstName"],
)  # fmt: skip
def test_personal(path: str) -> None:
    assert is_personal(path)


@pytest.mark.parametrize(
    "path", ["[].name", "building.publicTelephoneAvailable", "[]", "customFields.theme", "[].speakers[].name"]
)
def test_not_personal(path: str) -> None:
    assert not is_personal(path)
