// Find more of a sound: like the current recording, or of a class. The list shows the best matches,
// labeled recordings too; a person can open and answer each, or be asked about all in turn.

import { ApiError, call } from "./api.js";
import { byId, element } from "./dom.js";
import { say } from "./messages.js";

export class FindMore {
  constructor(questions) {
    this.questions = questions;
    this.clip = null; // the current recording when the dialog was opened
    this.turn = 0;
    byId("find-more-open").addEventListener("click", () => this.open());
    byId("find-more-what").addEventListener("change", () => this.#list());
    byId("find-more-begin").addEventListener("click", () => this.#begin());
    byId("find-more-end").addEventListener("click", () => questions.findMore(null));
    questions.queryChanged = (query) => this.#tell(query);
  }

  async open() {
    const turn = ++this.turn; // what arrives for an earlier opening is dropped
    this.clip = this.questions.current ?? this.questions.correcting;
    byId("find-more-list").replaceChildren();
    byId("find-more-begin").disabled = true;
    byId("find-more-note").textContent = "Loading …";
    byId("find-more").showModal();
    try {
      await this.questions.outbox.settled();
      const classes = await call("api/classes");
      if (turn !== this.turn) return;
      const like = this.clip ? [element("option", { value: `like:${this.clip.clip_id}`, text: `like ${this.clip.name}` })] : [];
      const of = classes.map(({ name }) => element("option", { value: `label:${name}`, text: `of the class ${name}` }));
      byId("find-more-for").replaceChildren(...like, ...of);
    } catch (error) {
      if (turn === this.turn) this.#fail(error);
      return;
    }
    await this.#list();
  }

  // What is chosen, as parameters of a request.
  get #query() {
    const [what, ...rest] = byId("find-more-for").value.split(":");
    return [[what, rest.join(":")]];
  }

  async #list() {
    const turn = ++this.turn;
    byId("find-more-list").replaceChildren();
    byId("find-more-begin").disabled = true;
    byId("find-more-note").textContent = "Looking …";
    try {
      const found = await call("api/found", { params: this.#query });
      if (turn !== this.turn) return;
      byId("find-more-list").replaceChildren(...found.map((one) => this.#row(one)));
      const n = found.filter(({ kind }) => kind === null).length;
      byId("find-more-begin").disabled = n === 0;
      byId("find-more-note").textContent = n === 0 ? "All matches have answers." : "";
    } catch (error) {
      if (turn === this.turn) this.#fail(error);
    }
  }

  #fail(error) {
    if (!(error instanceof ApiError)) throw error;
    byId("find-more-begin").disabled = true;
    byId("find-more-note").textContent = error.message;
  }

  #row(one) {
    const button = element("button", { type: "button", class: "quiet" });
    const score = one.reason === "likely" ? `${Math.round(100 * one.score)}% likely` : `similarity ${one.score.toFixed(2)}`;
    const said = one.kind === null ? "no answer yet" : `${nameOf(one)}, by ${one.person}`;
    button.append(
      element("b", { text: `${one.path}${partOf(one)}` }),
      element("span", { class: "small", text: `${score}; ${said}` }),
    );
    button.addEventListener("click", () => this.#open(one));
    return element("li", {}, button);
  }

  async #open(one) {
    try {
      if (one.answer_id !== null) {
        this.questions.correct(one, nameOf(one));
      } else if (!(await this.questions.take(one.clip_id, one.reason))) {
        byId("find-more-note").textContent = "Another person is listening to it or has answered, or you skipped it.";
        return;
      }
      byId("find-more").close();
    } catch (error) {
      this.#fail(error);
    }
  }

  async #begin() {
    const query = this.#query;
    byId("find-more").close();
    await this.questions.findMore(query);
  }

  #tell(query) {
    byId("finding").hidden = query === null;
    if (query === null) return;
    const text = `Searching for recordings ${byId("find-more-for").selectedOptions[0].textContent}.`;
    byId("finding-for").textContent = text;
    say(`${text} They come after the current recording.`);
  }
}

const nameOf = ({ kind, label }) => label ?? document.querySelector(`[data-kind="${kind}"]`).dataset.title;

const partOf = ({ start, end }) => (start === null ? "" : ` · ${start.toFixed(1)} to ${end.toFixed(1)} s`);
