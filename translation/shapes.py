"""The shapes of the old API's answers, as portals read them (CONTRACT 1.2).

They describe the API in OpenAPI and say which fields an answer must have: blank fields are ``null``, never left out
(CONTRACT 1). Nothing is validated against them: unknown fields are kept, and a value of another type is handed on as it is.
"""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field


class Shape(BaseModel):
    """What all shapes have in common: unknown fields are kept."""

    model_config = ConfigDict(extra="allow")


class Room(Shape):
    """A room of a building."""

    id: str | None = None
    name: str | None = None
    description: str | None = None
    disabledAccess: bool | None = None


class Building(Shape):
    """The building of an event or session."""

    id: str | None = None
    name: str | None = None
    accessibleToilets: bool | None = None
    additionalFacilities: str | None = None
    addressComposite: str | None = None
    addressLine1: str | None = None
    addressLine2: str | None = None
    addressLine3: str | None = None
    city: str | None = None
    country: str | None = None
    description: str | None = None
    disabledAccess: bool | None = None
    disabledParking: bool | None = None
    email: str | None = None
    postalCode: str | None = None
    publicTelephoneAvailable: bool | None = None
    stateProvince: str | None = None
    telephone1: str | None = None
    telephone2: str | None = None
    telephone3: str | None = None
    website: str | None = None
    wifiAvailable: bool | None = None
    wifiPassword: str | None = None
    wifiSSID: str | None = None


class Event(Shape):
    """An event. Dates are local to the event without offset (``2017-08-10T08:00:00``), option sets are numbers."""

    allowAnonymousRegistrations: bool | None = None
    allowCustomAgenda: bool | None = None
    autoregisterWaitlistItems: bool | None = None
    building: Building | None = None
    description: str | None = None
    enableCaptcha: bool | None = None
    enableMultiAttendeeRegistration: bool | None = None
    endDate: str | None = None
    endDateUTC: str | None = None
    eventFormat: int | None = None
    eventId: str | None = None
    eventLanguage: int | None = None
    eventName: str | None = None
    eventType: int | None = None
    image: str | None = None
    isCapacityRestricted: bool | None = None
    maxCapacity: int | None = None
    publicEventUrl: str | None = None
    readableEventId: str | None = None
    registrationForm: str | None = None
    room: Room | None = None
    setRegistrationEndDate: bool | None = None
    showAutomaticRegistrationCheckbox: bool | None = None
    showWaitlist: bool | None = None
    startDate: str | None = None
    startDateUTC: str | None = None
    stopRegistrationDate: str | None = None
    timeZone: int | None = None
    timeZoneName: str | None = None
    websiteMessage: str | None = None
    customFields: dict[str, Any] = Field(default_factory=dict)


class Speaker(Shape):
    """A speaker. ``imageUrl`` is relative to the base, ``image`` is base64."""

    id: str | None = None
    name: str | None = None
    title: str | None = None
    about: str | None = None
    accomplishments: str | None = None
    blog: str | None = None
    email: str | None = None
    linkedin: str | None = None
    publications: str | None = None
    twitter: str | None = None
    website: str | None = None
    image: str | None = None
    imageUrl: str | None = None
    sessions: list[dict[str, Any]] | None = None


class Session(Shape):
    """A session of an event."""

    id: str | None = None
    name: str | None = None
    startTime: str | None = None
    startTimeUTC: str | None = None
    endTime: str | None = None
    endTimeUTC: str | None = None
    timeZone: int | None = None
    building: Building | None = None
    room: Room | None = None
    speakers: list[Speaker] | None = None
    alreadyRegistered: bool | None = None
    userEligibleToRegister: bool | None = None
    camerasPermitted: bool | None = None
    recordingsPermitted: bool | None = None
    detailedDescription: str | None = None
    language: int | None = None
    sessionFormat: int | None = None
    sessionObjectives: str | None = None
    sessionPreRequisites: str | None = None
    sessionSummary: str | None = None
    sessionType: int | None = None
    maxCapacity: int | None = None
    isCapacityRestricted: bool | None = None
    registrationCount: int | None = None


class Pass(Shape):
    """A pass of a paid event."""

    passId: str | None = None
    passName: str | None = None
    price: float | None = None
    currencySymbol: str | None = None
    numberOfPassesLeft: int | None = None
    numberOfPassesSold: int | None = None
    sessions: list[Session] | None = None
    eventId: str | None = None
    customFields: dict[str, Any] = Field(default_factory=dict)


class SessionTrack(Shape):
    """A track: sessions that belong together."""

    id: str | None = None
    name: str | None = None
    description: str | None = None


class Sponsorship(Shape):
    """A sponsorship. Its logo is at ``sponsorships/{id}/logo``."""

    id: str | None = None
    sponsorId: str | None = None
    sponsorName: str | None = None
    sponsorshipTopic: str | None = None
    description: str | None = None


class CustomRegistrationField(Shape):
    """A question asked at registration.

    ``type`` is 100000000 text, 100000001 yes/no, 100000002 multiple choice, 100000003 single choice; ``choices`` are parted
    by line feeds.
    """

    customRegistrationFieldId: str | None = None
    text: str | None = None
    type: int | None = None
    isRequired: bool | None = None
    choices: str | None = None


class Captcha(Shape):
    """A captcha challenge of the old API."""

    FlowId: str | None = None
    HipUrl: str | None = None
    ObjectName: str | None = None
    FunctionName: str | None = None


class RegistrationResult(Shape):
    """The outcome of a registration: ``status`` is ``Success``, ``Initiated`` or ``Redirect``; else it failed."""

    status: str | None = None
    errorMessage: str | None = None
    errorCode: int | str | None = None
    redirectUrl: str | None = None
    purchaseId: str | None = None


class User(Shape):
    """The signed-in user of the old API."""

    id: str | None = None
    firstName: str | None = None
    lastName: str | None = None
    email: str | None = None
    isAnonymous: bool | None = None


class MyRegistration(Shape):
    """A registration of the signed-in user."""

    id: str | None = None
    contact: dict[str, Any] | None = None
    email: str | None = None
    event: Event | None = None
    createdon: str | None = None
    sessionRegistrations: list[dict[str, Any]] | None = None


class WaitlistItem(Shape):
    """A place of the signed-in user on a waitlist."""

    id: str | None = None
    invited: bool | None = None
    autoRegister: bool | None = None
    contact: dict[str, Any] | None = None
    email: str | None = None
    event: Event | None = None
    session: Session | None = None


class Problem(BaseModel):
    """The body of every error, for old portals (CONTRACT 1.2) and RFC 9457 at once."""

    Message: str = Field(description="What the visitor reads.")
    errorMessage: str
    type: str = Field(description="One of the five old values.")
    errorCode: str = Field(description="A code of docs/errors.md.")
    statusCode: int
    correlationId: str = Field(description="The request id, also in X-Request-ID.")
    title: str
    status: int
    detail: str
    instance: str


SHAPES: Final[dict[str, type[Shape]]] = {
    shape.__name__: shape
    for shape in (
        Event, Pass, Session, SessionTrack, Speaker, Sponsorship, CustomRegistrationField, Captcha, RegistrationResult, User,
        MyRegistration, WaitlistItem, Building, Room,
    )
}  # fmt: skip
"""The shapes by the name that the table of operations uses."""

BLANKS: Final[dict[str, dict[str, None]]] = {name: dict.fromkeys(shape.model_fields) for name, shape in SHAPES.items()}
"""Per shape its fields, all blank: what an answer is laid over."""
