"""translation/repairs.py: each rule against the line of PORTAL-FACTS that asks for it."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.translation.strategies import OBJECTS, plain_json
from translation.form_embed import Bridge, host_pattern
from translation.repairs import Repairs, repair_event, repair_item
from translation.shapes import BLANKS, SHAPES

SPEAKER = "cccccccc-0000-4000-8000-000000000001"
OTHER = "dddddddd-0000-4000-8000-000000000002"
UPSTREAM = "public-eur.mkt.dynamics.invalid"
REPAIRS = Repairs(upstream_hosts=frozenset({UPSTREAM}))
START, END = "2027-05-01T09:00:00", "2027-05-02T17:00:00"
START_UTC, END_UTC = "2027-05-01T07:00:00Z", "2027-05-02T15:00:00Z"


def event(repairs: Repairs = REPAIRS, **raw: Any) -> dict[str, Any]:
    return repair_event(raw, repairs, Counter())


def speaker(**raw: Any) -> dict[str, Any]:
    return repair_item(raw, "Speaker", REPAIRS)


# -- Blank fields and custom fields ------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_missing_fields_are_null_and_unknown_ones_are_kept(shape: str) -> None:
    item = repair_item({"msdyn_new": {"a": [1]}}, shape, REPAIRS)
    assert item.pop("msdyn_new") == {"a": [1]}
    if "customFields" in item:
        assert item.pop("customFields") == {}
    assert item == {name: None for name in BLANKS[shape] if name != "customFields"}


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_what_is_there_stays(shape: str) -> None:
    raw = {name: f"value of {name}" for name in BLANKS[shape] if name not in ("customFields", "imageUrl")}
    assert repair_item(raw, shape, REPAIRS).items() >= raw.items()


@pytest.mark.parametrize("shape", ["Event", "Pass"])
@pytest.mark.parametrize("given_fields", [None, [], "x", 1, False], ids=repr)
def test_custom_fields_are_an_object(shape: str, given_fields: Any) -> None:
    assert repair_item({"customFields": given_fields}, shape, REPAIRS)["customFields"] == {}
    assert repair_item({"customFields": {"a": 1}}, shape, REPAIRS)["customFields"] == {"a": 1}


def test_each_answer_has_its_own_custom_fields() -> None:
    first = repair_item({}, "Event", REPAIRS)
    first["customFields"]["a"] = 1
    assert repair_item({}, "Event", REPAIRS)["customFields"] == {}


def test_an_item_without_shape_is_copied() -> None:
    raw = {"a": 1}
    assert repair_item(raw, None, REPAIRS) == raw
    assert repair_item(raw, None, REPAIRS) is not raw


def test_nested_shapes_are_repaired_as_well() -> None:
    item = repair_item(
        {
            "building": {"name": "Hall"},
            "room": {"id": "1"},
            "speakers": [
                {"id": SPEAKER, "imageUrl": f"https://{UPSTREAM}/speakers/{SPEAKER}/image", "sessions": [{}]},
                None,
                "x",
            ],
        },
        "Session",
        REPAIRS,
    )
    assert item["building"] == {**BLANKS["Building"], "name": "Hall"}
    assert item["room"] == {**BLANKS["Room"], "id": "1"}
    assert item["speakers"][0]["imageUrl"] == f"speakers/{SPEAKER}/image"
    assert item["speakers"][0]["sessions"] == [BLANKS["Session"]]
    assert item["speakers"][1:] == [None, "x"]


def test_the_sessions_of_a_pass_are_repaired() -> None:
    assert repair_item({"sessions": [{"name": "S"}]}, "Pass", REPAIRS)["sessions"] == [{**BLANKS["Session"], "name": "S"}]


@pytest.mark.parametrize("value", ["text", 5, False, None], ids=repr)
def test_a_nested_field_of_another_type_is_handed_on(value: Any) -> None:
    assert repair_item({"building": value, "speakers": value}, "Session", REPAIRS)["building"] == value


def test_nothing_of_the_upstreams_answer_is_changed_in_place() -> None:
    raw = {"building": {}, "customFields": None, "image": "https://cdn.invalid/a b.png"}
    event(**raw)
    assert raw == {"building": {}, "customFields": None, "image": "https://cdn.invalid/a b.png"}


# -- Dates: the list ends at the card without startDate or endDate -----------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "dates", "filled"),
    [
        pytest.param(
            {"startDate": START, "endDate": END, "startDateUTC": START_UTC, "endDateUTC": END_UTC},
            (START, END, START_UTC, END_UTC),
            0,
            id="all there",
        ),
        pytest.param({"startDate": START}, (START, START, None, None), 1, id="no endDate"),
        pytest.param({"startDate": START, "endDate": None}, (START, START, None, None), 1, id="endDate null"),
        pytest.param({"startDate": START, "endDate": ""}, (START, START, None, None), 1, id="endDate empty"),
        pytest.param({"startDate": START, "endDate": 5}, (START, START, None, None), 1, id="endDate of another type"),
        pytest.param({"endDate": END}, (END, END, None, None), 1, id="no startDate"),
        pytest.param({"startDateUTC": START_UTC}, (START_UTC[:-1], START_UTC[:-1], START_UTC, START_UTC), 3, id="UTC start only"),
        pytest.param({"endDateUTC": END_UTC}, (END_UTC[:-1], END_UTC[:-1], None, END_UTC), 2, id="UTC end only"),
        pytest.param(
            {"startDate": START, "endDate": END, "startDateUTC": START_UTC},
            (START, END, START_UTC, START_UTC),
            1,
            id="no UTC end",
        ),
        pytest.param({}, (None, None, None, None), 0, id="no date at all"),
        pytest.param({"startDate": 0, "endDate": [], "startDateUTC": ""}, (None, None, "", None), 0, id="no date that is one"),
    ],
)
def test_dates_are_filled_and_counted(raw: dict[str, Any], dates: tuple[Any, ...], filled: int) -> None:
    done: Counter[str] = Counter()
    repaired = repair_event(raw, REPAIRS, done)
    assert tuple(repaired[name] for name in ("startDate", "endDate", "startDateUTC", "endDateUTC")) == dates
    assert done["event_date_filled"] == filled


# -- Captcha, forms, anonymous registration ----------------------------------------------------------------------------


@pytest.mark.parametrize("given_value", [True, False, None, "x"], ids=repr)
def test_no_portal_asks_for_a_captcha_or_sign_in_or_the_new_form(given_value: Any) -> None:
    repaired = event(enableCaptcha=given_value, allowAnonymousRegistrations=given_value, registrationForm=given_value)
    assert repaired["enableCaptcha"] is False
    assert repaired["allowAnonymousRegistrations"] is True
    assert repaired["registrationForm"] is None


def test_missing_switches_are_set_as_well() -> None:
    repaired = event()
    assert (repaired["enableCaptcha"], repaired["allowAnonymousRegistrations"], repaired["registrationForm"]) == (
        False,
        True,
        None,
    )


def test_settings_hand_them_on() -> None:
    keep = Repairs(keep_registration_form=True, keep_anonymous=True, captcha=True)
    raw = {"enableCaptcha": True, "allowAnonymousRegistrations": False, "registrationForm": "<div data-form-id='1'></div>"}
    assert event(keep, **raw).items() >= raw.items()


BRIDGE = Bridge("https://proxy.invalid/x.js", (host_pattern("forms.invalid"),), (host_pattern("forms.invalid"),))
GOOD = (
    "<div data-form-id='76438228-4767-f011-bec2-00224809e97b' data-form-api-url='https://forms.invalid/a' data-cached-form-url="
)
GOOD += "'https://forms.invalid/b'></div><script src='https://forms.invalid/c.js'></script>"


@pytest.mark.parametrize(
    ("given_value", "written", "counted"),
    [
        (GOOD, True, {}),
        (GOOD + "<script>more()</script>", True, {"event_form_trimmed": 1}),
        ("<iframe></iframe>", False, {"event_form_unknown": 1}),
        ({"html": GOOD}, False, {"event_form_unknown": 1}),
        (None, False, {}),
        (" ", False, {}),
    ],
)
def test_a_form_is_written_anew_or_null(given_value: Any, written: bool, counted: dict[str, int]) -> None:
    done: Counter[str] = Counter()
    raw = {"startDate": START, "endDate": END, "registrationForm": given_value, "readableEventId": "Open_Day"}
    form = repair_event(raw, Repairs(bridge=BRIDGE), done)["registrationForm"]
    assert (form is not None) is written
    if written:
        assert form.endswith('data-evtmgmt-event="Open_Day"></div><script src="https://proxy.invalid/x.js"></script>')
    assert dict(done) == counted


# -- Images ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "relative"),
    [
        pytest.param(f"speakers/{SPEAKER}/image", f"speakers/{SPEAKER}/image", id="relative"),
        pytest.param(f"/speakers/{SPEAKER}/image", f"speakers/{SPEAKER}/image", id="slash in front"),
        pytest.param(f"/EvtMgmt/api/v2.0/speakers/{OTHER}/image", f"speakers/{OTHER}/image", id="old base in front"),
        pytest.param(
            f"https://{UPSTREAM}/api/v1.0/orgs/x/eventmanagement/speakers/{OTHER}/image",
            f"speakers/{OTHER}/image",
            id="absolute",
        ),
        pytest.param(f"https://{UPSTREAM}/speakers/{OTHER}/image?emApplicationtoken=t#x", f"speakers/{OTHER}/image", id="query"),
        pytest.param(f"Speakers/{OTHER.upper()}/Image", f"speakers/{OTHER.upper()}/image", id="letter case"),
        pytest.param("https://cdn.example.invalid/ann.png", f"speakers/{SPEAKER}/image", id="foreign host"),
        pytest.param(f"//{UPSTREAM}/x.png", f"speakers/{SPEAKER}/image", id="network path"),
        pytest.param("speakers/../../users/image", f"speakers/{SPEAKER}/image", id="dot segments"),
        pytest.param("speakers/1/image", f"speakers/{SPEAKER}/image", id="no GUID"),
        pytest.param("javascript:alert(1)", f"speakers/{SPEAKER}/image", id="script"),
        pytest.param("http://[", f"speakers/{SPEAKER}/image", id="malformed"),
        pytest.param("", None, id="empty"),
        pytest.param("  ", None, id="blank"),
        pytest.param(None, None, id="null"),
        pytest.param(5, None, id="number"),
        pytest.param({}, None, id="object"),
    ],
)
def test_the_image_of_a_speaker_is_relative_to_the_base(url: Any, relative: str | None) -> None:
    assert speaker(id=SPEAKER, imageUrl=url)["imageUrl"] == relative


def test_a_speaker_without_image_has_none() -> None:
    assert speaker(id=SPEAKER)["imageUrl"] is None


@pytest.mark.parametrize("identity", [None, "", "1", 5, f"{SPEAKER}/../x", []], ids=repr)
def test_a_foreign_image_of_a_speaker_without_id_is_left_out(identity: Any) -> None:
    assert speaker(id=identity, imageUrl="https://cdn.example.invalid/ann.png")["imageUrl"] is None


@pytest.mark.parametrize(
    ("image", "answered"),
    [
        pytest.param("https://cdn.example.invalid/a.png", "https://cdn.example.invalid/a.png", id="absolute"),
        pytest.param("https://cdn.example.invalid/a (1).png", "https://cdn.example.invalid/a%20%281%29.png", id="parentheses"),
        pytest.param("https://cdn.example.invalid/a\"'b.png", "https://cdn.example.invalid/a%22%27b.png", id="quotes"),
        pytest.param("  https://cdn.example.invalid/a.png\n", "https://cdn.example.invalid/a.png", id="blanks around"),
        pytest.param(
            "https://cdn.example.invalid/a.png?x=1&y=(2)#z", "https://cdn.example.invalid/a.png?x=1&y=%282%29#z", id="query"
        ),
        pytest.param("data:image/png;base64,iVBORw0KGgo=", "data:image/png;base64,iVBORw0KGgo=", id="data"),
        pytest.param("DATA:image/png;base64,iVBO\r\nRw0K", "DATA:image/png;base64,iVBO%0D%0ARw0K", id="data over lines"),
        pytest.param(
            "data:image/svg+xml,<svg fill='url(#a)' />", "data:image/svg+xml,<svg%20fill=%27url%28#a%29%27%20/>", id="data of SVG"
        ),
        pytest.param("/images/a.png", "/images/a.png", id="relative"),
        pytest.param(f"https://{UPSTREAM}/api/x.png", None, id="upstream host"),
        pytest.param(f"https://{UPSTREAM.upper()}:443/x.png", None, id="upstream host in capitals"),
        pytest.param(f"//{UPSTREAM}/x.png", None, id="upstream host without scheme"),
        pytest.param(f"https://cdn.example.invalid@{UPSTREAM}/x.png", None, id="upstream host behind a user"),
        pytest.param(f"https://{UPSTREAM}.cdn.invalid/x.png", f"https://{UPSTREAM}.cdn.invalid/x.png", id="another host"),
        pytest.param("http://[", None, id="malformed"),
        pytest.param("", None, id="empty"),
        pytest.param(" ", None, id="blank"),
        pytest.param(None, None, id="null"),
        pytest.param(5, 5, id="another type"),
    ],
)
def test_the_image_of_an_event(image: Any, answered: Any) -> None:
    assert event(image=image)["image"] == answered


# -- Properties --------------------------------------------------------------------------------------------------------


@given(OBJECTS)
def test_any_event_becomes_one_that_portals_can_read(raw: dict[str, Any]) -> None:
    repaired = repair_event(raw, REPAIRS, Counter())
    assert plain_json(repaired)
    assert set(repaired) == set(raw) | set(BLANKS["Event"])
    assert isinstance(repaired["customFields"], dict)
    assert (repaired["enableCaptcha"], repaired["allowAnonymousRegistrations"], repaired["registrationForm"]) == (
        False,
        True,
        None,
    )
    assert (repaired["startDate"] is None) is (repaired["endDate"] is None)
    assert not isinstance(repaired["image"], str) or not set(repaired["image"]) & set(" ()\r\n\t\"'")


@given(st.sampled_from(sorted(SHAPES)), OBJECTS)
def test_any_object_has_all_fields(shape: str, raw: dict[str, Any]) -> None:
    repaired = repair_item(raw, shape, REPAIRS)
    assert plain_json(repaired)
    assert set(repaired) == set(raw) | set(BLANKS[shape])
    if shape == "Speaker":
        assert repaired["imageUrl"] is None or repaired["imageUrl"].startswith("speakers/")
