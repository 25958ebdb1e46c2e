// The tabs of the event page. Sessions come with the page; each other tab asks once more when it is first opened.

import { ask, eventPath, settle } from "../api.js";
import { config } from "../config.js";
import { errorBox, make, name, spinner, webAddress } from "../dom.js";
import { sessionList } from "./session_list.js";

function speaker(item) {
  const initial = name("span", [...(item.name ?? "?")][0], "speaker-placeholder", { class: "portrait", "aria-hidden": "true" });
  const failed = (event) => event.currentTarget.replaceWith(initial);
  const src = `${config.apiEndpoint}${item.imageUrl}`;
  const image = make("img", { class: "portrait", src, alt: `Portrait of ${item.name}`, testid: "speaker-image", error: failed });
  const website = webAddress(item.website);
  return make("li", { class: "person", testid: "speaker" },
    item.imageUrl ? image : initial,
    make("div", {},
      name("h3", item.name, "speaker-name"),
      item.title && name("p", item.title, "speaker-title", { class: "faint" }),
      item.about && name("p", item.about, "speaker-about"),
      website && make("p", {}, make("a", { href: website, rel: "noopener", testid: "speaker-website" }, "Website"))));
}

function pass(item) {
  const left = item.numberOfPassesLeft;
  return make("li", { class: "row", testid: "pass" },
    name("h3", item.passName, "pass-name"),
    make("p", { class: "price", testid: "pass-price" }, `${item.currencySymbol ?? ""}${item.price ?? ""}`),
    left !== null && left !== undefined && make("p", { class: "faint", testid: "pass-left" }, left > 0 ? `${left} left` : "Sold out"));
}

function track(item, id) {
  const sessions = make("div", { testid: "track-sessions", hidden: true });
  let looked = false;
  const toggle = async (pressed) => {
    sessions.hidden = !sessions.hidden;
    pressed.currentTarget.setAttribute("aria-expanded", String(!sessions.hidden));
    if (looked) return;
    looked = true;
    sessions.replaceChildren(spinner());
    const { answer, failure } = await settle(ask(`tracks/${encodeURIComponent(item.id)}/sessions`));
    sessions.replaceChildren(failure ? errorBox(failure.message) : sessionList(answer, id));
  };
  const query = new URLSearchParams({ id, trackId: item.id, trackName: item.name ?? "" });
  return make("li", { class: "row", testid: "track" },
    name("h3", item.name, "track-name"),
    item.description && name("p", item.description, "track-description"),
    make("p", { class: "actions" },
      make("button", { type: "button", class: "quiet", "aria-expanded": "false", testid: "track-toggle", click: toggle }, "Show sessions"),
      make("a", { href: `#/event/sessiontrack?${query}`, testid: "track-link" }, "Open track")),
    sessions);
}

function list(items, row) {
  return make("ul", { class: "rows" }, items.map(row));
}

const DRAW = {
  sessions: (items, id) => sessionList(items, id),
  tracks: (items, id) => list(items, (item) => track(item, id)),
  speakers: (items) => list(items, speaker),
  passes: (items) => list(items, pass),
};

// `sessions` is a list; the others are settled calls, and a tab is missing when its call failed or holds nothing.
export function eventTabs(id, { sessions, tracks, speakers, passes }) {
  const present = ["sessions", ...Object.entries({ tracks, speakers, passes }).filter(([, { answer }]) => answer?.length).map(([kind]) => kind)];
  const tabs = {};
  const panels = {};
  const opened = new Set(["sessions"]);

  const open = async (kind, focus = false) => {
    for (const other of present) {
      tabs[other].setAttribute("aria-selected", String(other === kind));
      tabs[other].tabIndex = other === kind ? 0 : -1;
      panels[other].hidden = other !== kind;
    }
    if (focus) tabs[kind].focus();
    if (opened.has(kind)) return;
    opened.add(kind);
    panels[kind].replaceChildren(spinner());
    const { answer, failure } = await settle(ask(`${eventPath(id)}/${kind}`));
    panels[kind].replaceChildren(failure ? errorBox(failure.message) : DRAW[kind](answer, id));
  };
  const step = (pressed, kind) => {
    const move = { ArrowRight: 1, ArrowLeft: -1 }[pressed.key];
    if (move) open(present.at((present.indexOf(kind) + move) % present.length), true);
  };

  for (const kind of present) {
    const label = kind[0].toUpperCase() + kind.slice(1);
    const ids = { id: `tab-${kind}`, "aria-controls": `panel-${kind}` };
    const press = { click: () => open(kind), keydown: (pressed) => step(pressed, kind) };
    tabs[kind] = make("button", { type: "button", role: "tab", testid: `tab-${kind}`, ...ids, ...press }, label);
    panels[kind] = make("div", { role: "tabpanel", id: `panel-${kind}`, "aria-labelledby": `tab-${kind}`, testid: `panel-${kind}` });
  }
  panels.sessions.append(DRAW.sessions(sessions, id));
  open("sessions");
  const bar = make("div", { class: "tabs", role: "tablist", "aria-label": "About this event" }, Object.values(tabs));
  return make("section", {}, bar, Object.values(panels));
}
