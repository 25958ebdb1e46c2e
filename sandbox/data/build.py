"""Builds events from their plans, for one organisation."""

from base64 import b64encode
from collections.abc import Iterable
from datetime import datetime, timedelta

from sandbox.data.ids import guid
from sandbox.data.images import badge
from sandbox.data.model import Event, Fields
from sandbox.data.parts import add_parts
from sandbox.data.people import WORDS
from sandbox.data.plans import PLANS, Plan
from sandbox.data.zones import ZONES, to_utc

CALENDAR_CONTENT = "Dear {{firstname}}, your registration {{registrationId}}. Check in: {{msevtmgt_checkin_url}}"


def build_events(backend: str, plans: Iterable[Plan] = PLANS) -> dict[str, Event]:
    """Return the events of one organisation (`realtime` or `outbound`) by readable event id, in the plans' order."""
    chosen = [plan for plan in plans if (plan.in_realtime if backend == "realtime" else plan.in_outbound)]
    events = [_event(plan, backend) for plan in chosen]
    return {event.readable_id: event for event in events}


def aliases(old: Iterable[Event], new: Iterable[Event]) -> dict[str, dict[str, str]]:
    """Return what a migrated event and its parts are called now, old id to new id, by kind of id.

    The kinds are `events` (readable ids that changed), `sessions`, `tracks`, `passes`, `sponsorships` and `fields`
    (custom registration fields).
    """
    new_by_plan = {event.plan.readable_id: event for event in new}
    found: dict[str, dict[str, str]] = {kind: {} for kind in ("events", "sessions", "tracks", "passes", "sponsorships", "fields")}
    for before in old:
        after = new_by_plan.get(before.plan.readable_id)
        if after is None:
            continue
        if before.readable_id != after.readable_id:
            found["events"][before.readable_id] = after.readable_id
        for kind, key, ours, theirs in (
            ("sessions", "id", before.sessions, after.sessions),
            ("tracks", "id", before.tracks, after.tracks),
            ("passes", "passId", before.passes, after.passes),
            ("sponsorships", "id", before.sponsorships, after.sponsorships),
            ("fields", "customRegistrationFieldId", before.questions, after.questions),
        ):
            found[kind].update({a[key]: b[key] for a, b in zip(ours, theirs, strict=True)})
    return found


def _event(plan: Plan, backend: str) -> Event:
    readable_id = plan.old_id if plan.old_id and backend == "outbound" else plan.readable_id
    event = Event(plan, readable_id, _fields(plan, readable_id, backend), registered=plan.registered)
    add_parts(event, backend)
    return event


def _fields(plan: Plan, readable_id: str, backend: str) -> Fields:
    zone = ZONES[plan.zone]
    end = (datetime.fromisoformat(plan.start) + timedelta(hours=plan.hours)).isoformat() if plan.start and plan.hours else None
    building = None if plan.start is None else _building(plan)
    image = badge(readable_id, 16, 16) if plan.speakers else None
    return {
        "allowAnonymousRegistrations": True,
        "allowCustomAgenda": False,
        "autoregisterWaitlistItems": False,
        "building": building,
        "description": WORDS[plan.language].about,
        "enableCaptcha": False,
        "enableMultiAttendeeRegistration": False,
        "endDate": end,
        "endDateUTC": to_utc(end, zone) if end else None,
        "eventFormat": 100000001,
        "eventId": guid(backend, "event", plan.readable_id),
        "eventLanguage": None,
        "eventName": plan.name,
        "eventType": 100000003,
        "image": f"data:image/png;base64,{b64encode(image).decode()}" if image else None,
        "isCapacityRestricted": plan.capacity is not None,
        "maxCapacity": plan.capacity,
        "publicEventUrl": None,
        "readableEventId": readable_id,
        "registrationForm": None,  # sandbox/forms.py writes the embed, whose addresses depend on the port
        "room": None
        if building is None
        else {"id": guid("room", plan.zone), "name": "Hall 1", "description": None, "disabledAccess": True},
        "setRegistrationEndDate": False,
        "showAutomaticRegistrationCheckbox": False,
        "showWaitlist": False,
        "startDate": plan.start,
        "startDateUTC": to_utc(plan.start, zone) if plan.start else None,
        "stopRegistrationDate": None,
        "timeZone": zone.index,
        "timeZoneName": zone.title,
        "websiteMessage": None,
        "customFields": {"new_theme": plan.zone, "new_hashtag": None} if plan.custom_fields else None,
        **dict(plan.fields),
    }


def _building(plan: Plan) -> Fields:
    blank = (
        "additionalFacilities",
        "addressLine2",
        "addressLine3",
        "description",
        "email",
        "stateProvince",
        "telephone2",
        "telephone3",
        "website",
        "wifiPassword",
        "wifiSSID",
    )
    return {
        "id": guid("building", plan.zone),
        "name": f"{plan.zone} Invented Hall",
        "accessibleToilets": True,
        "addressComposite": f"1 Sample Square\n{plan.zone}",
        "addressLine1": "1 Sample Square",
        "city": plan.zone,
        "country": None,
        "disabledAccess": True,
        "disabledParking": False,
        "postalCode": "00000",
        "publicTelephoneAvailable": False,
        "telephone1": "+1 555 0100",
        "wifiAvailable": True,
        **dict.fromkeys(blank),
    }
