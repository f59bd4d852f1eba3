// Messages to screen readers, and notices at the top of the page.

import { byId, element } from "./dom.js";

const notices = new Map();

export function say(text) {
  byId("spoken").textContent = text;
}

export function notice(kind, text) {
  if ((notices.get(kind) ?? null) === text) return;
  if (text) notices.set(kind, text);
  else notices.delete(kind);
  const lines = [...notices.values()].map((line) => element("div", { text: line }));
  byId("notice").replaceChildren(...lines);
  byId("notice").hidden = lines.length === 0;
}

// With a period, unless it is a question.
export function ended(text) {
  return /[.?!]$/.test(text) ? text : `${text}.`;
}
