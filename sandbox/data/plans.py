"""The table of events: one plan per event, and in it only what is particular to it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

PARTNER_WEBAPP = "5f1c2b7e-0000-4000-8000-000000000001"
NORTH_UNIT = "5f1c2b7e-0000-4000-8000-0000000000a1"
SOUTH_UNIT = "5f1c2b7e-0000-4000-8000-0000000000a2"


class Relation(StrEnum):
    """Where a real-time answer says which sessions belong to which track; CONTRACT leaves it open."""

    TRACK_SESSIONS = "track.sessions"
    SESSION_TRACKS = "session.tracks"
    SESSION_SESSION_TRACKS = "session.sessionTracks"
    SESSION_TRACK_IDS = "session.trackIds"
    SESSION_TRACK_ID = "session.trackId"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is particular to one event.

    Attributes:
        readable_id: Readable event id in the real-time organisation, and in the outbound one unless `old_id` differs.
        start: Local start, `YYYY-MM-DDTHH:MM:SS`; None for an event without dates.
        hours: Length; None leaves `endDate` null.
        zone: A key of `zones.ZONES`.
        prices: One pass per price, in the order (name, price, passes on sale).
        payment: How the outbound organisation takes money: `redirect` or `initiated`.
        registered: People registered before the sandbox starts.
        fields: Event fields (CONTRACT 1.2) that replace the usual ones.
        tidy: The real-time answer holds every null field; otherwise it leaves nulls out.
    """

    readable_id: str
    name: str
    start: str | None = "2031-03-04T09:00:00"
    hours: int | None = 8
    zone: str = "London"
    old_id: str | None = None
    in_realtime: bool = True
    in_outbound: bool = True
    live: bool = True
    published: bool = True
    webapp_id: str | None = None
    business_unit_id: str = NORTH_UNIT
    sessions: int = 3
    tracks: int = 0
    relation: Relation = Relation.NOTHING
    speakers: int = 0
    sponsors: int = 0
    prices: tuple[tuple[str, float, int], ...] = ()
    payment: str | None = None
    questions: bool = False
    capacity: int | None = None
    session_capacity: int | None = None
    registered: int = 12
    custom_fields: bool = True
    form_embed: bool = False
    tidy: bool = False
    language: str = "en"
    fields: tuple[tuple[str, Any], ...] = ()


_MARCH_PASSES = (("Full conference", 299.0, 200), ("Single day", 120.0, 80), ("Early bird", 199.0, 0))

