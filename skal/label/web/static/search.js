// Find more of a sound: like the recording at hand, or of a class. The list shows the best that is
// found, labeled recordings too; each can be opened and answered, or all of them asked in turn.

import { ApiError, call } from "./api.js";
import { byId, element } from "./dom.js";
import { say } from "./talk.js";

export class Search {
  constructor(questions) {
    this.questions = questions;
    this.clip = null; // the recording at hand when the dialog was opened
    this.turn = 0;
    byId("search-open").addEventListener("click", () => this.open());
    byId("search-what").addEventListener("change", () => this.#list());
    byId("search-begin").addEventListener("click", () => this.#begin());
    byId("search-end").addEventListener("click", () => questions.look(null));
    questions.sought = (seek) => this.#tell(seek);
  }

  async open() {
    const turn = ++this.turn; // what arrives for an earlier opening is dropped
    this.clip = this.questions.current ?? this.questions.correcting;
    byId("search-list").replaceChildren();
    byId("search-begin").disabled = true;
    byId("search-note").textContent = "Loading …";
    byId("search").showModal();
    try {
      await this.questions.outbox.settled();
      const classes = await call("api/classes");
      if (turn !== this.turn) return;
      const like = this.clip ? [element("option", { value: `like:${this.clip.clip_id}`, text: `like ${this.clip.name}` })] : [];
      const of = classes.map(({ name }) => element("option", { value: `label:${name}`, text: `of the class ${name}` }));
      byId("search-for").replaceChildren(...like, ...of);
    } catch (error) {
      if (turn === this.turn) this.#fail(error);
      return;
    }
    await this.#list();
  }

  // What is chosen, as parameters of a request.
  get #seek() {
    const [what, ...rest] = byId("search-for").value.split(":");
    return [[what, rest.join(":")]];
  }

  async #list() {
    const turn = ++this.turn;
    byId("search-list").replaceChildren();
    byId("search-begin").disabled = true;
    byId("search-note").textContent = "Looking …";
    try {
      const found = await call("api/found", { params: this.#seek });
      if (turn !== this.turn) return;
      byId("search-list").replaceChildren(...found.map((one) => this.#row(one)));
      const n = found.filter(({ kind }) => kind === null).length;
      byId("search-begin").disabled = n === 0;
      byId("search-note").textContent = n === 0 ? "Nothing is found that has no answer yet." : "";
    } catch (error) {
      if (turn === this.turn) this.#fail(error);
    }
  }

  #fail(error) {
    if (!(error instanceof ApiError)) throw error;
    byId("search-begin").disabled = true;
    byId("search-note").textContent = error.message;
  }

  #row(one) {
    const button = element("button", { type: "button", class: "quiet" });
    const score = one.reason === "likely" ? `${Math.round(100 * one.score)} % likely` : `similarity ${one.score.toFixed(2)}`;
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
        byId("search-note").textContent = "Another person is listening to it or has answered, or you skipped it.";
        return;
      }
      byId("search").close();
    } catch (error) {
      this.#fail(error);
    }
  }

  async #begin() {
    const seek = this.#seek;
    byId("search").close();
    await this.questions.look(seek);
  }

  #tell(seek) {
    byId("searching").hidden = seek === null;
    if (seek === null) return;
    const text = `You look for recordings ${byId("search-for").selectedOptions[0].textContent}.`;
    byId("searching-for").textContent = text;
    say(`${text} They follow the one on the screen.`);
  }
}

const nameOf = ({ kind, label }) => label ?? document.querySelector(`[data-kind="${kind}"]`).dataset.title;

const partOf = ({ start, end }) => (start === null ? "" : ` · ${start.toFixed(1)} to ${end.toFixed(1)} s`);
