// Sessions as rows, for the event page and for a track.

import { call, eventPath, settle } from "../api.js";
import { sessionPeriod } from "../dates.js";
import { errorBox, make, name } from "../dom.js";
import { isSignedIn } from "../visitor.js";

function registerButton(session, eventId) {
  if (!isSignedIn() || !session.userEligibleToRegister || session.alreadyRegistered) return null;
  const place = make("div", { class: "actions" });
  const press = async () => {
    const path = `${eventPath(eventId)}/sessions/${encodeURIComponent(session.id)}/registrations`;
    const { answer, failure } = await settle(call("POST", path));
    if (failure) place.append(errorBox(failure.message));
    else if (answer.status !== "Success") place.append(errorBox(answer.errorMessage ?? ""));
    else place.replaceChildren(make("span", { class: "good", testid: "session-registered" }, "Registered"));
  };
  place.append(make("button", { type: "button", class: "quiet", testid: "session-register", click: press }, "Register for this session"));
  return place;
}

function row(session, eventId) {
  const where = [session.room?.name, session.building?.name].filter(Boolean).join(", ");
  const who = (session.speakers ?? []).map((speaker) => name("span", speaker.name, "session-speaker"));
  return make("li", { class: "row", testid: "session" },
    name("h3", session.name, "session-name"),
    make("p", { class: "dates", testid: "session-dates" }, sessionPeriod(session)),
    where && name("p", where, "session-place", { class: "faint" }),
    who.length > 0 && make("p", { class: "names" }, who),
    session.detailedDescription && name("p", session.detailedDescription, "session-description"),
    registerButton(session, eventId));
}

export function sessionList(sessions, eventId) {
  if (!sessions.length) return make("p", { class: "empty", testid: "no-sessions" }, "There are no sessions.");
  return make("ul", { class: "rows", testid: "session-list" }, sessions.map((session) => row(session, eventId)));
}
