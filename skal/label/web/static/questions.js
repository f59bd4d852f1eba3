// Questions and answers: loaded ahead, answered, taken back, and sent to the server.

import { ApiError, call, hand, uniqueKey } from "./api.js";
import { byId, element } from "./dom.js";
import { Outbox } from "./outbox.js";
import { ended, notice, say } from "./messages.js";

const AHEAD = 2; // questions to load before they are needed
const STATES = { wait: "saving …", ok: "saved", wrong: "not saved" };

export class Questions {
  constructor(stage, project) {
    this.stage = stage;
    this.changed = () => {}; // called when the server has news
    this.person = null;
    this.current = null; // the question on the screen, as the stage loaded it
    this.upcoming = [];
    this.nothingLeft = false;
    this.query = null; // parameters of "Find more"; null: ask what the model should learn from
    this.queryChanged = () => {}; // called when "Find more" begins or ends
    this.filling = null;
    this.undoing = false;
    this.correcting = null; // the earlier answer on the screen, as the stage loaded it
    this.shownAt = 0;
    this.before = ""; // spoken before the next question
    this.outbox = new Outbox(project, {
      saved: (entry, receipt) => {
        showLast(entry, "ok", comparison(entry, receipt));
        this.changed();
      },
      refused: (entry, error) => {
        showLast(entry, "wrong", `. ${error.message}`);
        say(`Your last answer was not saved. ${error.message}`);
        this.changed();
      },
      waiting: (error) => this.showServer(error),
      moving: () => this.showServer(null),
    });
  }

  give(kind, label = null) {
    if (this.correcting) {
      this.#sendCorrection(kind, label);
      return;
    }
    if (!this.current || this.undoing) return;
    const entry = {
      question_id: this.current.question_id,
      clip_id: this.current.clip_id,
      shown: Date.now(),
      person: this.person,
      kind,
      label,
      seconds: Math.min(86400, (performance.now() - this.shownAt) / 1000),
      client_key: uniqueKey(),
    };
    this.stage.drop(this.current);
    this.current = null;
    showLast(entry, "wait");
    this.outbox.add(entry);
    notice("clip", null);
    this.before = `${nameOf(entry)}. `;
    this.#showNext();
  }

  // Show the recording of an earlier answer, for another answer in its place.
  correct(vote, said) {
    this.stopCorrecting({ shows: false });
    if (this.current) this.upcoming.unshift(this.current);
    this.current = null;
    this.stage.hide();
    this.correcting = this.stage.load({ ...vote, name: vote.path, guess: null, explanation: "", said });
    this.stage.show(this.correcting);
    this.stage.say(`Correct “${said}”`, `Answered by ${vote.person}. Give the right answer, or keep this one.`);
    byId("keep").hidden = false;
  }

  stopCorrecting({ shows = true } = {}) {
    if (!this.correcting) return;
    this.stage.hide();
    this.stage.drop(this.correcting);
    this.correcting = null;
    byId("keep").hidden = true;
    if (shows) this.#showNext();
  }

