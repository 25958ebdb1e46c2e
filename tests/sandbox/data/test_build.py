from sandbox.data.build import aliases, build_events
from sandbox.data.plans import bulk_plans

CONTRACT_EVENT = """allowAnonymousRegistrations allowCustomAgenda autoregisterWaitlistItems building description
enableCaptcha enableMultiAttendeeRegistration endDate endDateUTC eventFormat eventId eventLanguage eventName eventType
image isCapacityRestricted maxCapacity publicEventUrl readableEventId registrationForm room setRegistrationEndDate
showAutomaticRegistrationCheckbox showWaitlist startDate startDateUTC stopRegistrationDate timeZone timeZoneName
websiteMessage customFields""".split()  # noqa: SIM905 - as CONTRACT 1.2 lists them

CONTRACT_BUILDING = """id name accessibleToilets additionalFacilities addressComposite addressLine1 addressLine2
addressLine3 city country description disabledAccess disabledParking email postalCode publicTelephoneAvailable
stateProvince telephone1 telephone2 telephone3 website wifiAvailable wifiPassword wifiSSID""".split()  # noqa: SIM905


def test_every_event_has_every_contract_field() -> None:
    for backend in ("realtime", "outbound"):
        for event in build_events(backend).values():
            assert sorted(event.fields) == sorted(CONTRACT_EVENT), event.readable_id
            if event.fields["building"]:
                assert sorted(event.fields["building"]) == sorted(CONTRACT_BUILDING)


def test_data_are_the_same_on_every_run() -> None:
    assert build_events("realtime") == build_events("realtime")
    assert build_events("realtime")["Contoso_Open_Day"].fields["eventId"] == "be8db90c-77c2-5e1f-bd12-2286b0606624"


def test_a_recreated_event_has_another_readable_id_and_all_parts_have_other_guids() -> None:
    old, new = build_events("outbound"), build_events("realtime")
    found = aliases(old.values(), new.values())
    assert found["events"] == {"Annual_Forum": "Annual_Forum_2031"}
    for kind in ("sessions", "tracks", "passes", "sponsorships", "fields"):
        assert found[kind]
        assert not set(found[kind]) & set(found[kind].values())
    assert old["Annual_Forum"].speakers[0]["id"] == new["Annual_Forum_2031"].speakers[0]["id"]


def test_dates_may_be_missing() -> None:
    events = build_events("realtime")
    assert events["Evening_Meetup"].fields["startDate"] == "2031-03-20T18:30:00"
    assert events["Evening_Meetup"].fields["endDate"] is None
    assert events["Date_To_Follow"].fields["startDate"] is None


def test_bulk_events() -> None:
    events = build_events("realtime", bulk_plans(500))
    assert len(events) == 500
    assert "Bulk_Event_0500" in events
