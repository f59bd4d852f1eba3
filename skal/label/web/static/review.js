// The list of earlier answers: newest first, filtered; each can be opened and corrected.

import { ApiError, call } from "./api.js";
import { byId, element } from "./dom.js";
import { say } from "./messages.js";

const PAGE = 50;

export class Past {
  constructor(questions) {
    this.questions = questions;
    this.oldest = null;
    byId("past-open").addEventListener("click", () => this.open());
    byId("past-filter").addEventListener("change", () => this.#list());
    byId("past-more").addEventListener("click", () => this.#more());
    byId("keep").addEventListener("click", () => questions.stopCorrecting());
  }

  async open() {
    byId("past-list").replaceChildren();
    byId("past-note").textContent = "Loading …";
    byId("past").showModal();
    try {
      await this.questions.outbox.settled();
      await this.#fillFilters();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      byId("past-note").textContent = error.message;
      return;
    }
    await this.#list();
  }

  async #fillFilters() {
    const [classes, people] = await Promise.all([call("api/classes"), call("api/people")]);
    const kinds = [...document.querySelectorAll("[data-kind]")].map(({ dataset }) => dataset);
    fill(byId("past-class"), "all classes", [
      ...classes.map(({ name }) => [`label:${name}`, name]),
      ...kinds.map(({ kind, title }) => [`kind:${kind}`, title]),
    ]);
    fill(byId("past-person"), "all people", people.map((name) => [name, name]));
  }

  async #list() {
    byId("past-list").replaceChildren();
    this.oldest = null;
    await this.#more();
  }

  async #more() {
    const params = { limit: PAGE, disagrees: byId("past-disagrees").checked };
    const [what, ...rest] = byId("past-class").value.split(":");
    if (what) params[what] = rest.join(":");
    if (byId("past-person").value) params.person = byId("past-person").value;
    if (this.oldest !== null) params.before = this.oldest;
    try {
      const votes = await call("api/votes", { params });
      this.oldest = votes.at(-1)?.answer_id ?? this.oldest;
      byId("past-list").append(...votes.map((vote) => this.#row(vote)));
      byId("past-more").hidden = votes.length < PAGE;
      const n = byId("past-list").children.length;
      byId("past-note").textContent = n === 0 ? "No answers match." : "";
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      byId("past-note").textContent = error.message;
    }
  }

  #row(vote) {
    const button = element("button", { type: "button", class: "quiet" });
    const when = new Date(vote.at).toLocaleString([], { dateStyle: "short", timeStyle: "short" });
    const model = vote.disagrees ? `, model: ${vote.guess} (${Math.round(100 * vote.guess_probability)} %)` : "";
    button.append(
      element("b", { text: nameOf(vote) }),
      element("span", { class: "small", text: `${vote.path}${partOf(vote)}` }),
      element("span", { class: "small", text: `${vote.person}, ${when}${model}` }),
    );
    button.addEventListener("click", () => {
      byId("past").close();
      this.questions.correct(vote, nameOf(vote));
      say(`Correct an earlier answer: ${nameOf(vote)}.`);
    });
    return element("li", {}, button);
  }
}

function fill(select, all, pairs) {
  const before = select.value;
  const options = [["", all], ...pairs].map(([value, text]) => element("option", { value, text }));
  select.replaceChildren(...options);
  if (pairs.some(([value]) => value === before)) select.value = before;
}

const nameOf = ({ kind, label }) => label ?? document.querySelector(`[data-kind="${kind}"]`).dataset.title;

const partOf = ({ start, end }) => (start === null ? "" : ` · ${start.toFixed(1)} to ${end.toFixed(1)} s`);