  async #sendCorrection(kind, label) {
    const { answer_id, said } = this.correcting;
    const vote = this.correcting;
    try {
      await call("api/corrections", { body: { answer_id, person: this.person, kind, label } });
      tellLast(`“${said}” is now “${nameOf({ kind, label })}”.`);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      tellLast(`The answer was not corrected: ${error.message}`);
      if (error.mayPass) return;
    }
    if (vote === this.correcting) this.stopCorrecting();
    this.changed();
  }

  async undo() {
    if (this.undoing) return;
    this.stopCorrecting();
    this.undoing = true;
    try {
      await this.outbox.settled();
      const question = await call("api/undo", { body: { person: this.person } });
      if (question) {
        if (this.current) this.upcoming.unshift(this.current);
        this.stage.hide();
        const said = `Took back your answer “${question.taken_back}”.`;
        this.before = `${said} `;
        this.#show(this.stage.load(question));
        byId("last").textContent = `${said} Answer again.`;
      } else {
        tellLast("You have no answer to take back.");
      }
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      tellLast(`The answer was not taken back: ${error.message}`);
    } finally {
      this.undoing = false;
      this.changed();
    }
  }

  // Ask about matches of a "Find more" query from now on; null: the usual questions again.
  async findMore(query) {
    const unseen = this.upcoming;
    for (const question of unseen) this.stage.drop(question);
    [this.upcoming, this.nothingLeft, this.query] = [[], false, query];
    this.queryChanged(query);
    await this.#giveBack(unseen);
    await this.filling;
    await this.fill();
  }

  // Ask about one clip; whether that was possible.
  async take(clip_id, reason) {
    let question = this.upcoming.find((held) => held.clip_id === clip_id);
    if (this.current?.clip_id === clip_id) return true;
    if (question) this.upcoming.splice(this.upcoming.indexOf(question), 1);
    else {
      const found = await call("api/found/ask", { body: { person: this.person, clip_id, reason } });
      if (found === null) return false;
      question = this.stage.load(found);
    }
    this.stopCorrecting({ shows: false });
    if (this.current) this.upcoming.unshift(this.current);
    this.stage.hide();
    this.#show(question);
    return true;
  }

  async #giveBack(questions) {
    const question_ids = questions.map((question) => question.question_id);
    const body = { person: this.person, question_ids };
    if (question_ids.length > 0) await call("api/release", { body }).catch(() => null);
  }

  become(person) {
    this.query = null;
    this.queryChanged(null);
    this.person = person;
    this.stopCorrecting({ shows: false });
    for (const question of this.#held()) this.stage.drop(question);
    [this.upcoming, this.current, this.nothingLeft] = [[], null, false];
    this.#showWaiting();
    this.fill();
  }

  // Other people need not wait until the time for these clips is over.
  async release() {
    if (this.person !== null) await call("api/release", { body: { person: this.person } }).catch(() => null);
  }

  // The page is left. One that comes back from the browser's cache still shows its question; the
  // server takes the answer unless another person was asked.
  leave() {
    const question_ids = this.#held().map((question) => question.question_id);
    if (this.person !== null && question_ids.length > 0) hand("api/release", { person: this.person, question_ids });
  }

  // Load questions one at a time until there are enough.
  fill() {
    this.filling ??= this.#fill().finally(() => {
      this.filling = null;
    });
    return this.filling;
  }

  // The server answers: send waiting answers, and ask again if no question was left.
  async serverAnswers() {
    if (document.body.classList.contains("offline")) this.outbox.retryNow();
    if (this.outbox.size === 0) this.showServer(null);
    if (!this.current && !this.correcting) {
      this.nothingLeft = false;
      await this.fill();
    }
  }

  showServer(error) {
    document.body.classList.toggle("offline", Boolean(error));
    if (!error) {
      notice("server", null);
      return;
    }
    const n = this.outbox.size;
    const kept = n ? ` This page keeps ${n === 1 ? "1 answer and sends it" : `${n} answers and sends them`} as soon as possible.` : "";
    const trouble = error.status === 0 ? "The server does not answer. Is skal still running?" : error.message;
    notice("server", `${trouble}${kept}`);
  }

  #held() {
    return [...this.upcoming, ...(this.current ? [this.current] : [])];
  }

  #heldClips() {
    return [...this.outbox.entries, ...this.#held()].map((clip) => clip.clip_id);
  }

  async #fill() {
    while (this.person !== null && !this.nothingLeft && this.#held().length <= AHEAD) {
      const { person, query } = this;
      const params = [["person", person], ...(query ?? []), ...this.#heldClips().map((clip) => ["exclude", clip])];
      try {
        const question = await call(query ? "api/found/next" : "api/next", { params });
        if (this.outbox.size === 0) this.showServer(null);
        if (person !== this.person) continue;
        if (query !== this.query) {
          if (question) await this.#giveBack([question]);
        } else if (question === null && query) this.#endFindMore("No more matches.");
        else if (question === null) this.nothingLeft = true;
        else if (!this.#heldClips().includes(question.clip_id)) this.upcoming.push(this.stage.load(question));
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (query && query === this.query && !error.mayPass) {
          this.#endFindMore(error.message);
          continue;
        }
        this.showServer(error);
        this.#showWaiting(error);
        return;
      }
      if (!this.current && !this.correcting) this.#showNext();
    }
  }

  #endFindMore(why) {
    this.query = null;
    this.queryChanged(null);
    tellLast(`${why} The usual questions continue.`);
  }

  #showNext() {
    const question = this.upcoming.shift();
    if (question) this.#show(question);
    else this.#showWaiting();
    this.fill();
  }

  #show(question) {
    this.current = question;
    this.shownAt = performance.now();
    this.stage.show(question);
    say(`${this.before}Next recording, ${(question.duration ?? 0).toFixed(1)} seconds. ${ended(question.explanation)}`);
    this.before = "";
  }

  #showWaiting(trouble = null) {
    if (this.current || this.correcting) return;
    this.stage.hide();
    const [title, explanation] = trouble
      ? ["Waiting for the server", "The next recording appears as soon as the server answers."]
      : this.nothingLeft
        ? ["No recordings are left for you", "Every recording is labeled, set aside, or held by another person. You can download the labels from the panel."]
        : ["One moment …", ""];
    if (byId("title").textContent !== title) say(`${title}. ${explanation}`);
    this.stage.say(title, explanation, { isBusy: !trouble && !this.nothingLeft });
  }
}

// The text of an answer: a class, or the name of another kind.
function nameOf({ kind, label }) {
  return label ?? document.querySelector(`[data-kind="${kind}"]`).dataset.title;
}

function tellLast(text) {
  byId("last").textContent = text;
  say(text);
}

function showLast(entry, state, detail = "") {
  const answer = element("b", { text: nameOf(entry) });
  byId("last").replaceChildren("Last: ", answer, " – ", element("span", { class: state, text: STATES[state] }), detail);
}

function comparison(entry, receipt) {
  if (!receipt.guess || entry.label === null) return "";
  const sure = receipt.guess_probability === null ? "" : ` (${Math.round(100 * receipt.guess_probability)}%)`;
  return receipt.guess === entry.label
    ? `. The model predicted the same${sure}.`
    : `. The model predicted ${receipt.guess}${sure}.`;
}
