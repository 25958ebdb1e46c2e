"""What the events of this organisation are like where old portals are touchy, for ``evtmgmt-proxy check``.

Each function gives one ``Reading`` of the raw events; docs/check.md lists the names.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

from app.checkup.material import NOTHING, Material
from app.checkup.report import Reading, Verdict
from translation.calendar import CONTENT_FIELDS
from translation.form_embed import Bridge, bridge_form, host_pattern
from translation.grammar import is_event_id

Event = dict[str, Any]

_OLD_LOADER: Final = "MsCrmMkt"
"""What a form embed for the loader of old portals calls (PORTAL-FACTS)."""


def event_readings(material: Material) -> Iterator[Reading]:
    """All readings of this module."""
    yield custom_fields(material)
    yield event_dates(material)
    yield event_ids(material)
    yield registration_form(material)
    yield anonymous_registration(material)
    yield captcha(material)
    yield calendar_content(material)


def custom_fields(material: Material) -> Reading:
    """CONTRACT 2: ``customFields`` may be missing."""

    def lacking(event: Event) -> bool:
        return not isinstance(event.get("customFields"), dict)

    return _counted("custom_fields", material, lacking, "no customFields", "Filled with {}.")


def event_dates(material: Material) -> Reading:
    """PORTAL-FACTS: a list ends at the card of an event without startDate or endDate."""

    def lacking(event: Event) -> bool:
        return not (event.get("startDate") and event.get("endDate"))

    dates = ("startDate", "startDateUTC", "endDate", "endDateUTC")
    undated = sum(not any(event.get(name) for name in dates) for event in material.objects("list_events"))
    handling = "A missing date is taken from the other; events without any are left out of the list"
    return _counted("event_dates", material, lacking, "a date is missing", f"{handling}: {undated}.")


def event_ids(material: Material) -> Reading:
    """CONTRACT 1.1: every event has a readable id, which paths are made of; without it portals link to nowhere."""

    def unusable(event: Event) -> bool:
        identity = event.get("readableEventId")
        return not (isinstance(identity, str) and is_event_id(identity))

    listed = material.objects("list_events")
    odd = sum(map(unusable, listed))
    if not listed:
        return Reading("event_ids", None, NOTHING, "Portals make addresses of them.")
    if not odd:
        return Reading("event_ids", False, f"all {len(listed)} listed events have one", "Portals make addresses of them.")
    return Reading(
        "event_ids",
        True,
        f"no readableEventId that can stand in an address: {odd} of {len(listed)} listed",
        "Portals cannot open these events: give them a readable id of letters, digits, - and _ in Dynamics.",
        Verdict.BREAKS,
    )


def registration_form(material: Material) -> Reading:
    """CONTRACT 2.3: ``registrationForm`` may hold an embed for the new form loader, before which old portals spin for ever."""
    if material.answers.registration_form == "bridge":
        return _bridged_form(material)
    keep = material.answers.registration_form == "keep"

    def embed(event: Event) -> bool:
        form = event.get("registrationForm")
        return isinstance(form, str) and bool(form.strip()) and not (keep and _OLD_LOADER in form)

    if not keep:
        return _counted("registration_form", material, embed, "a form embed", "Answered as null: portals show their own form.")
    return _counted(
        "registration_form",
        material,
        embed,
        "a form embed without the old loader",
        "Handed on by setting. Old portals spin for ever before a new embed: set EVTMGMT_ANSWERS__REGISTRATION_FORM to null.",
        Verdict.BREAKS,
    )


def _bridged_form(material: Material) -> Reading:
    """CONTRACT 2.3 is a [guess]: what an embed looks like, and which hosts it names."""
    loaders, hosts = material.answers.form_loaders, material.answers.form_hosts
    bridge = Bridge("", tuple(map(host_pattern, loaders)), tuple(map(host_pattern, hosts)))

    def unknown(event: Event) -> bool:
        form = event.get("registrationForm")
        if form is None or (isinstance(form, str) and not form.strip()):
            return False
        return not isinstance(form, str) or bridge_form(form, None, bridge).html is None

    return _counted(
        "registration_form",
        material,
        unknown,
        "a form embed that the bridge does not understand",
        "Answered as null: portals show their own form. Look at the embed's hosts: EVTMGMT_ANSWERS__FORM_LOADERS and "
        "__FORM_HOSTS have to name them.",
        Verdict.NOTE,
    )


def anonymous_registration(material: Material) -> Reading:
    """PORTAL-FACTS: without ``allowAnonymousRegistrations`` a portal shows "You need to sign in" and no form."""

    def closed(event: Event) -> bool:
        return event.get("allowAnonymousRegistrations") is not True

    keep = material.answers.allow_anonymous_registrations == "keep"
    handling = 'Handed on by setting: visitors read "You need to sign in", and nobody can.' if keep else "Answered as true."
    verdict = Verdict.NOTE if keep else Verdict.OK
    return _counted("anonymous_registration", material, closed, "not allowed", handling, verdict)


def captcha(material: Material) -> Reading:
    """CONTRACT 2: captcha works only beside outbound marketing."""

    def asking(event: Event) -> bool:
        return event.get("enableCaptcha") is True

    return _counted("captcha", material, asking, "a captcha is wanted", "Answered as not wanted, so that portals do not ask.")


def calendar_content(material: Material) -> Reading:
    """CONTRACT 1.3: where an event carries its calendar content is not known."""
    events = material.objects("get_event") or material.objects("list_events")
    named = Counter(name for event in events for name in CONTENT_FIELDS if event.get(name))
    if not events:
        return Reading("calendar_content", None, NOTHING, "The text of calendar files.")
    if not named:
        handling = "Calendar files have the event's description instead."
        return Reading("calendar_content", False, f"none of the fields {', '.join(CONTENT_FIELDS)}", handling)
    return Reading("calendar_content", True, f"in {', '.join(named)}", "The text of calendar files.")


def _counted(
    name: str,
    material: Material,
    odd: Callable[[Event], bool],
    what: str,
    handling: str,
    verdict: Verdict = Verdict.OK,
) -> Reading:
    """How many of the listed events, and whether the one looked at, are odd; ``verdict`` holds when one is."""
    listed, looked_at = material.objects("list_events"), material.objects("get_event")
    if not listed and not looked_at:
        return Reading(name, None, NOTHING, handling)
    seen = any(map(odd, listed + looked_at))
    also = "; the one looked at: yes" if any(map(odd, looked_at)) else "; the one looked at: no" if looked_at else ""
    found = f"{what}: {sum(map(odd, listed))} of {len(listed)} listed{also}"
    return Reading(name, seen, found, handling, verdict if seen else Verdict.OK)
