// Calls of the old portal: which headers they carry and how their failures read.

import { config } from "./config.js";

const UNREADABLE = "There was an issue when communicating with the server.";

// The id token of a signed-in visitor, or null.
export const identity = { token: null };

// A failed call; `message` is the sentence for the visitor.
export class ApiError extends Error {}

function address(path) {
  return `${config.apiEndpoint}${path}?emApplicationtoken=${encodeURIComponent(config.emApplicationtoken)}`;
}

function sentence(text) {
  try {
    const body = JSON.parse(text);
    return typeof body?.Message === "string" && body.Message ? body.Message : UNREADABLE;
  } catch {
    return UNREADABLE;
  }
}

// Answers the body as JSON, or null when it is empty. `token` stands in for the identity of the signed-in visitor.
export function call(method, path, { body = null, token = identity.token } = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, address(path));
    request.setRequestHeader("Accept", "application/json, text/plain, */*");
    // On GETs too, as the old portal does: therefore each call is preflighted.
    request.setRequestHeader("Content-Type", "application/json");
    if (token) request.setRequestHeader("Authorization", `Bearer ${token}`);
    request.onerror = () => reject(new ApiError(UNREADABLE));
    request.onload = () => {
      const text = request.responseText;
      if (request.status < 200 || request.status > 299) return reject(new ApiError(sentence(text)));
      try {
        resolve(text ? JSON.parse(text) : null);
      } catch {
        reject(new ApiError(UNREADABLE));
      }
    };
    request.send(body === null ? null : JSON.stringify(body));
  });
}

// GETs a path `times` times at the same moment: the components of the old portal ask each for themselves.
export async function ask(path, times = 1) {
  const answers = await Promise.all(Array.from({ length: times }, () => call("GET", path)));
  return answers.at(-1);
}

// Turns a failed call into `{failure}`; anything else thrown is a mistake of the page and goes on.
export function settle(promise) {
  return promise.then(
    (answer) => ({ answer }),
    (failure) => {
      if (failure instanceof ApiError) return { failure };
      throw failure;
    },
  );
}

export function eventPath(readableEventId) {
  return `events/${encodeURIComponent(readableEventId)}`;
}
