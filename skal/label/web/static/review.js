// Review answers: a list, newest first, filtered; each can be opened and corrected.

import { ApiError, call } from "./api.js";
import { byId, element } from "./dom.js";
import { say } from "./messages.js";

const PAGE = 50;

export class Review {
  constructor(questions) {
    this.questions = questions;
    this.oldest = null;
    byId("review-open").addEventListener("click", () => this.open());
    byId("review-filter").addEventListener("change", () => this.#list());
    byId("review-more").addEventListener("click", () => this.#more());
    byId("keep").addEventListener("click", () => questions.stopCorrecting());
  }

  async open() {
    byId("review-list").replaceChildren();
    byId("review-note").textContent = "Loading …";
    byId("review").showModal();
    try {
      await this.questions.outbox.settled();
      await this.#fillFilters();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      byId("review-note").textContent = error.message;
      return;
    }
    await this.#list();
  }

  async #fillFilters() {
    const [classes, people] = await Promise.all([call("api/classes"), call("api/people")]);
    const kinds = [...document.querySelectorAll("[data-kind]")].map(({ dataset }) => dataset);
    fill(byId("review-class"), "all classes", [
      ...classes.map(({ name }) => [`label:${name}`, name]),
      ...kinds.map(({ kind, title }) => [`kind:${kind}`, title]),
    ]);
    fill(byId("review-person"), "all people", people.map((name) => [name, name]));
  }

  async #list() {
    byId("review-list").replaceChildren();
    this.oldest = null;
    await this.#more();
  }

  async #more() {
    const params = { limit: PAGE, disagrees: byId("review-disagrees").checked };
    const [what, ...rest] = byId("review-class").value.split(":");
    if (what) params[what] = rest.join(":");
    if (byId("review-person").value) params.person = byId("review-person").value;
    if (this.oldest !== null) params.before = this.oldest;
    try {
      const votes = await call("api/votes", { params });
      this.oldest = votes.at(-1)?.answer_id ?? this.oldest;
      byId("review-list").append(...votes.map((vote) => this.#row(vote)));
      byId("review-more").hidden = votes.length < PAGE;
      const n = byId("review-list").children.length;
      byId("review-note").textContent = n === 0 ? "No answers match." : "";
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      byId("review-note").textContent = error.message;
    }
  }

  #row(vote) {
    const button = element("button", { type: "button", class: "quiet" });
    const when = new Date(vote.at).toLocaleString([], { dateStyle: "short", timeStyle: "short" });
    const model = vote.disagrees ? `, model: ${vote.guess} (${Math.round(100 * vote.guess_probability)}%)` : "";
    button.append(
      element("b", { text: nameOf(vote) }),
      element("span", { class: "small", text: `${vote.path}${partOf(vote)}` }),
      element("span", { class: "small", text: `${vote.person}, ${when}${model}` }),
    );
    button.addEventListener("click", () => {
      byId("review").close();
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
