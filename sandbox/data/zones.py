"""Time zones as Dynamics numbers them (column `timeZone` of an event), with their names."""

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Zone:
    """One time zone: the Dynamics index, the name Dynamics shows, and the IANA name."""

    index: int
    title: str
    iana: str


ZONES = {
    "London": Zone(85, "(GMT+00:00) Dublin, Edinburgh, Lisbon, London", "Europe/London"),
    "Berlin": Zone(110, "(GMT+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna", "Europe/Berlin"),
    "New York": Zone(35, "(GMT-05:00) Eastern Time (US & Canada)", "America/New_York"),
    "Riyadh": Zone(150, "(GMT+03:00) Kuwait, Riyadh", "Asia/Riyadh"),
    "Tokyo": Zone(235, "(GMT+09:00) Osaka, Sapporo, Tokyo", "Asia/Tokyo"),
}


def to_utc(local: str, zone: Zone) -> str:
    """Turn a local time without offset into the same moment in UTC, `YYYY-MM-DDTHH:MM:SSZ`."""
    moment = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone.iana))
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
