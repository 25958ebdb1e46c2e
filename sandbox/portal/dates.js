// Times of the old API are local to the event and bear no offset: they are printed as they stand.

const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });

// An event without a date throws here, and with it whatever was rendering (the old portal's date pipe).
function day(local) {
  return DAY.format(new Date(`${local.slice(0, 10)}T00:00:00Z`));
}

function hour(local) {
  return local.slice(11, 16);
}

export function period(start, end) {
  return day(start) === day(end)
    ? `${day(start)}, ${hour(start)} – ${hour(end)}`
    : `${day(start)}, ${hour(start)} – ${day(end)}, ${hour(end)}`;
}

// Sessions may lack times; their row is blank then.
export function sessionPeriod(session) {
  return session.startTime && session.endTime ? period(session.startTime, session.endTime) : "";
}
