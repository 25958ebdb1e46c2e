// The sessions of one track.

import { ask, settle } from "../api.js";
import { errorBox, make, pageTitle } from "../dom.js";
import { sessionList } from "./session_list.js";

export async function sessionTrackPage(box, query) {
  const id = query.get("id") ?? "";
  const back = make("p", {}, make("a", { href: `#/event?${new URLSearchParams({ id })}`, testid: "back-link" }, "Back to the event"));
  const { answer, failure } = await settle(ask(`tracks/${encodeURIComponent(query.get("trackId"))}/sessions`));
  const sessions = failure ? errorBox(failure.message) : sessionList(answer, id);
  box.replaceChildren(back, pageTitle(query.get("trackName") || "Session track"), make("div", { testid: "session-track-page" }, sessions));
}
