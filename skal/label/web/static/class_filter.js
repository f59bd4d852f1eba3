// Filter the classes by name: a box above the buttons, if there are more classes than digits.

import { byId } from "./dom.js";
import { focusStage } from "./keys.js";

const FEW = 9;

// Letters without case and accents, so that "uhu" finds "Uhú".
const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

// Rank of a match: 0 at the start of the name, 1 of a word, 2 elsewhere, else null.
function rank(name, typed) {
  const text = plain(name);
  if (text.startsWith(typed)) return 0;
  if (text.split(/[^\p{L}\p{N}]+/u).some((word) => word.startsWith(typed))) return 1;
  return text.includes(typed) ? 2 : null;
}

export class ClassFilter {
  constructor(classes) {
    this.classes = classes;
    this.box = byId("class-filter-text");
    this.best = null;
    this.box.addEventListener("input", () => this.update());
    this.box.addEventListener("keydown", (event) => this.#press(event));
  }

  // The list of classes has changed.
  show() {
    const many = this.classes.list.length > FEW;
    byId("class-filter").hidden = !many;
    document.body.classList.toggle("many", many);
    if (!many) this.box.value = "";
    this.update();
  }

  focus() {
    if (!byId("class-filter").hidden) this.box.focus();
  }

  update() {
    const typed = plain(this.box.value.trim());
    const buttons = [...byId("classes").children].slice(0, this.classes.list.length);
    let [best, least] = [null, 3];
    for (const [i, { name }] of this.classes.list.entries()) {
      const fit = typed ? rank(name, typed) : 2;
      buttons[i].hidden = fit === null;
      buttons[i].classList.remove("best");
      if (fit !== null && fit < least) [best, least] = [i, fit];
    }
    this.best = typed && best !== null ? this.classes.list[best].name : null;
    if (this.best !== null) {
      buttons[best].classList.add("best");
      buttons[best].scrollIntoView({ block: "nearest" });
    }
    byId("class-filter-note").textContent = !typed
      ? ""
      : this.best === null
        ? "No class name contains this."
        : `Enter: ${this.best}`;
  }

  #press(event) {
    if (event.key === "Escape") this.#leave();
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    const name = this.best;
    if (name === null) return;
    this.#leave();
    this.classes.chosen(name);
  }

  #leave() {
    this.box.value = "";
    this.update();
    focusStage();
  }
}
