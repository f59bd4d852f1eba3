// The dialog in which classes are renamed, merged, retired and brought back.

import { ApiError, call } from "./api.js";
import { byId, element } from "./dom.js";
import { focusStage } from "./keys.js";
import { say } from "./messages.js";

const HELP = {
  rename: "Its answers take the new name.",
  merge: "Its answers count as answers of the other class. They stay on record, and you can bring the class back.",
  retire: "The class is no longer offered, and its answers no longer count: you are asked about these recordings again. The answers stay on record, and you can bring the class back.",
  nothing: "Such a class is shown apart from the others, and skal predict does not count it as a class that was found.",
};

export function makeClassChanges(classes) {
  const form = byId("change-form");
  const change = () => form.elements.change.value;

  function options(select, names) {
    const before = select.value;
    select.replaceChildren(...names.map((name) => element("option", { value: name, text: name })));
    if (names.includes(before)) select.value = before;
  }

  const isNothing = () => classes.list.find(({ name }) => name === byId("change-class").value)?.nothing;

  function update() {
    byId("change-new").hidden = change() !== "rename";
    byId("change-into").hidden = change() !== "merge";
    byId("change-help").textContent = HELP[change()];
    byId("change-nothing").textContent = isNothing() ? "Is a class like the others" : "Means “nothing of interest”";
    const names = classes.list.map(({ name }) => name);
    options(byId("change-other"), names.filter((name) => name !== byId("change-class").value));
  }

  async function showFormer() {
    const former = await call("api/classes/former");
    byId("former").hidden = former.length === 0;
    byId("former-list").replaceChildren(
      ...former.map(({ name, became }) => {
        const back = element("button", { type: "button", class: "quiet", text: "Bring back" });
        back.addEventListener("click", () => apply({ name, change: "restore" }, `${name} is a class again.`));
        const text = became === null ? `${name}: retired` : `${name}: now ${became}`;
        return element("li", {}, element("span", { text }), back);
      }),
    );
  }

  async function open() {
    form.reset();
    byId("change-error").textContent = "";
    options(byId("change-class"), classes.list.map(({ name }) => name));
    update();
    byId("change").showModal();
    await showFormer().catch((error) => (byId("change-error").textContent = error.message));
  }

  async function apply(body, done) {
    try {
      await call("api/classes/change", { body });
      await classes.load();
      byId("change").close();
      focusStage();
      say(done);
      byId("last").textContent = done;
      classes.changed();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      byId("change-error").textContent = error.message;
    }
  }

  form.addEventListener("change", update);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const name = byId("change-class").value;
    if (change() === "nothing" && isNothing()) {
      apply({ name, change: "something" }, `${name} is a class like the others.`);
    } else if (change() === "nothing") {
      apply({ name, change: "nothing" }, `${name} means that nothing of interest is heard.`);
    } else if (change() === "retire") apply({ name, change: "retire" }, `The class ${name} is retired.`);
    else {
      const to = change() === "rename" ? byId("change-name").value.trim() : byId("change-other").value;
      apply({ name, change: change(), to }, `${name} is now ${to}.`);
    }
  });
  byId("change-open").addEventListener("click", open);
}
