// What the page says: to a screen reader at once, and to everyone in the notice on top.

const byId = (id) => document.getElementById(id);
const notices = new Map();

export function say(text) {
  byId("spoken").textContent = text;
}

export function notice(kind, text) {
  if ((notices.get(kind) ?? null) === text) return;
  if (text) notices.set(kind, text);
  else notices.delete(kind);
  const lines = [...notices.values()].map((line) => textLine(line));
  byId("notice").replaceChildren(...lines);
  byId("notice").hidden = lines.length === 0;
}

function textLine(text) {
  const line = document.createElement("div");
  line.textContent = text;
  return line;
}
