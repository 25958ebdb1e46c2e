// What a signed-in visitor has registered for. The page always asks, so that a refusal is on the screen.

import { call, identity, settle } from "../api.js";
import { config } from "../config.js";
import { errorBox, make, name, pageTitle } from "../dom.js";

function signedCall(method, path) {
  return settle(call(method, `users/authenticated/${path}`, { token: identity.token ?? config.idToken }));
}

function registrationRow(item, trouble, reload) {
  const cancel = async () => {
    const { failure } = await signedCall("POST", `registrations/${encodeURIComponent(item.id)}/cancel`);
    if (failure) trouble.replaceChildren(errorBox(failure.message));
    else await reload();
  };
  return make("li", { class: "row", testid: "my-registration" },
    name("h3", item.event?.eventName, "my-registration-event"),
    item.pass && name("p", item.pass.passName, "my-registration-pass"),
    make("p", { class: "actions" }, make("button", { type: "button", class: "quiet", testid: "cancel-registration", click: cancel }, "Cancel registration")));
}

function waitlistRow(item) {
  return make("li", { class: "row", testid: "waitlist-item" },
    name("h3", item.event?.eventName, "waitlist-event"),
    item.session && name("p", item.session.name, "waitlist-session"));
}

function section(title, testid, { answer, failure }, row) {
  const content = failure ? errorBox(failure.message) : answer.length ? make("ul", { class: "rows" }, answer.map(row)) : make("p", { class: "empty" }, "None.");
  return make("section", { testid }, make("h2", {}, title), content);
}

export async function myRegistrationsPage(box) {
  const [registrations, waitlist] = await Promise.all([signedCall("GET", "registrations"), signedCall("GET", "waitlist-items")]);
  const trouble = make("div", { testid: "cancel-error" });
  const reload = () => myRegistrationsPage(box);
  box.replaceChildren(make("div", { testid: "my-registrations-page" }, pageTitle("My registrations"), trouble,
    section("Registrations", "registrations-section", registrations, (item) => registrationRow(item, trouble, reload)),
    section("Waitlist", "waitlist-section", waitlist, waitlistRow)));
}
