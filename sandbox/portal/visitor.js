// Who the visitor is: asked on each page load, and again by the "Sign in" button.

import { ApiError, ask, call, identity, settle } from "./api.js";
import { config } from "./config.js";
import { errorBox, make, name } from "./dom.js";

const KEPT_TOKEN = "portal-id-token";
const QUARTER_OF_AN_HOUR = 15 * 60 * 1000;
const ANONYMOUS = { isAnonymous: true };

let user = ANONYMOUS;
let changed = () => {};

// Settles when the call of the page load has been answered, well or badly.
export let greeted = Promise.resolve();

export function currentUser() {
  return user;
}

// An empty object counts as signed in; null throws, here and in whatever asks later.
export function isSignedIn() {
  return user.isAnonymous !== true;
}

export function showVisitor() {
  const place = document.getElementById("visitor");
  const signedIn = isSignedIn();
  if (!config.isAuthenticationEnabled) return place.replaceChildren();
  const who = signedIn && name("span", [user.firstName, user.lastName].filter(Boolean).join(" ") || "Signed in", "visitor-name");
  const button = signedIn
    ? make("button", { type: "button", class: "quiet", testid: "sign-out", click: signOut }, "Sign out")
    : make("button", { type: "button", class: "quiet", testid: "sign-in", click: signIn }, "Sign in");
  place.replaceChildren(
    make("a", { href: "#/my-registrations", testid: "my-registrations-link" }, "My registrations"),
    ...[who, button].filter(Boolean),
  );
}

async function load() {
  const { answer, failure } = await settle(ask("users/authenticated"));
  if (failure) return; // silently anonymous, and not asked again until the next page load
  user = answer;
  showVisitor();
  if (isSignedIn()) setTimeout(load, QUARTER_OF_AN_HOUR);
}

// Asks who the visitor is. `whenChanged` is called after each sign-in and sign-out.
export async function greet(whenChanged) {
  changed = whenChanged;
  identity.token = sessionStorage.getItem(KEPT_TOKEN);
  showVisitor();
  const loaded = load();
  greeted = loaded.catch(() => {}); // who waits for it only wants its end
  await loaded;
}

async function signIn(pressed) {
  const button = pressed.currentTarget;
  const notice = document.getElementById("notice");
  button.disabled = true;
  notice.replaceChildren();
  try {
    user = await call("GET", "users/authenticated", { token: config.idToken });
    identity.token = config.idToken;
    sessionStorage.setItem(KEPT_TOKEN, config.idToken);
    showVisitor();
    changed();
  } catch (failure) {
    if (!(failure instanceof ApiError)) throw failure;
    notice.replaceChildren(make("div", { testid: "sign-in-message" }, errorBox(failure.message)));
  } finally {
    button.disabled = false;
  }
}

function signOut() {
  user = ANONYMOUS;
  identity.token = null;
  sessionStorage.removeItem(KEPT_TOKEN);
  showVisitor();
  changed();
}
