"""translation/shapes.py: the fields of CONTRACT 1.2."""

import pytest

from translation.shapes import BLANKS, SHAPES, Problem

# CONTRACT 1.2, word by word. A registration's `pass` is no name in Python and is not declared; unknown fields are kept.
CONTRACT = {
    "Event": """allowAnonymousRegistrations, allowCustomAgenda, autoregisterWaitlistItems, building, description,
        enableCaptcha, enableMultiAttendeeRegistration, endDate, endDateUTC, eventFormat, eventId, eventLanguage,
        eventName, eventType, image, isCapacityRestricted, maxCapacity, publicEventUrl, readableEventId,
        registrationForm, room, setRegistrationEndDate, showAutomaticRegistrationCheckbox, showWaitlist, startDate,
        startDateUTC, stopRegistrationDate, timeZone, timeZoneName, websiteMessage, customFields""",
    "Building": """id, name, accessibleToilets, additionalFacilities, addressComposite, addressLine1, addressLine2,
        addressLine3, city, country, description, disabledAccess, disabledParking, email, postalCode,
        publicTelephoneAvailable, stateProvince, telephone1, telephone2, telephone3, website, wifiAvailable,
        wifiPassword, wifiSSID""",
    "Room": "id, name, description, disabledAccess",
    "Pass": """passId, passName, price, currencySymbol, numberOfPassesLeft, numberOfPassesSold, sessions, eventId,
        customFields""",
    "Session": """id, name, startTime, startTimeUTC, endTime, endTimeUTC, timeZone, building, room, speakers,
        alreadyRegistered, userEligibleToRegister, camerasPermitted, recordingsPermitted, detailedDescription, language,
        sessionFormat, sessionObjectives, sessionPreRequisites, sessionSummary, sessionType, maxCapacity,
        isCapacityRestricted, registrationCount""",
    "SessionTrack": "id, name, description",
    "Speaker": """id, name, title, about, accomplishments, blog, email, linkedin, publications, twitter, website,
        image, imageUrl, sessions""",
    "Sponsorship": "id, sponsorId, sponsorName, sponsorshipTopic, description",
    "CustomRegistrationField": "customRegistrationFieldId, text, type, isRequired, choices",
    "Captcha": "FlowId, HipUrl, ObjectName, FunctionName",
    "RegistrationResult": "status, errorMessage, errorCode, redirectUrl, purchaseId",
    "User": "id, firstName, lastName, email, isAnonymous",
    "MyRegistration": "id, contact, email, event, createdon, sessionRegistrations",
    "WaitlistItem": "id, invited, autoRegister, contact, email, event, session",
}


def test_the_shapes_are_those_of_the_contract() -> None:
    assert set(SHAPES) == set(CONTRACT)


@pytest.mark.parametrize("name", sorted(CONTRACT))
def test_a_shape_has_the_fields_of_the_contract(name: str) -> None:
    expected = {field.strip() for field in CONTRACT[name].split(",")}
    assert set(SHAPES[name].model_fields) == expected
    assert BLANKS[name] == dict.fromkeys(expected)


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_a_shape_may_be_empty_and_keeps_what_it_does_not_know(name: str) -> None:
    blank = SHAPES[name]().model_dump()
    assert {value for key, value in blank.items() if key != "customFields"} == {None}
    assert blank.get("customFields", {}) == {}
    assert SHAPES[name].model_validate({"unknown": [1]}).model_dump()["unknown"] == [1]


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_a_shape_describes_itself_for_openapi(name: str) -> None:
    schema = SHAPES[name].model_json_schema()
    assert set(schema["properties"]) == set(BLANKS[name])
    assert schema["description"]


def test_the_problem_has_the_keys_of_the_design() -> None:
    assert list(Problem.model_fields) == [
        "Message",
        "errorMessage",
        "type",
        "errorCode",
        "statusCode",
        "correlationId",
        "title",
        "status",
        "detail",
        "instance",
    ]
