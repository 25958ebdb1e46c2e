// The portal's own payment page: it takes no money, and finalizes the registration.

import { call, eventPath, settle } from "../api.js";
import { showCaptcha } from "../captcha.js";
import { errorBox, make, name, pageTitle } from "../dom.js";
import { followPayment, keptOutcome } from "../outcome.js";

export async function paymentPage(box) {
  const outcome = keptOutcome();
  const title = pageTitle("Payment");
  if (!outcome?.purchaseId) return box.replaceChildren(title, make("p", { testid: "no-purchase" }, "There is nothing to pay."));
  const base = eventPath(outcome.readableEventId);
  const trouble = make("div", { testid: "payment-error" });
  const proofPlace = make("div");
  const pay = make("button", { type: "submit", class: "button", testid: "pay" }, "Pay");
  const show = (text) => trouble.replaceChildren(errorBox(text));
  let proof = null;

  const send = async (submitted) => {
    submitted.preventDefault();
    trouble.replaceChildren();
    pay.disabled = true;
    try {
      const body = { purchaseId: outcome.purchaseId };
      if (proof) body.hipObject = await proof.hipObject();
      const { answer, failure } = await settle(call("POST", `${base}/registrations/finalize`, { body }));
      if (failure) show(failure.message);
      else followPayment(answer, outcome, show);
    } finally {
      pay.disabled = false;
    }
  };

  box.replaceChildren(make("div", { testid: "payment-page" }, title,
    make("p", {}, "You are paying for ", name("strong", outcome.eventName, "payment-event"), "."),
    make("p", { class: "faint" }, "This is a demonstration: no card is asked for and no money is taken."),
    make("form", { submit: send }, proofPlace, trouble, pay)));
  if (outcome.enableCaptcha) {
    const { answer, failure } = await settle(showCaptcha(base, proofPlace));
    if (failure) show(failure.message);
    else proof = answer;
  }
}
