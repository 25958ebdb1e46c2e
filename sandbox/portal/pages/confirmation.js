// The end of a registration, with a link to the personal calendar file as it stands in e-mails.

import { config } from "../config.js";
import { make, name, pageTitle } from "../dom.js";
import { keptOutcome } from "../outcome.js";

// One item per chosen session, or one for the event. The link carries no token.
export function calendarLink(readableEventId, attendee) {
  const data = attendee?.firstName ? { data: { firstname: attendee.firstName } } : {};
  const sessions = attendee?.attendeeSessions ?? [];
  const items = sessions.length
    ? sessions.map(({ sessionId }) => ({ readableEventId, sessionId, ...data }))
    : [{ readableEventId, ...data }];
  return `${config.apiEndpoint}calendar/personal/ics?api-version=2016-06-30&data=${encodeURIComponent(JSON.stringify(items))}`;
}

export async function confirmationPage(box, query) {
  const id = query.get("id");
  const kept = keptOutcome();
  const outcome = kept?.readableEventId === id ? kept : { readableEventId: id, eventName: id, attendees: [] };
  const waiting = outcome.attendees.some((attendee) => attendee.waitlisted);
  box.replaceChildren(make("section", { class: "panel", testid: "confirmation-page" },
    pageTitle(waiting ? "You are on the waitlist" : "Thank you for registering", "confirmation-title"),
    make("p", {}, waiting ? "We will write to you when a place is free at " : "We look forward to seeing you at ", name("strong", outcome.eventName, "confirmation-event"), "."),
    make("ul", {}, outcome.attendees.filter((attendee) => attendee.firstName).map((attendee) =>
      make("li", {}, name("span", `${attendee.firstName} ${attendee.lastName}`, "confirmation-attendee")))),
    make("p", { class: "actions" },
      make("a", { class: "button", href: calendarLink(id, outcome.attendees[0]), testid: "calendar-link" }, "Add to calendar"),
      make("a", { href: "#/" }, "All events"))));
}
