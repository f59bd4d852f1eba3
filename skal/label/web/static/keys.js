// Keys and buttons, and their actions.

import { byId } from "./dom.js";

const ON_CONTROLS = new Set([" ", "ArrowLeft", "ArrowRight", "Home", "Enter"]);

// After an answer the keys apply to the next question, not to the button that was pressed.
export function focusStage() {
  byId("stage").focus({ preventScroll: true });
}

export function listenToKeys({ questions, stage, classes, review, findMore, settings }) {
  const { player, transport } = stage;
  const press = (action) => {
    player.unlock();
    action();
    focusStage();
  };
  const undo = () => questions.undo();
  const help = () => byId("help").showModal();
  const actions = {
    " ": () => player.toggle(),
    ArrowLeft: () => transport.step(-1),
    ArrowRight: () => transport.step(1),
    Home: () => player.seek(0),
    ArrowUp: () => transport.zoomTimes(1),
    ArrowDown: () => transport.zoomTimes(-1),
    "Shift+ArrowUp": () => transport.zoomFrequencies(1),
    "Shift+ArrowDown": () => transport.zoomFrequencies(-1),
    ",": () => transport.changeSpeed(-1),
    ".": () => transport.changeSpeed(1),
    0: () => transport.toggleLoop(),
    [byId("undo").dataset.key]: undo,
    "+": () => classes.openDialog(),
    "<": () => review.open(),
    ">": () => findMore.open(),
    "/": () => classes.filter.focus(),
    "?": help,
  };
  for (const button of document.querySelectorAll("[data-kind]")) {
    const answer = () => questions.give(button.dataset.kind);
    actions[button.dataset.key] = answer;
    button.addEventListener("click", () => press(answer));
  }
  classes.chosen = (name) => press(() => questions.give("label", name));
  byId("play").addEventListener("click", () => press(() => player.toggle()));
  byId("undo").addEventListener("click", () => press(undo));
  byId("help-open").addEventListener("click", help);
  document.addEventListener("pointerdown", () => player.unlock());
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    if (!isOurs(event, settings)) return;
    const shift = event.shiftKey && event.key.startsWith("Arrow") ? "Shift+" : "";
    const key = event.key.length === 1 ? event.key.toLowerCase() : shift + event.key;
    const name = classes.ofKey(key);
    const action = name === null ? actions[key] : () => questions.give("label", name);
    if (!action) return;
    event.preventDefault();
    if (event.repeat && !key.startsWith("Arrow")) return;
    player.unlock();
    if (name !== null) classes.flash(name);
    action();
  });
}

// Whether a key is for the question, not for a dialog, a field or a control that has the focus.
function isOurs({ key, target }, settings) {
  if (document.querySelector("dialog[open]") || target.closest("input, textarea")) return false;
  const isLetter = key.length === 1;
  if (target.closest("button, select, a, summary") && ON_CONTROLS.has(key)) return false;
  if (target.tagName === "SELECT" && (isLetter || key.startsWith("Arrow"))) return false;
  return settings.keys || !isLetter || (target === byId("plot") && key === " ");
}
