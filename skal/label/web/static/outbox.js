// Answers on their way to the server. Each stays in the browser's storage until the server
// confirms it, and is resent with the same key: no answer is lost or counted twice.

import { ApiError, call } from "./api.js";

const FIRST_PAUSE = 500; // in ms
const LONGEST_PAUSE = 8000;

export class Outbox {
  // The hooks are saved(entry, receipt), refused(entry, error), waiting(error) and moving().
  constructor(name, hooks) {
    this.prefix = `skal-answer:${name}:`;
    this.hooks = hooks;
    this.entries = this.#stored();
    this.idle = [];
    this.sending = false;
    this.wake = null;
  }

  get size() {
    return this.entries.length;
  }

  add(entry) {
    this.entries.push(entry);
    try {
      localStorage.setItem(this.prefix + entry.client_key, JSON.stringify(entry));
    } catch {
      // Storage is full or blocked: only this page keeps the answer.
    }
    this.send();
  }

  // Resolves when all answers are on disk; rejects if the server does not answer.
  settled() {
    if (this.size === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.idle.push({ resolve, reject });
      this.send();
    });
  }

  retryNow() {
    this.wake?.();
  }

  async send() {
    if (this.sending) return;
    this.sending = true;
    let pause = FIRST_PAUSE;
    while (this.size > 0) {
      const entry = this.entries[0];
      const failure = await this.#deliver(entry);
      if (failure) {
        for (const { reject } of this.idle.splice(0)) reject(failure);
        this.hooks.waiting(failure);
        await this.#sleep(pause);
        pause = Math.min(2 * pause, LONGEST_PAUSE);
      } else {
        pause = FIRST_PAUSE;
        this.hooks.moving();
      }
    }
    this.sending = false;
    for (const { resolve } of this.idle.splice(0)) resolve();
  }

  // Returns the error after which the answer must be sent again, or null.
  async #deliver(entry) {
    const { clip_id, shown, ...body } = entry;
    try {
      const receipt = await call("api/answers", { body });
      this.#remove(entry);
      this.hooks.saved(entry, receipt);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.mayPass) return error;
      this.#remove(entry);
      this.hooks.refused(entry, error);
    }
    return null;
  }

  #remove(entry) {
    this.entries = this.entries.filter((other) => other !== entry);
    try {
      localStorage.removeItem(this.prefix + entry.client_key);
    } catch {
      // As in add.
    }
  }

  #stored() {
    const entries = [];
    try {
      for (const name of Object.keys(localStorage)) {
        if (name.startsWith(this.prefix)) entries.push(JSON.parse(localStorage.getItem(name)));
      }
    } catch {
      // Storage is blocked, or has other data: there is nothing to resend.
    }
    return entries.sort((one, other) => one.shown - other.shown);
  }

  #sleep(time) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, time);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
