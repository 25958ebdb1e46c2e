"""A character in every writing is known, and another is written the same way."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.repointing.escapes import write_like, written
from tests.app.repointing.forms import FORMS, NEW, OLD

ADDRESSES = st.text("abcdefghijklmnopqrstuvwxyz0123456789.-", min_size=1).map(lambda host: f"https://{host}/EvtMgmt/api/v2.0")


@pytest.mark.parametrize("form", FORMS.values(), ids=list(FORMS))
def test_an_address_is_written_like_another(form: object) -> None:
    assert callable(form)
    assert re.fullmatch(written(OLD), form(OLD), re.IGNORECASE)
    assert write_like(NEW, form(OLD)) == form(NEW)


@settings(max_examples=25)
@given(address=ADDRESSES, name=st.sampled_from([name for name in FORMS if "all" not in name]))
def test_whatever_is_written_like_another_reads_as_it_was(address: str, name: str) -> None:
    assert re.fullmatch(written(address), write_like(address, FORMS[name](OLD)), re.IGNORECASE)


def test_letters_of_any_case_and_nothing_else() -> None:
    assert re.fullmatch(written("a/"), "A\\x2F", re.IGNORECASE)
    assert not re.fullmatch(written("a/"), "b/", re.IGNORECASE)
    assert not re.fullmatch(written("."), "x", re.IGNORECASE)


def test_what_the_old_one_has_no_example_of() -> None:
    assert write_like("http://[::1]:8080/", "https%3A%2F%2Fa.b%2F") == "http%3A%2F%2F%5B%3A%3A1%5D%3A8080%2F"
    assert write_like("//a:1/", "\\/\\/a\\/") == "\\/\\/a:1\\/"
