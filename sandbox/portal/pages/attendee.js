// The part of the registration form that stands once per attendee.

import { ask, settle } from "../api.js";
import { sessionPeriod } from "../dates.js";
import { make, name } from "../dom.js";
import { question } from "./questions.js";

function input(prefix, key, label, attributes = {}) {
  const id = `${prefix}-${key}`;
  const node = make("input", { id, name: id, type: "text", dir: "auto", required: true, testid: key, ...attributes });
  return { node: make("div", { class: "field" }, make("label", { for: id }, label, make("span", { class: "star", "aria-hidden": "true" }, " *")), node), read: () => node.value };
}

function passChoice(prefix, passes) {
  if (!passes.length) return { node: null, read: () => "" };
  const radios = passes.map((pass) => make("input", {
    type: "radio", name: `${prefix}-pass`, id: `${prefix}-${pass.passId}`, value: pass.passId, required: true,
    disabled: pass.numberOfPassesLeft === 0, testid: "pass-option",
  }));
  const rows = passes.map((pass, number) => make("div", { class: "tick" }, radios[number],
    make("label", { for: radios[number].id },
      name("span", pass.passName, "pass-name"),
      make("span", { class: "price", testid: "pass-price" }, ` ${pass.currencySymbol ?? ""}${pass.price ?? ""}`),
      radios[number].disabled && make("span", { class: "faint" }, " Sold out"))));
  const node = make("fieldset", { class: "field", testid: "pass-choice" }, make("legend", {}, "Pass"), rows);
  return { node, read: () => radios.find((radio) => radio.checked)?.value ?? "" };
}

export function sessionChoice(prefix, sessions) {
  if (!sessions.length) return { node: null, read: () => [] };
  const rows = sessions.map((session) => {
    const id = `${prefix}-${session.id}`;
    const places = make("span", { class: "faint", "aria-live": "polite", testid: "session-places" });
    const row = { session, full: false, box: null };
    // The session cart of the old portal: a picked session is counted.
    const pick = async () => {
      if (!row.box.checked || session.maxCapacity === null || session.maxCapacity === undefined) return;
      const { answer } = await settle(ask(`sessions/${encodeURIComponent(session.id)}/registrations/count`));
      if (answer === undefined) return;
      row.full = answer >= session.maxCapacity;
      places.textContent = row.full ? " Fully booked: waitlist" : ` ${session.maxCapacity - answer} places left`;
    };
    row.box = make("input", { type: "checkbox", id, testid: "session-option", change: pick });
    row.node = make("div", { class: "tick" }, row.box,
      make("label", { for: id }, name("span", session.name, "session-name"), make("span", { class: "faint" }, ` ${sessionPeriod(session)}`), places));
    return row;
  });
  const node = make("fieldset", { class: "field", testid: "session-choice" }, make("legend", {}, "Your sessions"), rows.map((row) => row.node));
  const read = () => rows.filter((row) => row.box.checked).map((row) => ({ sessionId: row.session.id, waitlisted: row.full }));
  return { node, read };
}

// {node, read()} for attendee `number` (from 1); `read` gives the attendee of a registration request.
export function attendeeForm(number, { user, passes, sessions, fields, waitlisted, askAutoRegister }) {
  const prefix = `attendee-${number}`;
  const first = input(prefix, "first-name", "First name", { autocomplete: number === 1 ? "given-name" : "off", value: user?.firstName });
  const last = input(prefix, "last-name", "Last name", { autocomplete: number === 1 ? "family-name" : "off", value: user?.lastName });
  const email = input(prefix, "email", "E-mail", { type: "email", dir: "ltr", autocomplete: number === 1 ? "email" : "off", value: user?.email });
  const pass = passChoice(prefix, passes);
  const agenda = sessionChoice(prefix, sessions);
  const questions = fields.map((field) => question(field, prefix));
  const auto = make("input", { type: "checkbox", id: `${prefix}-auto`, testid: "auto-register" });
  const autoRow = askAutoRegister
    && make("div", { class: "field tick" }, auto, make("label", { for: auto.id }, "Register me as soon as a place is free"));
  const node = make("fieldset", { class: "attendee", testid: "attendee" },
    make("legend", {}, `Attendee ${number}`),
    make("div", { class: "pair" }, first.node, last.node), email.node, pass.node, questions.map((item) => item.node), agenda.node, autoRow);
  const read = () => ({
    firstName: first.read(),
    lastName: last.read(),
    email: email.read(),
    passId: pass.read(),
    waitlisted,
    autoRegister: auto.checked,
    responses: questions.map((item) => item.response()),
    attendeeSessions: agenda.read(),
  });
  return { node, read };
}
