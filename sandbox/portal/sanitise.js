// The event's description is HTML. It is rebuilt from a short list of tags instead of being inserted as it came.

import { make, webAddress } from "./dom.js";

const KEPT = new Set("P BR B STRONG I EM U UL OL LI BLOCKQUOTE H2 H3 H4 SPAN DIV".split(" "));
const DROPPED = new Set("SCRIPT STYLE IFRAME OBJECT EMBED TEMPLATE NOSCRIPT TEXTAREA SELECT TITLE SVG MATH".split(" "));

function rebuild(node) {
  if (node.nodeType === Node.TEXT_NODE) return [node.data];
  if (node.nodeType !== Node.ELEMENT_NODE) return [];
  const tag = node.nodeName.toUpperCase();
  if (DROPPED.has(tag)) return [];
  const children = [...node.childNodes].flatMap(rebuild);
  if (tag === "A") return [make("a", { href: webAddress(node.getAttribute("href")), rel: "noopener" }, children)];
  return KEPT.has(tag) ? [make(tag, {}, children)] : children;
}

// Nodes for a piece of HTML. The parser's document is inert: nothing in it runs or is fetched.
export function sanitised(html) {
  const parsed = new DOMParser().parseFromString(html ?? "", "text/html");
  return [...parsed.body.childNodes].flatMap(rebuild);
}
