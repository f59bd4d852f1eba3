// The classes: a button for each, and a dialog for new ones.

import { ApiError, call } from "./api.js";
import { byId, element } from "./dom.js";
import { focusStage } from "./keys.js";
import { say } from "./talk.js";

const FLASH = 160; // long enough to be seen, in ms

export class Classes {
  constructor() {
    this.list = [];
    this.chosen = () => {}; // called with the name of a class whose button is pressed
    this.changed = () => {};
    byId("new-class-form").addEventListener("submit", (event) => this.#add(event));
  }

  async load() {
    this.list = await call("/api/classes");
    this.#show();
  }

  // Return the name of the class with a key, or null.
  ofKey(key) {
    return this.list.find((one) => one.key === key)?.name ?? null;
  }

  // Show which class a key gave.
  flash(name) {
    const button = byId("classes").children[this.list.findIndex((one) => one.name === name)];
    button.classList.add("given");
    setTimeout(() => button.classList.remove("given"), FLASH);
  }

  openDialog() {
    byId("new-class-form").reset();
    byId("class-error").textContent = "";
    byId("new-class").showModal();
  }

  #show() {
    const buttons = this.list.map(({ name, key }) => {
      const button = element("button", { type: "button", title: name });
      if (key) {
        button.append(element("kbd", { text: key, "aria-hidden": "true" }));
        button.setAttribute("aria-keyshortcuts", key);
      }
      button.append(element("span", { text: name }));
      button.addEventListener("click", () => this.chosen(name));
      return button;
    });
    const add = element("button", { type: "button", class: "add", "aria-haspopup": "dialog", "aria-keyshortcuts": "+" });
    add.append(element("kbd", { text: "+", "aria-hidden": "true" }), element("span", { text: "Add a class" }));
    add.addEventListener("click", () => this.openDialog());
    byId("classes").replaceChildren(...buttons, add);
  }

  async #add(event) {
    event.preventDefault();
    const [name, key] = [byId("class-name").value.trim(), byId("class-key").value.trim().toLowerCase()];
    try {
      const added = await call("/api/classes", { body: { name, key: key || null } });
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
