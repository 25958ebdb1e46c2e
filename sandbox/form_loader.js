// Stands in for the form loader of real-time journeys, with what is documented of it: `d365mktforms.createForm`, placeholders that are in
// the page when it is parsed, and the events d365mkt-beforeformload, -formrender, -afterformload, -formsubmit and -afterformsubmit.

(() => {
  const say = (node, name, detail, cancelable = false) =>
    node.dispatchEvent(new CustomEvent(`d365mkt-${name}`, { bubbles: true, cancelable, detail }));

  function payloadOf(form) {
    return { fields: [...new FormData(form)].map(([key, value]) => ({ key, value })) };
  }

  async function submit(placeholder, form) {
    const payload = payloadOf(form);
    if (!say(form, "formsubmit", { payload }, true)) return;
    const { formId, formApiUrl, readableEventId } = placeholder.dataset;
    const target = `${formApiUrl}/forms/${formId}?readableEventId=${encodeURIComponent(readableEventId ?? "")}`;
    const sent = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(payload), credentials: "omit" };
    const answer = await fetch(target, sent).catch(() => null);
    const successful = Boolean(answer?.ok);
    if (placeholder.dataset.preventsubmissionui !== "true") {
      const feedback = document.createElement("p");
      feedback.className = "onFormSubmittedFeedback";
      feedback.textContent = successful ? "Thank you." : "This did not work.";
      form.append(feedback);
    }
    say(form, "afterformsubmit", { successful, payload });
  }

  async function light(placeholder) {
    say(placeholder, "beforeformload");
    if (!window.d365mkt?.hideProgressBar) placeholder.textContent = "Loading...";
    const answer = await fetch(placeholder.dataset.cachedFormUrl, { credentials: "omit" }).catch(() => null);
    if (!answer?.ok) return;
    const content = await answer.text();
    say(placeholder, "formrender");
    placeholder.innerHTML = content;
    const form = placeholder.querySelector("form");
    form.addEventListener("submit", (pressed) => {
      pressed.preventDefault();
      submit(placeholder, form);
    });
    say(placeholder, "afterformload");
  }

  window.d365mktforms = {
    createForm(formId, formApiBaseUrl, formUrl, attributes = {}) {
      const placeholder = document.createElement("div");
      const named = { "data-form-id": formId, "data-form-api-url": formApiBaseUrl, "data-cached-form-url": formUrl, ...attributes };
      for (const [name, value] of Object.entries(named)) placeholder.setAttribute(name, value);
      light(placeholder);
      return placeholder;
    },
  };
  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-form-id]").forEach(light));
})();
