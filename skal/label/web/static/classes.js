// The classes: a button for each, and a dialog for new ones.

import { ApiError, call } from "./api.js";
import { byId, element } from "./dom.js";
import { ClassFilter } from "./class_filter.js";
import { focusStage } from "./keys.js";
import { say } from "./messages.js";

// Separators between two names.
const SEVERAL = /[^;,|\t\s]\s*[;,|\t]\s*[^;,|\t\s]/;
const FLASH = 160; // long enough to be seen, in ms

export class Classes {
  constructor() {
    this.list = [];
    this.chosen = () => {}; // called with the name of a class whose button is pressed
    this.changed = () => {};
    this.filter = new ClassFilter(this);
    this.asked = null; // a name that looks like several names, awaiting confirmation
    byId("new-class-form").addEventListener("submit", (event) => this.#add(event));
  }

  async load() {
    this.list = await call("api/classes");
    this.#show();
  }

  // Other people may have changed the classes: load them if the names or their meaning differ.
  async follow(names, nothing) {
    // In any order: names that are numbers come first in an object.
    const before = new Set(this.list.map(({ name }) => name));
    const meant = this.list.find((one) => one.nothing)?.name ?? null;
    if (meant === nothing && names.length === before.size && names.every((name) => before.has(name))) return;
    await this.load();
    const added = this.list.filter(({ name }) => !before.has(name)).map(({ name }) => name);
    say(added.length ? `New class: ${added.join(", ")}.` : "The classes have changed.");
  }

  // Return the name of the class with a key, or null.
  ofKey(key) {
    return this.list.find((one) => one.key === key)?.name ?? null;
  }

  // Show which class a key gave.
  flash(name) {
    const button = byId("classes").children[this.list.findIndex((one) => one.name === name)];
    button.classList.add("given");
    button.scrollIntoView({ block: "nearest" });
    setTimeout(() => button.classList.remove("given"), FLASH);
  }

  openDialog() {
    byId("new-class-form").reset();
    byId("class-error").textContent = "";
    this.asked = null;
    byId("new-class").showModal();
  }

  #show() {
    const buttons = this.list.map(({ name, key, nothing }) => {
      const button = element("button", { type: "button", title: name });
      button.classList.toggle("nothing", nothing);
      if (key) {
        button.append(element("kbd", { text: key, "aria-hidden": "true" }));
        button.setAttribute("aria-keyshortcuts", key);
      }
      button.append(element("span", { text: name }, ...(nothing ? [element("small", { text: "nothing of interest" })] : [])));
      button.addEventListener("click", () => this.chosen(name));
      return button;
    });
    const add = element("button", { type: "button", class: "add", "aria-haspopup": "dialog", "aria-keyshortcuts": "+" });
    add.append(element("kbd", { text: "+", "aria-hidden": "true" }), element("span", { text: "Add a class" }));
    add.addEventListener("click", () => this.openDialog());
    byId("classes").replaceChildren(...buttons, add);
    byId("second").hidden = this.list.length > 1;
    byId("change-open").hidden = this.list.length === 0;
    this.filter.show();
  }

  async #add(event) {
    event.preventDefault();
    const [name, key] = [byId("class-name").value.trim(), byId("class-key").value.trim().toLowerCase()];
    if (SEVERAL.test(name) && name !== this.asked) {
      this.asked = name;
      byId("class-error").textContent = `Is “${name}” one class? Press Add again to add it, or add the classes one by one.`;
      return;
    }
    try {
      const added = await call("api/classes", { body: { name, key: key || null } });
      await this.load();
      byId("new-class").close();
      focusStage();
      say(`Class ${added.name} added${added.key ? `, key ${added.key}` : ""}.`);
      this.changed();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      byId("class-error").textContent = error.message;
    }
  }
}
