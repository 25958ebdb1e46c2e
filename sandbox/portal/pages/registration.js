// The registration page, with the old portal's ways of ending in nothing: a blank page and endless spinners.

import { ask, call, eventPath, settle } from "../api.js";
import { showCaptcha } from "../captcha.js";
import { errorBox, make, name, pageTitle } from "../dom.js";
import { followRegistration } from "../outcome.js";
import { currentUser, greeted, isSignedIn } from "../visitor.js";
import { attendeeForm } from "./attendee.js";
import { embeddedForm } from "./embedded_form.js";

function card(testid, title, text) {
  return make("section", { class: "panel", testid }, make("h2", {}, title), make("p", {}, text));
}

// How many places are left: null when the event has no limit or the count is not known.
function placesLeft(event, count) {
  if (!event.isCapacityRestricted || count.failure) return null;
  return event.maxCapacity - count.answer;
}

function closed(event) {
  // Both times are the event's local ones; the visitor's clock is near enough for a notice.
  return event.setRegistrationEndDate && event.stopRegistrationDate && new Date(event.stopRegistrationDate) < new Date();
}

function notice(event, left) {
  if (left === null) return null;
  if (left > 0) return make("p", { class: "faint", testid: "places-left" }, left === 1 ? "1 place left" : `${left} places left`);
  return make("p", { class: "warning", testid: "waitlist-notice" }, "This event is fully booked. You can join the waitlist.");
}

function registrationForm(base, event, parts) {
  const attendees = [];
  const people = make("div");
  const trouble = make("div", { testid: "registration-error" });
  const proofPlace = make("div");
  const submit = make("button", { type: "submit", class: "button", testid: "submit-registration" }, parts.waitlisted ? "Join the waitlist" : "Register");
  let proof = null;

  const add = () => {
    const form = attendeeForm(attendees.length + 1, { ...parts, user: attendees.length ? null : parts.user });
    attendees.push(form);
    people.append(form.node);
  };
  const remove = () => {
    if (attendees.length > 1) attendees.pop().node.remove();
  };
  const several = event.enableMultiAttendeeRegistration && make("p", { class: "actions" },
    make("button", { type: "button", class: "quiet", testid: "add-attendee", click: add }, "Add an attendee"),
    make("button", { type: "button", class: "quiet", testid: "remove-attendee", click: remove }, "Remove the last"));
  const show = (text) => trouble.replaceChildren(errorBox(text));

  const send = async (submitted) => {
    submitted.preventDefault();
    trouble.replaceChildren();
    submit.disabled = true;
    try {
      const body = { attendees: attendees.map((form) => form.read()) };
      if (proof) body.hipObject = await proof.hipObject();
      const { answer, failure } = await settle(call("POST", `${base}/registrations`, { body }));
      if (failure) return show(failure.message);
      const { readableEventId, eventName, enableCaptcha } = event;
      followRegistration(answer, { readableEventId: readableEventId.trim(), eventName, enableCaptcha, attendees: body.attendees }, show);
    } finally {
      submit.disabled = false;
    }
  };

  add();
  if (event.enableCaptcha) {
    settle(showCaptcha(base, proofPlace)).then(({ answer, failure }) => (failure ? show(failure.message) : (proof = answer)));
  }
  return make("form", { testid: "registration-form", submit: send }, people, several, proofPlace, trouble, submit);
}

export async function registrationPage(box, query) {
  const base = eventPath(query.get("id"));
  const needed = settle(Promise.all([ask(base, 2), ask(`${base}/passes`, 4)]));
  const others = Promise.all([
    settle(ask(`${base}/sessions`)),
    settle(ask(`${base}/registrations/count`, 2)),
    settle(ask(`${base}/custom-registration-fields`)),
  ]);
  const { answer, failure } = await needed;
  if (failure) return box.replaceChildren(); // a blank page
  const [event, passes] = answer;
  const title = pageTitle(`Register for ${event.eventName}`);
  if (!event.allowAnonymousRegistrations) {
    await greeted;
    if (!isSignedIn()) return box.replaceChildren(title, card("sign-in-card", "You need to sign in", "This event takes registrations of signed-in visitors only."));
  }
  const [sessions, count, fields] = await others;
  if (fields.answer === null) return; // spins for ever as well
  const left = placesLeft(event, count);
  const page = make("div", { testid: "registration-page" }, fields.failure && errorBox(fields.failure.message), title);
  box.replaceChildren(page);
  if (closed(event)) return page.append(card("closed-notice", "Registration is closed", "This event takes no more registrations."));
  const full = left !== null && left <= 0;
  if (full && !event.showWaitlist) return page.append(card("full-notice", "Fully booked", "There are no places left."));
  const parts = {
    user: isSignedIn() ? currentUser() : null,
    passes,
    sessions: event.allowCustomAgenda ? sessions.answer ?? [] : [],
    fields: fields.answer ?? [],
    waitlisted: full,
    askAutoRegister: full && event.showAutomaticRegistrationCheckbox,
  };
  if (event.registrationForm) return page.append(embeddedForm(event, parts)); // a form of new journeys alone spins for ever
  const about = notice(event, left);
  if (event.websiteMessage) page.append(name("p", event.websiteMessage, "website-message"));
  if (about) page.append(about);
  page.append(registrationForm(base, event, parts));
}
