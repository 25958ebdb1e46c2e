// Hash routes. A change of the hash is no page load: users/authenticated is asked for by main.js only.

import { spinner } from "./dom.js";
import { confirmationPage } from "./pages/confirmation.js";
import { eventPage } from "./pages/event.js";
import { homePage } from "./pages/home.js";
import { myRegistrationsPage } from "./pages/my_registrations.js";
import { paymentPage } from "./pages/payment.js";
import { registrationPage } from "./pages/registration.js";
import { sessionTrackPage } from "./pages/session_track.js";

const ROUTES = {
  "/": homePage,
  "/event": eventPage,
  "/event/sessiontrack": sessionTrackPage,
  "/event/registration": registrationPage,
  "/event/payment": paymentPage,
  "/event/confirmation": confirmationPage,
  "/my-registrations": myRegistrationsPage,
};

export function go(path, query = {}) {
  const search = new URLSearchParams(query).toString();
  location.hash = search ? `${path}?${search}` : path;
}

// Each page draws into a box of its own, so that one left behind cannot draw over its successor.
export async function render() {
  const [path, query = ""] = location.hash.replace(/^#/, "").split(/\?(.*)/s);
  const box = document.createElement("div");
  box.append(spinner());
  document.title = "Events";
  document.getElementById("notice").replaceChildren();
  document.getElementById("main").replaceChildren(box);
  await (ROUTES[path] ?? homePage)(box, new URLSearchParams(query));
  if (box.isConnected) box.querySelector("h1")?.focus({ preventScroll: true });
}
