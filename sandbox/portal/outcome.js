// What follows from a registration result, and what the next page has to know of it.

import { webAddress } from "./dom.js";
import { go } from "./router.js";

const FAILED = "Event registration failed.";
const KEPT_OUTCOME = "portal-outcome";

export function keptOutcome() {
  return JSON.parse(sessionStorage.getItem(KEPT_OUTCOME) ?? "null");
}

// The address that a redirect leads to; home when there is none.
function leave(redirectUrl) {
  const target = webAddress(redirectUrl);
  if (target) location.assign(target);
  else go("/");
}

// `outcome` is {readableEventId, eventName, enableCaptcha, attendees}; `show` prints a failure.
export function followRegistration(result, outcome, show) {
  // An empty answer throws at this line: nothing happens on the page.
  switch (result.status) {
    case "Success":
      return confirm(outcome);
    case "Initiated":
      sessionStorage.setItem(KEPT_OUTCOME, JSON.stringify({ ...outcome, purchaseId: result.purchaseId }));
      return go("/event/payment", { id: outcome.readableEventId });
    case "Redirect":
      return leave(result.redirectUrl);
    default:
      return show(result.errorMessage || FAILED);
  }
}

export function followPayment(result, outcome, show) {
  if (result.status === "Success") return confirm(outcome);
  return show(result.errorMessage ?? "");
}

function confirm(outcome) {
  sessionStorage.setItem(KEPT_OUTCOME, JSON.stringify(outcome));
  go("/event/confirmation", { id: outcome.readableEventId });
}
