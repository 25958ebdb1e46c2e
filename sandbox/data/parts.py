"""The parts of an event: sessions, tracks, speakers, sponsorships, passes and custom registration fields."""

from base64 import b64encode
from datetime import datetime, timedelta

from sandbox.data.ids import guid
from sandbox.data.images import badge
from sandbox.data.model import Event, Fields
from sandbox.data.people import SPONSORS, WORDS
from sandbox.data.plans import Plan
from sandbox.data.zones import ZONES, to_utc

TEXT, YES_NO, MULTIPLE_CHOICE, SINGLE_CHOICE = 100000000, 100000001, 100000002, 100000003

QUESTIONS = (
    ("jobtitle", "What is your job title?", TEXT, True, None),
    ("new_vegetarian", "Do you eat vegetarian food?", YES_NO, False, None),
    ("new_topics", "Which topics interest you?", MULTIPLE_CHOICE, False, "Events\nE-mail, SMS & push\nConsent"),
    ("new_shirtsize", "Which size of shirt?", SINGLE_CHOICE, True, "S\nM\nL\nXL"),
)


def add_parts(event: Event, backend: str) -> None:
    """Fill an event with the parts that its plan asks for.

    GUIDs differ between the organisations, because an event is created anew for real-time journeys (CONTRACT 2);
    speakers are rows of their own and keep theirs.
    """
    plan = event.plan
    event.passes = [_pass(event, backend, *price) for price in plan.prices]
    event.sessions = [_session(event, backend, number) for number in range(plan.sessions)]
    event.tracks = [_track(plan, backend, number) for number in range(plan.tracks)]
    event.speakers = [_speaker(event, number) for number in range(plan.speakers)]
    event.sponsorships = [_sponsorship(plan, backend, number) for number in range(plan.sponsors)]
    event.questions = [_question(plan, backend, *question) for question in QUESTIONS] if plan.questions else []
    event.session_registered = {item["id"]: number * 2 for number, item in enumerate(event.sessions)}
    for number, item in enumerate(event.sessions):
        item["speakers"] = [{"id": who["id"], "name": who["name"]} for who in event.speakers[number : number + 1]]
        if event.tracks:
            event.session_tracks[item["id"]] = [event.tracks[number % len(event.tracks)]["id"]]


def _session(event: Event, backend: str, number: int) -> Fields:
    plan, zone = event.plan, ZONES[event.plan.zone]
    names = WORDS[plan.language].sessions
    first = datetime.fromisoformat(event.fields["startDate"])
    start = (first + timedelta(minutes=45 * number)).isoformat()
    end = (first + timedelta(minutes=45 * number + 40)).isoformat()
    return {
        "id": guid(backend, "session", plan.readable_id, str(number)),
        "name": names[number % len(names)],
        "startTime": start,
        "startTimeUTC": to_utc(start, zone),
        "endTime": end,
        "endTimeUTC": to_utc(end, zone),
        "timeZone": zone.index,
        "building": event.fields["building"],
        "room": event.fields["room"],
        "speakers": [],
        "alreadyRegistered": False,
        "userEligibleToRegister": True,
        "camerasPermitted": True,
        "recordingsPermitted": None,
        "detailedDescription": WORDS[plan.language].about,
        "language": None,
        "sessionFormat": None,
        "sessionObjectives": None,
        "sessionPreRequisites": None,
        "sessionSummary": names[number % len(names)],
        "sessionType": 100000001,
        "maxCapacity": plan.session_capacity,
        "isCapacityRestricted": plan.session_capacity is not None,
        "registrationCount": number * 2,
    }


def _track(plan: Plan, backend: str, number: int) -> Fields:
    names = WORDS[plan.language].tracks
    return {
        "id": guid(backend, "track", plan.readable_id, str(number)),
        "name": names[number % len(names)],
        "description": None if number else WORDS[plan.language].about,
    }


def _speaker(event: Event, number: int) -> Fields:
    plan = event.plan
    people = WORDS[plan.language].people
    speaker_id = guid("speaker", plan.readable_id, str(number))
    return {
        "id": speaker_id,
        "name": people[number % len(people)],
        "title": "Professor of Invented Studies" if number == 0 else None,
        "about": WORDS[plan.language].about,
        "accomplishments": None,
        "blog": None,
        "email": f"speaker{number}@example.com",
        "linkedin": None,
        "publications": None,
        "twitter": None,
        "website": "https://speaker.invalid/" if number == 0 else None,
        "image": b64encode(badge(speaker_id, 8, 8)).decode() if number == 1 else None,
        "imageUrl": f"speakers/{speaker_id}/image",
        "sessions": [{"id": item["id"], "name": item["name"]} for item in event.sessions[number : number + 1]],
    }


def _sponsorship(plan: Plan, backend: str, number: int) -> Fields:
    return {
        "id": guid(backend, "sponsorship", plan.readable_id, str(number)),
        "sponsorId": guid("sponsor", SPONSORS[number]),
        "sponsorName": SPONSORS[number],
        "sponsorshipTopic": ("Gold", "Silver", None)[number],
        "description": "Makes things that do not exist." if number == 0 else None,
    }


def _pass(event: Event, backend: str, name: str, price: float, on_sale: int) -> Fields:
    return {
        "passId": guid(backend, "pass", event.plan.readable_id, name),
        "passName": name,
        "price": price,
        "currencySymbol": "€",
        "numberOfPassesLeft": on_sale,
        "numberOfPassesSold": 0,
        "sessions": [],
        "eventId": event.fields["eventId"],
        "customFields": None,
    }


def _question(plan: Plan, backend: str, logical_name: str, text: str, kind: int, required: bool, choices: str | None) -> Fields:
    # Real-time names a field by the contact's logical name, e.g. `jobtitle` (CONTRACT 2.2); the old API by a GUID.
    old_id = guid(backend, "question", plan.readable_id, logical_name)
    return {
        "customRegistrationFieldId": logical_name if backend == "realtime" else old_id,
        "text": text,
        "type": kind,
        "isRequired": required,
        "choices": choices,
    }