PLANS: tuple[Plan, ...] = (
    Plan(
        "Contoso_Open_Day",
        "Contoso Open Day",
        sessions=4,
        tracks=2,
        relation=Relation.TRACK_SESSIONS,
        speakers=3,
        sponsors=2,
        tidy=True,
    ),
    Plan(
        "Contoso_Ltd_Conference",
        "Contoso Ltd Conference",
        start="2031-04-08T08:00:00",
        hours=34,
        zone="New York",
        sessions=6,
        tracks=3,
        relation=Relation.SESSION_SESSION_TRACKS,
        speakers=4,
        sponsors=3,
        prices=_MARCH_PASSES,
        payment="redirect",
    ),
    Plan(
        "Payment_Masterclass",
        "Payment Masterclass",
        start="2031-05-06T10:00:00",
        hours=6,
        prices=(("Seat", 75.5, 30),),
        payment="initiated",
        custom_fields=False,
    ),
    Plan(
        "Winter_Gala",
        "Winter Gala",
        start="2031-12-12T19:00:00",
        hours=5,
        capacity=40,
        registered=40,
        speakers=1,
        fields=(
            ("showWaitlist", True),
            ("autoregisterWaitlistItems", True),
            ("showAutomaticRegistrationCheckbox", True),
        ),
    ),
    Plan(
        "Pottery_Workshop",
        "Pottery Workshop",
        start="2031-06-03T14:00:00",
        hours=3,
        capacity=8,
        registered=8,
        custom_fields=False,
        sessions=1,
    ),
    Plan(
        "Agenda_Summit",
        "Build Your Agenda Summit",
        start="2031-09-16T09:00:00",
        zone="Berlin",
        sessions=6,
        tracks=2,
        relation=Relation.SESSION_TRACK_IDS,
        speakers=2,
        session_capacity=25,
        fields=(("allowCustomAgenda", True),),
    ),
    Plan(
        "Annual_Forum_2031",
        "Annual Forum",
        old_id="Annual_Forum",
        start="2031-10-01T09:00:00",
        sessions=4,
        tracks=2,
        relation=Relation.SESSION_TRACKS,
        speakers=2,
        sponsors=1,
        questions=True,
    ),
    Plan(
        "Form_Webinar",
        "Webinar With a Form",
        start="2031-02-11T16:00:00",
        hours=1,
        sessions=1,
        form_embed=True,
        custom_fields=False,
    ),
    Plan("Evening_Meetup", "Evening Meetup", start="2031-03-20T18:30:00", hours=None, sessions=1),
    Plan("Date_To_Follow", "A Date Will Follow", start=None, hours=None, sessions=0, custom_fields=False),
    Plan(
        "東京_技術会議",
        "東京テクノロジー会議",
        start="2031-11-05T10:00:00",
        zone="Tokyo",
        language="ja",
        sessions=3,
        tracks=1,
        relation=Relation.SESSION_TRACK_ID,
        speakers=2,
    ),
    Plan("مؤتمر_الرياض", "مؤتمر الرياض للتقنية", start="2031-01-21T09:00:00", zone="Riyadh", language="ar", speakers=2),
    Plan(
        "Münchner Herbstgespräche",
        "Münchner Herbstgespräche & Straßenfest",
        start="2031-10-22T17:00:00",
        hours=4,
        zone="Berlin",
        language="de",
        speakers=2,
        sponsors=1,
        tidy=True,
    ),
    Plan(
        "Family_Day",
        "Family Day",
        start="2031-07-12T10:00:00",
        capacity=500,
        fields=(("enableMultiAttendeeRegistration", True),),
    ),
    Plan("Survey_Seminar", "Seminar With Questions", start="2031-08-19T13:00:00", hours=4, questions=True, speakers=1),
    Plan("Guarded_Expo", "Guarded Expo", start="2031-06-24T09:00:00", fields=(("enableCaptcha", True),)),
    Plan(
        "Legacy_Roadshow",
        "Legacy Roadshow",
        start="2031-03-27T09:00:00",
        in_realtime=False,
        speakers=1,
        sponsors=1,
        tracks=1,
    ),
    Plan(
        "Journey_Launch",
        "Journey Launch",
        start="2031-04-24T15:00:00",
        hours=2,
        in_outbound=False,
        speakers=1,
        business_unit_id=SOUTH_UNIT,
    ),
    Plan("Quiet_Preview", "Quiet Preview", published=False),
    Plan("Draft_Festival", "Festival in Draft", live=False),
    Plan("Partner_Briefing", "Partner Briefing", start="2031-05-20T09:00:00", hours=2, webapp_id=PARTNER_WEBAPP),
    Plan(
        "Closed_Symposium",
        "Closed Symposium",
        fields=(("setRegistrationEndDate", True), ("stopRegistrationDate", "2026-01-15T00:00:00")),
    ),
    Plan("Loose_Tracks_Day", "Day of Loose Tracks", start="2031-09-02T09:00:00", tracks=2, sessions=4),
    Plan(
        "Members_Evening",
        "Members' Evening",
        start="2031-11-18T18:00:00",
        hours=3,
        fields=(("allowAnonymousRegistrations", False),),
    ),
)


def bulk_plans(count: int) -> tuple[Plan, ...]:
    """Return `count` plain events for tests of long lists: `Bulk_Event_0001` and so on."""
    return tuple(
        Plan(
            f"Bulk_Event_{number:04}",
            f"Bulk Event {number}",
            start=f"2032-{number % 12 + 1:02}-{number % 28 + 1:02}T09:00:00",
            sessions=1,
        )
        for number in range(1, count + 1)
    )
