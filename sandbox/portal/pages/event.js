// One event: what it is, who pays for it, and its tabs.

import { ask, eventPath, settle } from "../api.js";
import { config } from "../config.js";
import { period } from "../dates.js";
import { errorBox, make, name, pageTitle } from "../dom.js";
import { sanitised } from "../sanitise.js";
import { eventTabs } from "./event_tabs.js";

function place(event) {
  const parts = [event.room?.name, event.building?.name, event.building?.city, event.building?.country];
  return parts.filter(Boolean).join(", ");
}

// Customised portals read these fields without looking whether there are any: a missing `customFields` throws.
function customFields(event) {
  const rows = (config.customFields ?? []).map((field) => [field, event.customFields[field]]);
  const given = rows.filter(([, value]) => value !== null && value !== undefined);
  if (!given.length) return null;
  return make("dl", { class: "facts" }, given.flatMap(([field, value]) => [
    make("dt", {}, field.replace(/^[a-z]+_/, "").replaceAll("_", " ")),
    name("dd", String(value), `custom-field-${field}`),
  ]));
}

function head(event, id) {
  const box = make("section", { class: "hero", testid: "event-page" });
  box.append(pageTitle(event.eventName, "event-title"));
  const zone = event.timeZoneName ? make("span", { class: "faint", testid: "event-zone" }, ` ${event.timeZoneName}`) : null;
  box.append(make("p", { class: "dates", testid: "event-dates" }, period(event.startDate, event.endDate), zone));
  if (place(event)) box.append(name("p", place(event), "event-place", { class: "faint" }));
  const href = `#/event/registration?${new URLSearchParams({ id })}`;
  box.append(make("p", {}, make("a", { class: "button", href, testid: "register-link" }, "Register now")));
  if (event.description) {
    box.append(make("div", { class: "description", dir: "auto", testid: "event-description" }, sanitised(event.description)));
  }
  return box;
}

function sponsor(sponsorship) {
  const src = `${config.apiEndpoint}sponsorships/${sponsorship.id}/logo`;
  const hide = (failed) => failed.currentTarget.remove();
  return make("li", { class: "sponsor", testid: "sponsor" },
    make("img", { src, alt: "", testid: "sponsor-logo", error: hide }),
    make("div", {},
      name("strong", sponsorship.sponsorName, "sponsor-name"),
      sponsorship.sponsorshipTopic && name("span", sponsorship.sponsorshipTopic, "sponsor-topic", { class: "faint" }),
      sponsorship.description && name("p", sponsorship.description, "sponsor-description")));
}

function sponsorBlock({ answer }) {
  if (!answer?.length) return null;
  return make("section", { testid: "sponsor-block" }, make("h2", {}, "Sponsors"), make("ul", { class: "sponsors" }, answer.map(sponsor)));
}

export async function eventPage(box, query) {
  const id = query.get("id");
  const base = eventPath(id);
  const asked = Promise.all([
    ask(base, 3),
    ask(`${base}/sessions`, 2),
    settle(ask(`${base}/passes`, 2)),
    settle(ask(`${base}/tracks`)),
    settle(ask(`${base}/speakers`)),
    settle(ask(`${base}/sponsorships`)),
  ]);
  const { answer, failure } = await settle(asked);
  if (failure) return box.replaceChildren(errorBox(failure.message));
  const [event, sessions, passes, tracks, speakers, sponsorships] = answer;
  const top = head(event, id);
  box.replaceChildren(top);
  const fields = customFields(event);
  if (fields) top.append(fields);
  box.append(eventTabs(id, { sessions, passes, tracks, speakers }));
  const sponsors = sponsorBlock(sponsorships);
  if (sponsors) box.append(sponsors);
}
