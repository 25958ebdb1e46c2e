"""Old endpoints in every writing, and what is left for a person."""

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.repointing.endpoints import endpoints
from app.repointing.places import replaced
from app.repointing.target import read_target
from tests.app.repointing.forms import FORMS, NEW, OLD

TARGET = read_target(NEW)


def led(text: str, to: str = NEW) -> str:
    return replaced(text, endpoints(text, read_target(to)))


@pytest.mark.parametrize("form", FORMS.values(), ids=list(FORMS))
@pytest.mark.parametrize("end", ["", "/", "/events"], ids=["no slash", "slash", "path"])
def test_an_endpoint_is_replaced_in_its_own_writing(form: object, end: str) -> None:
    assert callable(form)
    assert led(f'a="{form(OLD.rstrip("/") + end)}",b') == f'a="{form(NEW.rstrip("/") + end)}",b'


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"https://contoso.svc-tip.dynamics.com/EvtMgmt/api/v1.0/"', f'"{NEW}"'),
        ('"HTTPS://Contoso.SVC.Dynamics.Com/evtmgmt/API/V2.0"', f'"{NEW.rstrip("/")}"'),
        ('"http://contoso.svc.dynamics.com/EvtMgmt/api/v2.0/"', f'"{NEW}"'),
        ('"//contoso.svc.dynamics.com/EvtMgmt/api/v2.0/"', f'"{NEW.removeprefix("https:")}"'),
        ('"https:"+"//contoso.svc.dynamics.com/EvtMgmt/api/v2.0/"', f'"https:"+"{NEW.removeprefix("https:")}"'),
        ('"https://"+"contoso.svc.dynamics.com/EvtMgmt/api/v2.0/"', f'"https://"+"{NEW.removeprefix("https://")}"'),
        ('"https://a.emea.svc.dynamics.com//EvtMgmt/api/v2.0//events"', f'"{NEW}/events"'),
        ("See https://contoso.svc.dynamics.com/EvtMgmt/api/v2.0.", f"See {NEW.rstrip('/')}."),
        ("`https://${t.alias}.svc.dynamics.com/EvtMgmt/api/v2.0/${x}`", f"`{NEW}${{x}}`"),
        ('"https://"+alias+".svc.dynamics.com/EvtMgmt/api/v2.0/"', f'"{NEW}"'),
        ("'https://' + this.alias + \".svc.dynamics.com/EvtMgmt/api/v2.0/events\"", f'"{NEW}events"'),
        ('"https://".concat(t.alias,".svc.dynamics.com/EvtMgmt/api/v2.0/")+x', f'"{NEW}"+x'),
        (r"\"https://\"\n  + alias + \".svc.dynamics.com/EvtMgmt/api/v2.0/\"", rf"\"{NEW}\""),
        ("API=https://contoso.svc.dynamics.com/EvtMgmt/api/v2.0/\r\nX=1", f"API={NEW}\r\nX=1"),
        ("https://contoso.svc.dynamics.com/EvtMgmt/api/v2.0/", NEW),
    ],
)
def test_other_forms(old: str, new: str) -> None:
    assert led(old) == new
    assert endpoints(new, TARGET) == []


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ('"https://"+alias(x)+".svc.dynamics.com/EvtMgmt/api/v2.0/"', "put together"),
        ('"https://".concat(a,".svc.dynamics.com/EvtMgmt/api/v2.0/",b)', "put together"),
        ("`https://${a}.svc.dynamics.com/EvtMgmt/api/${version}/`", "host alone"),
        ('host="contoso.svc.dynamics.com"', "host alone"),
        ('"https://contoso.svc.dynamics.com"', "host alone"),
        ("connect-src https://*.svc.dynamics.com", "host alone"),
        ('"https://contoso.svc.dynamics.com/EvtMgmt/api/v2.0beta/"', "host alone"),
    ],
)
def test_what_cannot_be_replaced_safely_is_left_and_explained(text: str, form: str) -> None:
    (found,) = endpoints(text, TARGET)
    assert (found.form, found.replacement) == (form, None)
    assert TARGET.origin in found.why
    assert "by hand" in found.why
    assert led(text) == text


def test_an_address_without_a_scheme_needs_https() -> None:
    text = '"contoso.svc.dynamics.com/EvtMgmt/api/v2.0/"'
    (found,) = endpoints(text, read_target("http://127.0.0.1:8080"))
    assert (found.form, found.replacement) == ("without scheme", None)
    assert "has no scheme here" in found.why


@pytest.mark.parametrize(
    "text",
    [
        '"https://public-eur.mkt.dynamics.com/api/v1.0/orgs/1/eventmanagement/"',
        '"https://contoso.crm4.dynamics.com/"',
        '"/EvtMgmt/api/v2.0/"',
        "dynamics dynamics.com svc.dynamics",
        NEW,
        "",
    ],
)
def test_others_are_left_alone(text: str) -> None:
    assert endpoints(text, TARGET) == []


def test_this_machine_in_all_writings() -> None:
    local = "http://[::1]:8080/EvtMgmt/api/v2.0/"
    assert led(FORMS["escaped slashes"](OLD), local) == FORMS["escaped slashes"](local)
    assert led(FORMS["URL-encoded"](OLD), local) == "http%3A%2F%2F%5B%3A%3A1%5D%3A8080%2FEvtMgmt%2Fapi%2Fv2.0%2F"


@given(
    st.lists(
        st.tuples(st.text(st.characters(exclude_characters='"\\&%', exclude_categories=("Cs",))), st.sampled_from(list(FORMS)))
    )
)
def test_everything_else_stays(parts: list[tuple[str, str]]) -> None:
    def text(address: str) -> str:
        return "".join(f'{filler}"{FORMS[form](address)}"' for filler, form in parts)

    assert led(text(OLD)) == text(NEW)
    assert led(text(NEW)) == text(NEW)


@pytest.mark.parametrize(
    "text",
    [
        "a." * 200_000 + "svc.dynamics.com",
        ("a-" * 700 + "dynamics") * 50,
        "\\" * 100_000 + "x64\\x79" + "\\" * 100_000,
        ("https://" + "a.b" * 600 + ".svc.dynamics.com") * 50,
        '"https://"+' + "a." * 50_000 + '".svc.dynamics.com',
    ],
    ids=["labels", "hyphens", "backslashes", "long hosts", "long names"],
)
def test_no_text_takes_for_ever(text: str) -> None:
    began = process_time()
    endpoints(text, TARGET)
    assert process_time() - began < 20  # quadratic takes minutes
