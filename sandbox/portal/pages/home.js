// The list of published events.

import { ask, settle } from "../api.js";
import { period } from "../dates.js";
import { errorBox, make, name, pageTitle } from "../dom.js";
import { showVisitor } from "../visitor.js";

function eventImage(event) {
  const image = make("div", { class: "card-image", testid: "event-image" });
  // Unquoted, as in the old portal: an address with parentheses or blanks is dropped by the browser.
  if (event.image) image.style.backgroundImage = `url(${event.image})`;
  return image;
}

function addCard(list, event) {
  const text = make("div", { class: "card-text" });
  const link = make("a", { href: `#/event?${new URLSearchParams({ id: event.readableEventId })}`, testid: "event-link" });
  const heading = make("h2", {}, link);
  link.append(name("span", event.eventName, "event-name"));
  text.append(heading);
  list.append(make("li", { class: "card", testid: "event-card", "data-event": event.readableEventId }, eventImage(event), text));
  // Without startDate or endDate this throws: the card stays half drawn, and no other follows it.
  text.append(make("p", { class: "dates", testid: "event-dates" }, period(event.startDate, event.endDate)));
  const place = [event.building?.city, event.building?.country].filter(Boolean).join(", ");
  if (place) text.append(name("p", place, "event-place", { class: "faint" }));
}

function searchField(events, list) {
  const search = () => {
    showVisitor();
    const wanted = input.value.trim().toLowerCase();
    list.replaceChildren();
    for (const event of events) if ((event.eventName ?? "").toLowerCase().includes(wanted)) addCard(list, event);
  };
  const input = make("input", { type: "search", id: "search", dir: "auto", testid: "event-search", input: search });
  return make("div", { class: "field search" }, make("label", { for: "search" }, "Search events"), input);
}

export async function homePage(box) {
  const { answer: events, failure } = await settle(ask("events/published"));
  if (failure) return box.replaceChildren(errorBox(failure.message));
  const list = make("ul", { class: "cards", testid: "event-list" });
  box.replaceChildren(pageTitle("Upcoming events"), searchField(events, list), list);
  if (!events.length) list.append(make("li", { class: "empty", testid: "no-events" }, "There are no events at the moment."));
  for (const event of events) addCard(list, event);
}
