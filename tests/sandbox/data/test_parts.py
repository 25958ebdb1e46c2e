from sandbox.data.build import build_events


def test_custom_registration_fields_are_of_all_four_types() -> None:
    for backend, event_id in (("realtime", "Annual_Forum_2031"), ("outbound", "Annual_Forum")):
        questions = build_events(backend)[event_id].questions
        assert [item["type"] for item in questions] == [100000000, 100000001, 100000002, 100000003]
        assert questions[3]["choices"].split("\n") == ["S", "M", "L", "XL"]


def test_real_time_names_fields_by_logical_name() -> None:
    questions = build_events("realtime")["Survey_Seminar"].questions
    assert questions[0]["customRegistrationFieldId"] == "jobtitle"
    assert len(build_events("outbound")["Survey_Seminar"].questions[0]["customRegistrationFieldId"]) == 36


def test_speaker_images_are_relative_in_the_data() -> None:
    for event in build_events("outbound").values():
        for speaker in event.speakers:
            assert speaker["imageUrl"] == f"speakers/{speaker['id']}/image"


def test_every_session_of_an_event_with_tracks_is_in_one() -> None:
    event = build_events("realtime")["Contoso_Ltd_Conference"]
    found = [session["id"] for track in event.tracks for session in event.sessions_of(track["id"])]
    assert sorted(found) == sorted(session["id"] for session in event.sessions)
