/* The bridge between an old event portal and the form of a real-time event (evtmgmt-proxy, docs/forms.md).
 *
 * The portal inserts a placeholder and this script, and waits for the form loader of outbound marketing. This script is that loader's face:
 *   1 the face: window.MsCrmMkt.MsCrmFormLoader, and the portal's own d365mktConfigure()
 *   2 "formLoad"; then the new loader, and the form from it
 *   3 the new loader's DOM events become the old loader's events, and what the portal answers goes into the submission
 * It loads nothing from other hosts than the proxy's settings name, whatever stands in the page.
 */
(() => {
  "use strict";

  const { loaders, hosts, sentences } = __SETTINGS__;
  const PATIENCE = 60_000; // milliseconds for the form to come, and for an answer to a submission
  const RUNNING = "evtmgmtBridge"; // a portal of one page runs this script again on each visit

  const place = document.querySelector("[data-evtmgmt-form]:not([data-evtmgmt-bridged])");
  if (!place) return console.warn("evtmgmt bridge: there is no placeholder");
  place.setAttribute("data-evtmgmt-bridged", "");
  const { evtmgmtForm: id, evtmgmtApi: api, evtmgmtContent: content, evtmgmtLoader: loader, evtmgmtEvent: readableId } = place.dataset;

  const before = window[RUNNING];
  before?.stop.abort();
  const running = (window[RUNNING] = { stop: new AbortController(), loading: before?.loading });

  // 1 The old loader's face.
  const handlers = new Map();
  let notify = null; // how the portal wants to tell of failures
  let loaded = false;
  let clock = 0;

  const face = {
    uiLanguage: undefined,
    on(type, handler) {
      if (typeof handler === "function") handlers.set(type, [...(handlers.get(type) ?? []), handler]);
    },
    off(type) {
      if (type === undefined) handlers.clear();
      else handlers.delete(type);
    },
    sendFormCaptureToCrm: () => Promise.reject(new Error("Forms of the page itself are not captured by the bridge.")),
  };

  function fire(type, more = {}) {
    const event = {
      getType: () => type,
      getFormPageId: () => id,
      getFormPlaceholder: () => place,
      getRedirectUrl: () => "",
      preventDefault() {},
      preventFormLoadingProgressBar() {},
      setExtraValue() {},
      setFormNotification() {},
      ...more,
    };
    for (const handler of handlers.get(type) ?? []) {
      try {
        handler(event);
      } catch (mistake) {
        console.error("evtmgmt bridge: the page failed at", type, mistake); // one mistake of the page must not stop the form
      }
    }
  }

  function afterFormLoad() {
    loaded = true;
    fire("afterFormRender");
    fire("afterFormLoad"); // here old portals take their spinner away
  }

  function sentence(name) {
    for (const tag of navigator.languages ?? []) {
      const found = sentences[name][tag.toLowerCase()] ?? sentences[name][tag.toLowerCase().split("-")[0]];
      if (found) return found;
    }
    return sentences[name].en;
  }

  function fail(text) {
    clearTimeout(clock);
    if (notify) {
      try {
        return void notify({ IsError: true, Message: text });
      } catch (mistake) {
        console.error("evtmgmt bridge: the page failed at a notification", mistake);
      }
    }
    place.querySelector("[data-evtmgmt-trouble]")?.remove();
    const box = document.createElement("p");
    box.setAttribute("role", "alert");
    box.setAttribute("data-evtmgmt-trouble", "");
    box.textContent = text;
    place.prepend(box);
    afterFormLoad();
  }

  function expect(text) {
    clearTimeout(clock);
    clock = setTimeout(() => fail(text), PATIENCE);
  }

  // 2 The new loader and its form.
  function allowed(address, patterns) {
    try {
      const { host, protocol } = new URL(address);
      return /^https?:$/.test(protocol) && patterns.some((pattern) => new RegExp(`^(?:${pattern})$`).test(host));
    } catch {
      return false;
    }
  }

  function load() {
    if (window.d365mktforms?.createForm) return Promise.resolve();
    running.loading ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = loader;
      script.onload = resolve;
      script.onerror = () => reject(new Error("the form loader does not come"));
      document.head.append(script);
    }).catch((failure) => {
      running.loading = undefined; // the next visit tries again
      throw failure;
    });
    return running.loading;
  }

  async function open() {
    fire("formLoad", {
      // The new loader looks for this when it begins; so "formLoad" comes before it.
      preventFormLoadingProgressBar: () => (window.d365mkt = { ...window.d365mkt, hideProgressBar: true }),
      setFormNotification: (callback) => (notify = typeof callback === "function" ? callback : null),
    });
    expect(sentence("unreachable"));
    if (!allowed(loader, loaders) || !allowed(api, hosts) || !allowed(content, hosts)) throw new Error("a host is not allowed");
    await load();
    if (running.stop.signal.aborted) return;
    const attributes = {};
    if (readableId) attributes["data-readable-event-id"] = readableId;
    if (notify) attributes["data-preventsubmissionui"] = "true"; // the page shows what became of it
    if (window.d365mktforms?.createForm) {
      place.replaceChildren(window.d365mktforms.createForm(id, api, content, attributes));
    } else {
      // Not the documented loader. One that watches for placeholders finds this one; else the clock runs out.
      const named = { "data-form-id": id, "data-form-api-url": api, "data-cached-form-url": content, ...attributes };
      for (const [name, value] of Object.entries(named)) place.setAttribute(name, value);
    }
  }

  // 3 The new loader's events. Both detail and payload were seen in more than one form: they are read tolerantly.
  function hear(type, take) {
    const heard = (event) => {
      const target = event.target;
      if (!(target instanceof Node) || place.contains(target) || target.contains(place)) take(event, event.detail ?? {});
    };
    document.addEventListener(type, heard, { signal: running.stop.signal });
  }

  // The portal's choices go where the form has a field of that name: the old loader's, or the events API's.
  function carry(payload, values) {
    if (!payload || typeof payload !== "object") return;
    for (const [name, value] of Object.entries(values)) {
      if (value === undefined || value === null) continue;
      const names = [name, name.replace(/^d365mktEvent_/, "")].map((text) => text.toLowerCase());
      const fits = (text) => typeof text === "string" && names.includes(text.toLowerCase());
      const write = (old) => (typeof old === typeof value ? value : String(value));
      for (const field of Array.isArray(payload.fields) ? payload.fields : []) {
        if (fits(field?.key) || fits(field?.name)) field.value = write(field.value);
      }
      for (const key of Object.keys(payload)) {
        if (fits(key)) payload[key] = write(payload[key]);
      }
    }
  }

  function webAddress(...candidates) {
    for (const text of candidates) {
      if (typeof text === "string" && /^https?:\/\//i.test(text.trim())) return text.trim();
    }
    return "";
  }

  hear("d365mkt-formrender", () => fire("formRender"));
  hear("d365mkt-afterformload", () => {
    clearTimeout(clock);
    if (!loaded) afterFormLoad();
  });
  hear("d365mkt-formsubmit", (event, detail) => {
    if (event.defaultPrevented) return; // somebody refused it already
    const values = {};
    place.querySelector("[data-evtmgmt-trouble]")?.remove();
    fire("formSubmit", {
      preventDefault: () => event.preventDefault(),
      setExtraValue: (name, value) => (values[name] = value),
    });
    if (event.defaultPrevented) return;
    carry(detail.payload ?? detail.Payload, values);
    // Somebody else may refuse the submission later. The portal shows its spinner already: take it away.
    setTimeout(() => (event.defaultPrevented ? fire("afterFormLoad") : expect(sentence("unknown"))));
  });
  hear("d365mkt-afterformsubmit", (event, detail) => {
    clearTimeout(clock);
    const successful = detail.successful ?? detail.success ?? detail.Successful ?? detail.Success;
    if (successful === true) {
      const answer = detail.response ?? detail.result ?? {};
      const target = webAddress(detail.redirectUrl, detail.redirectURL, answer.redirectUrl, answer.redirectURL);
      return fire("afterFormSubmit", { getRedirectUrl: () => target });
    }
    const own = [detail.message, detail.errorMessage].find((text) => typeof text === "string" && text.trim());
    fail(own ?? sentence(successful === undefined ? "unknown" : "rejected"));
  });

  window.MsCrmMkt = Object.assign(window.MsCrmMkt ?? {}, { MsCrmFormLoader: face });
  if (typeof window.d365mktConfigure === "function") window.d365mktConfigure();
  // Scripts that stand after this one may still register what they want to be told.
  setTimeout(() =>
    open().catch((failure) => {
      console.error("evtmgmt bridge:", failure);
      fail(sentence("unreachable"));
    }),
  );
})();
