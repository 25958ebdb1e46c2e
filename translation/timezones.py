"""The time-zone index of Dynamics as a place on the IANA map, and local times of events as UTC.

``timeZone`` of an event or a session (CONTRACT 1.2) is Dataverse's ``TimeZoneDefinition.TimeZoneCode``, an integer that each
stands for one Windows time zone. Sources of the table, facts only:

- The codes that Windows had first: Microsoft, "Microsoft Time Zone Index Values" (ms912391, Knowledge Base 973627).
- The codes that Dataverse added between them: the list of ``timezonecode`` and ``standardname`` of an organisation as
  daryllabar/XrmUnitTest carries it. It ends at 302; a code beyond it is unknown here.
- Windows name to IANA name: Unicode CLDR, ``windowsZones.xml``, territory 001, with today's spelling of each IANA zone.
  Names that CLDR lacks are marked in the table.

Pure apart from the zone data that ``zoneinfo`` loads once per zone (of the system, else of the ``tzdata`` package).
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

UTC_INDEX: Final = 92
"""The index of Coordinated Universal Time."""

# Dataverse stores no earlier date; .NET writes an unset one as year 1.
_FIRST_YEAR: Final = 1753

_TIMESTAMP: Final = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?",
    re.ASCII,
)
_INDEX: Final = re.compile(r"(\d{1,4})(?:\.0)?", re.ASCII)


class TimeZone(NamedTuple):
    """One row of the table: the Windows name (Dataverse's ``standardname``) and the IANA name."""

    windows: str
    iana: str


TIME_ZONES: Final[Mapping[int, TimeZone]] = {
    index: TimeZone(windows, iana)
    for index, windows, iana in (
        (0, "Dateline Standard Time", "Etc/GMT+12"),
        (1, "Samoa Standard Time", "Pacific/Apia"),
        (2, "Hawaiian Standard Time", "Pacific/Honolulu"),
        (3, "Alaskan Standard Time", "America/Anchorage"),
        (4, "Pacific Standard Time", "America/Los_Angeles"),
        (5, "Pacific Standard Time (Mexico)", "America/Tijuana"),
        (6, "UTC-11", "Etc/GMT+11"),
        (7, "Aleutian Standard Time", "America/Adak"),
        (8, "Marquesas Standard Time", "Pacific/Marquesas"),
        (9, "UTC-09", "Etc/GMT+9"),
        (10, "Mountain Standard Time", "America/Denver"),
        (11, "UTC-08", "Etc/GMT+8"),
        (12, "Mountain Standard Time (Mexico)", "America/Mazatlan"),
        (13, "Mexico Standard Time 2", "America/Mazatlan"),  # not in CLDR: the older name of 12
        (15, "US Mountain Standard Time", "America/Phoenix"),
        (20, "Central Standard Time", "America/Chicago"),
        (25, "Canada Central Standard Time", "America/Regina"),
        (29, "Central Standard Time (Mexico)", "America/Mexico_City"),
        (30, "Mexico Standard Time", "America/Mexico_City"),  # not in CLDR: the older name of 29
        (33, "Central America Standard Time", "America/Guatemala"),
        (34, "Easter Island Standard Time", "Pacific/Easter"),
        (35, "Eastern Standard Time", "America/New_York"),
        (40, "US Eastern Standard Time", "America/Indiana/Indianapolis"),
        (43, "Haiti Standard Time", "America/Port-au-Prince"),
        (44, "Cuba Standard Time", "America/Havana"),
        (45, "SA Pacific Standard Time", "America/Bogota"),
        (47, "Venezuela Standard Time", "America/Caracas"),
        (50, "Atlantic Standard Time", "America/Halifax"),
        (51, "Turks And Caicos Standard Time", "America/Grand_Turk"),
        (55, "SA Western Standard Time", "America/La_Paz"),
        (56, "Pacific SA Standard Time", "America/Santiago"),
        (58, "Central Brazilian Standard Time", "America/Cuiaba"),
        (59, "Paraguay Standard Time", "America/Asuncion"),
        (60, "Newfoundland Standard Time", "America/St_Johns"),
        (65, "E. South America Standard Time", "America/Sao_Paulo"),
        (69, "Argentina Standard Time", "America/Argentina/Buenos_Aires"),
        (70, "SA Eastern Standard Time", "America/Cayenne"),
        (71, "Bahia Standard Time", "America/Bahia"),
        (72, "Saint Pierre Standard Time", "America/Miquelon"),
        (73, "Greenland Standard Time", "America/Nuuk"),
        (74, "Montevideo Standard Time", "America/Montevideo"),
        (75, "Mid-Atlantic Standard Time", "Etc/GMT+2"),  # not in CLDR: retired, no place keeps it
        (76, "UTC-02", "Etc/GMT+2"),
        (77, "Tocantins Standard Time", "America/Araguaina"),
        (80, "Azores Standard Time", "Atlantic/Azores"),
        (83, "Cape Verde Standard Time", "Atlantic/Cape_Verde"),
        (84, "Morocco Standard Time", "Africa/Casablanca"),
        (85, "GMT Standard Time", "Europe/London"),
        (90, "Greenwich Standard Time", "Atlantic/Reykjavik"),
        (92, "UTC", "Etc/UTC"),
        (95, "Central Europe Standard Time", "Europe/Budapest"),
        (100, "Central European Standard Time", "Europe/Warsaw"),
        (105, "Romance Standard Time", "Europe/Paris"),
        (110, "W. Europe Standard Time", "Europe/Berlin"),
        (113, "W. Central Africa Standard Time", "Africa/Lagos"),
        (115, "E. Europe Standard Time", "Europe/Chisinau"),
        (120, "Egypt Standard Time", "Africa/Cairo"),
        (125, "FLE Standard Time", "Europe/Kyiv"),
        (129, "Jordan Standard Time", "Asia/Amman"),
        (130, "GTB Standard Time", "Europe/Bucharest"),
        (131, "Middle East Standard Time", "Asia/Beirut"),
        (133, "Syria Standard Time", "Asia/Damascus"),
        (134, "Turkey Standard Time", "Europe/Istanbul"),
        (135, "Israel Standard Time", "Asia/Jerusalem"),  # Dataverse says Jerusalem Standard Time
        (140, "South Africa Standard Time", "Africa/Johannesburg"),
        (141, "Namibia Standard Time", "Africa/Windhoek"),
        (142, "West Bank Standard Time", "Asia/Hebron"),  # Dataverse says West Bank Gaza Standard Time
        (145, "Russian Standard Time", "Europe/Moscow"),
        (150, "Arab Standard Time", "Asia/Riyadh"),
        (151, "Belarus Standard Time", "Europe/Minsk"),
        (155, "E. Africa Standard Time", "Africa/Nairobi"),
        (158, "Arabic Standard Time", "Asia/Baghdad"),
        (159, "Kaliningrad Standard Time", "Europe/Kaliningrad"),
        (160, "Iran Standard Time", "Asia/Tehran"),
        (165, "Arabian Standard Time", "Asia/Dubai"),
        (169, "Azerbaijan Standard Time", "Asia/Baku"),
        (170, "Caucasus Standard Time", "Asia/Yerevan"),
        (172, "Mauritius Standard Time", "Indian/Mauritius"),
        (173, "Georgian Standard Time", "Asia/Tbilisi"),
        (174, "Russia Time Zone 3", "Europe/Samara"),
        (175, "Afghanistan Standard Time", "Asia/Kabul"),
        (176, "Astrakhan Standard Time", "Europe/Astrakhan"),
        (180, "Ekaterinburg Standard Time", "Asia/Yekaterinburg"),
        (184, "Pakistan Standard Time", "Asia/Karachi"),
        (185, "West Asia Standard Time", "Asia/Tashkent"),
        (190, "India Standard Time", "Asia/Kolkata"),
        (193, "Nepal Standard Time", "Asia/Kathmandu"),
        (195, "Central Asia Standard Time", "Asia/Bishkek"),
        (196, "Bangladesh Standard Time", "Asia/Dhaka"),
        (197, "Omsk Standard Time", "Asia/Omsk"),
        (200, "Sri Lanka Standard Time", "Asia/Colombo"),
        (201, "N. Central Asia Standard Time", "Asia/Novosibirsk"),
        (203, "Myanmar Standard Time", "Asia/Yangon"),
        (205, "SE Asia Standard Time", "Asia/Bangkok"),
        (207, "North Asia Standard Time", "Asia/Krasnoyarsk"),
        (208, "Altai Standard Time", "Asia/Barnaul"),
        (209, "W. Mongolia Standard Time", "Asia/Hovd"),
        (210, "China Standard Time", "Asia/Shanghai"),
        (211, "Tomsk Standard Time", "Asia/Tomsk"),
        (215, "Singapore Standard Time", "Asia/Singapore"),
        (220, "Taipei Standard Time", "Asia/Taipei"),
        (225, "W. Australia Standard Time", "Australia/Perth"),
        (227, "North Asia East Standard Time", "Asia/Irkutsk"),
        (228, "Ulaanbaatar Standard Time", "Asia/Ulaanbaatar"),
        (229, "North Korea Standard Time", "Asia/Pyongyang"),
        (230, "Korea Standard Time", "Asia/Seoul"),
        (231, "Aus Central W. Standard Time", "Australia/Eucla"),
        (235, "Tokyo Standard Time", "Asia/Tokyo"),
        (240, "Yakutsk Standard Time", "Asia/Yakutsk"),
        (241, "Transbaikal Standard Time", "Asia/Chita"),
        (245, "AUS Central Standard Time", "Australia/Darwin"),
        (250, "Cen. Australia Standard Time", "Australia/Adelaide"),
        (251, "Adelaide (Commonwealth Games 2006)", "Australia/Adelaide"),  # not in CLDR: IANA's Adelaide knows 2006
        (255, "AUS Eastern Standard Time", "Australia/Sydney"),
        (256, "Canberra, Melbourne, Sydney (Commonwealth Games 2006)", "Australia/Sydney"),  # likewise
        (260, "E. Australia Standard Time", "Australia/Brisbane"),
        (265, "Tasmania Standard Time", "Australia/Hobart"),
        (266, "Hobart (Commonwealth Games 2006)", "Australia/Hobart"),  # likewise
        (270, "Vladivostok Standard Time", "Asia/Vladivostok"),
        (274, "Lord Howe Standard Time", "Australia/Lord_Howe"),
        (275, "West Pacific Standard Time", "Pacific/Port_Moresby"),
        (276, "Bougainville Standard Time", "Pacific/Bougainville"),
        (277, "Norfolk Standard Time", "Pacific/Norfolk"),
        (278, "Sakhalin Standard Time", "Asia/Sakhalin"),
        (279, "Russia Time Zone 10", "Asia/Srednekolymsk"),
        (280, "Central Pacific Standard Time", "Pacific/Guadalcanal"),
        (281, "Magadan Standard Time", "Asia/Magadan"),
        (284, "UTC+12", "Etc/GMT-12"),
        (285, "Fiji Standard Time", "Pacific/Fiji"),
        (290, "New Zealand Standard Time", "Pacific/Auckland"),
        (295, "Russia Time Zone 11", "Asia/Kamchatka"),
        (299, "Chatham Islands Standard Time", "Pacific/Chatham"),
        (300, "Tonga Standard Time", "Pacific/Tongatapu"),
        (301, "Eastern Standard Time (Mexico)", "America/Cancun"),
        (302, "Sudan Standard Time", "Africa/Khartoum"),
    )
}
"""Time-zone index to its names."""


def zone(index: object) -> ZoneInfo | None:
    """The IANA zone of a Dynamics time-zone index.

    Args:
        index: The ``timeZone`` field as it arrived: an integer, an integral float or a string of digits.

    Returns:
        The zone; None when there is no index, when it is none of these, or when the table does not know it.
    """
    if not isinstance(index, int | float | str):
        return None
    digits = _INDEX.fullmatch(str(index).strip())
    row = TIME_ZONES.get(int(digits[1])) if digits else None
    return ZoneInfo(row.iana) if row else None


def to_utc(local: str, index: object) -> datetime | None:
    """A time as the API writes it, in UTC.

    Args:
        local: ``2017-08-10T08:00:00``, with or without seconds, fractions, ``Z`` or an offset; a bare date is its midnight.
        index: The Dynamics time-zone index that ``local`` is read in; not looked at when ``local`` has an offset.

    Returns:
        An aware UTC time; None when ``local`` is no such text, lies before 1753 (an unset date in .NET), or has neither an
        offset nor a known index. A local time that occurs twice is the first of the two, and one that a clock change skips
        is read with the offset in force before the change (RFC 5545, section 3.3.5).
    """
    text = local.strip().upper()
    if not _TIMESTAMP.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.year < _FIRST_YEAR:
            return None
        if moment.tzinfo is None:
            place = zone(index)
            if place is None:
                return None
            moment = moment.replace(tzinfo=place)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
