// The form that stands in an event's `registrationForm`. The old portal knows one loader only, that of outbound marketing: it takes the
// scripts out of the embed, lets them run, and hides all behind a spinner until that loader says "afterFormLoad".

import { errorBox, make, spinner, webAddress } from "../dom.js";
import { followRegistration } from "../outcome.js";
import { sessionChoice } from "./attendee.js";

const OUTSIDE = "external-scripts";

// Only scripts that are made anew run. The list of those of the embed shrinks while it is walked: with two, the second is missed.
function reinsertScripts(box) {
  const scripts = box.getElementsByTagName("script");
  const count = scripts.length;
  let outside = document.getElementById(OUTSIDE);
  if (!outside) document.body.append((outside = make("div", { id: OUTSIDE })));
  outside.replaceChildren();
  for (let number = 0; number < count; number += 1) {
    const { type, src, textContent } = scripts[number];
    const copy = document.createElement("script");
    copy.type = type || "text/javascript";
    copy.async = false;
    if (textContent) copy.textContent = textContent;
    else if (src) copy.src = src;
    outside.append(copy);
    scripts[number].remove();
  }
}

// What the old portal's forms tell their loader, and hear of it.
function listen(handler) {
  const loader = window.MsCrmMkt.MsCrmFormLoader;
  loader.uiLanguage = document.documentElement.lang;
  for (const [type, method] of Object.entries({
    afterFormSubmit: handler.submitted,
    formLoad: handler.loading,
    afterFormLoad: handler.loaded,
    formSubmit: handler.submitting,
  })) {
    loader.off(type);
    loader.on(type, method);
  }
}

// `choices` are {waitlisted, sessions}; the sessions are those that may be chosen.
export function embeddedForm(event, { waitlisted, sessions }) {
  const trouble = make("div", { testid: "registration-error" });
  const agenda = sessionChoice("embed", sessions);
  const form = make("div", { testid: "embedded-form" });
  const waiting = spinner();
  const shown = make("div", {}, agenda.node, form);
  const busy = (yes) => {
    waiting.hidden = !yes;
    shown.hidden = yes;
  };
  const show = (text) => {
    trouble.replaceChildren(errorBox(text));
    busy(false);
  };
  const handler = {
    loading(loading) {
      loading.setFormNotification((notification) => {
        if (notification?.IsError === true) show(notification.Message);
      });
      loading.preventFormLoadingProgressBar();
    },
    loaded: () => busy(false),
    submitting(submission) {
      submission.setExtraValue("d365mktEvent_waitlisted", waitlisted);
      submission.setExtraValue("d365mktEvent_autoRegister", undefined);
      submission.setExtraValue("d365mktEvent_attendeeSessions", sessions.length ? JSON.stringify(agenda.read()) : undefined);
      trouble.replaceChildren();
      busy(true);
    },
    submitted(answer) {
      const target = webAddress(answer.getRedirectUrl());
      if (target) return location.assign(target);
      busy(false);
      const { readableEventId, eventName } = event;
      followRegistration({ status: "Success" }, { readableEventId: readableEventId.trim(), eventName, attendees: waitlisted ? [{ waitlisted }] : [] }, show);
    },
  };
  busy(true);
  form.innerHTML = event.registrationForm; // the old portal trusts what its organisation answers
  window.d365mktConfigure = () => {
    listen(handler);
    return false;
  };
  setTimeout(() => {
    window.MsCrmMkt = null;
    reinsertScripts(form);
  });
  return make("div", {}, trouble, waiting, shown);
}
