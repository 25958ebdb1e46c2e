// Builds elements. Text is always text, so that no name can become markup.

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (name === "testid") element.dataset.testid = value;
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// A name in whatever script: the browser finds its direction.
export function name(tag, text, testid, attributes = {}) {
  return make(tag, { dir: "auto", testid, ...attributes }, text ?? "");
}

export function errorBox(text) {
  return make("div", { class: "error", role: "alert", testid: "error-box" }, text);
}

export function spinner() {
  return make("div", { class: "spinner", role: "status", testid: "spinner" }, make("span", { class: "unseen" }, "Loading"));
}

export function pageTitle(text, testid = "page-title") {
  document.title = `${text} – Events`;
  return name("h1", text, testid, { tabindex: "-1" });
}

// A link from the API's data, or null when it would not lead to a web page.
export function webAddress(text) {
  if (!text || !URL.canParse(text, location.href)) return null;
  const address = new URL(text, location.href);
  return ["http:", "https:"].includes(address.protocol) ? address.href : null;
}
