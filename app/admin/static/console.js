// What the console does beyond its pages: a part that stays up to date, and confirmations in a dialog. All of it works without.
"use strict";

const SECONDS = 5;

function parsed(text) {
  return new DOMParser().parseFromString(text, "text/html");
}

// The live part of the overview.

const live = document.getElementById("live");
if (live) {
  const state = document.getElementById("live-state");
  const pause = document.getElementById("live-pause");
  const toggle = document.getElementById("answers-toggle");
  const version = live.querySelector("[data-version]").dataset.version;
  let paused = false;
  let ended = false;
  let shown = false;

  const showTable = () => {
    const table = document.getElementById("answers-table");
    if (table) table.classList.toggle("unseen-until-asked", !shown);
  };

  const say = (text) => {
    if (state.textContent !== text) state.textContent = text;
  };

  const refresh = async () => {
    if (paused || ended || document.hidden) return;
    try {
      const answer = await fetch(live.dataset.source, { headers: { accept: "text/html" }, redirect: "manual" });
      if (answer.type === "opaqueredirect") {
        ended = true;
        pause.hidden = true;
        say("Your session is over: sign in again.");
        return;
      }
      if (!answer.ok) throw new Error(String(answer.status));
      const fresh = parsed(await answer.text()).querySelector(".live");
      if (paused || !fresh || live.contains(document.activeElement)) return;
      live.replaceChildren(document.adoptNode(fresh));
      showTable();
      say(fresh.dataset.version === version ? "Up to date" : "The state was changed: reload the page to see it.");
    } catch {
      say("The proxy does not answer. This is the last that was known.");
    }
  };

  say("Up to date");
  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.textContent = paused ? "Go on" : "Pause";
    say(paused ? "Paused" : "Up to date");
    refresh();
  });
  if (toggle) {
    toggle.hidden = false;
    toggle.addEventListener("click", () => {
      shown = !shown;
      toggle.setAttribute("aria-expanded", String(shown));
      toggle.textContent = shown ? "Hide the table" : "Show the chart as a table";
      showTable();
    });
  }
  document.addEventListener("visibilitychange", refresh);
  setInterval(refresh, SECONDS * 1000);
}

// Confirmations: the page that asks for the reason, in a dialog.

const dialog = document.createElement("dialog");
dialog.setAttribute("aria-labelledby", "review-title");

async function review(address) {
  const answer = await fetch(address, { redirect: "manual" });
  const content = answer.type === "opaqueredirect" ? null : parsed(await answer.text()).getElementById("review");
  if (!content) {
    location.assign(address);
    return;
  }
  dialog.replaceChildren(document.adoptNode(content));
  if (!dialog.isConnected) document.body.append(dialog);
  dialog.showModal();
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-review]")) return;
  event.preventDefault();
  const address = new URL(form.action);
  address.search = new URLSearchParams(new FormData(form)).toString();
  review(address).catch(() => form.submit());
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  if (link.matches("[data-review]")) {
    event.preventDefault();
    review(link.href).catch(() => location.assign(link.href));
  } else if (link.matches("[data-close]") && dialog.open) {
    event.preventDefault();
    dialog.close();
  }
});
