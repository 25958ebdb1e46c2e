from sandbox.data.build import build_events


def test_parts_are_found_in_any_letter_case() -> None:
    event = build_events("realtime")["Contoso_Ltd_Conference"]
    assert event.session(event.sessions[0]["id"].upper()) == event.sessions[0]
    assert event.event_pass(event.passes[0]["passId"].upper()) == event.passes[0]
    assert event.session("no such") is None


def test_an_event_is_listed_when_live_and_published() -> None:
    events = build_events("realtime")
    assert events["Contoso_Open_Day"].listed
    assert not events["Draft_Festival"].listed
    assert not events["Quiet_Preview"].listed
