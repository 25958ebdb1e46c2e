// What the old portal kept in its environment file. config.json is read once, at start.
//
// apiEndpoint              base of the events API, with its trailing slash
// emApplicationtoken       web application token, sent with every call
// isAuthenticationEnabled  show "Sign in" and "My registrations"
// idToken                  bearer token of the visitor who presses "Sign in" (no identity provider here)
// customFields             website entity fields that the event page prints

export let config;

export async function readConfig() {
  const answer = await fetch("config.json", { cache: "no-store" });
  config = await answer.json();
}
