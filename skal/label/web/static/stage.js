// The stage: one recording at a time, with its picture, axes, sound and playback controls.

import { pictureUrl } from "./api.js";
import { drawAxes, heightOf } from "./axes.js";
import { byId, element } from "./dom.js";
import { Player } from "./player.js";
import { ended, notice } from "./messages.js";
import { makeTransport } from "./transport.js";
import { View } from "./zoom.js";

const DARK = matchMedia("(prefers-color-scheme: dark)");
const SETTLED = 120; // wait for the end of a resize or of keys, in ms

export class Stage {
  constructor(settings) {
    this.settings = settings;
    this.question = null;
    this.loaded = new Set(); // questions whose picture must fit the page
    this.view = new View();
    this.player = new Player({
      moved: (seconds, length) => this.transport.show(seconds, length),
      described: () => this.#drawAxes(),
      changed(isPlaying) {
        byId("stage").classList.toggle("playing", isPlaying);
        byId("play-label").textContent = isPlaying ? "Pause" : "Play";
      },
      blocked() {
        byId("explanation").textContent = "Press space or Play to listen: the browser is silent until you do.";
      },
      failed(message) {
        const { key, title } = document.querySelector('[data-kind="bad"]').dataset;
        notice("clip", `${message} Press ${key} (${title}) to set it aside.`);
      },
    });
    this.transport = makeTransport(this.player, this.view, () => this.#look().axis);
    this.drawLater = () => {};
    this.view.changed = () => {
      this.#drawAxes();
      this.transport.show(this.player.position, this.player.length);
      this.drawLater();
    };
    this.#watchLook();
    settings.watch("even", (on) => this.player.setEven(on));
  }

  // Begin to load the sound and picture of a question.
  load(question) {
    const loaded = { ...question, deck: this.player.load(question.clip_id) };
    this.loaded.add(loaded);
    // A hidden stage has no size yet; show() draws then.
    if (byId("plot").clientWidth) this.#draw(loaded);
    return loaded;
  }

  drop(question) {
    this.loaded.delete(question);
    this.player.drop(question.deck);
    if (question === this.question) this.question = null;
  }

  show(question) {
    this.question = question;
    this.view.times = null;
    this.view.fit(0, 0);
    byId("work").hidden = false;
    byId("stage").removeAttribute("aria-busy");
    if (question.look !== JSON.stringify(this.#lookOf(question))) this.#draw(question);
    byId("title").textContent = "What do you hear?";
    byId("explanation").textContent = `Why this one: ${ended(question.explanation)}`;
    showFile(question);
    showGuess(question);
    notice("clip", null);
    this.#showPicture(question);
    this.player.show(question.deck);
    if (this.settings.autoplay && document.querySelector("dialog[open]") === null) this.player.play();
  }

  // Remove the recording; its question may be shown again later.
  hide() {
    this.question = null;
    this.player.hide();
    byId("work").hidden = true;
  }

  say(title, explanation, { isBusy = false } = {}) {
    byId("stage").toggleAttribute("aria-busy", isBusy);
    byId("title").textContent = title;
    byId("explanation").textContent = explanation;
  }

  #look() {
    const plot = byId("plot");
    const limited = (pixels, most) => Math.min(most, Math.max(16, Math.round(pixels)));
    return {
      width: limited(plot.clientWidth, 2400),
      height: limited(plot.clientHeight, 1200),
      scale: Math.min(3, Math.max(1, window.devicePixelRatio)),
      theme: DARK.matches ? "dark" : "light",
      axis: this.settings.linear ? "linear" : "mel",
      ...this.view.look,
    };
  }

  // Only the recording on the screen shows a part of its time.
  #lookOf(question) {
    const { times } = this.view;
    if (question !== this.question || !times) return this.#look();
    const [start, end] = times.map((time) => Number(time.toFixed(3)));
    return { ...this.#look(), start, end };
  }

  #draw(question) {
    const look = this.#lookOf(question);
    question.look = JSON.stringify(look);
    question.image = element("img", { alt: "", src: pictureUrl(question.clip_id, look) });
    question.image.covers = look;
  }

  #showPicture(question) {
    const image = question.image;
    const note = byId("picture-note");
    // Other pictures are late: of a part that is no longer shown, of an earlier recording.
    const isWanted = () => image === this.question?.image;
    const put = () => {
      image.id = "spectrogram";
      byId("spectrogram").replaceWith(image);
      this.#drawAxes();
    };
    image.onload = () => {
      if (!isWanted()) return;
      note.textContent = "";
      if (image.id === "") put();
    };
    image.onerror = () => {
      if (!isWanted()) return;
      put();
      note.textContent = "There is no picture of this recording.";
    };
    // The picture of another part stays, stretched to its place, until this one is there.
    const stays = !image.complete && question.clip_id === Number(byId("spectrogram").dataset.clip);
    image.dataset.clip = question.clip_id;
    if (!stays) {
      note.textContent = image.complete ? "" : "Drawing …";
      put();
    }
    if (image.complete && image.naturalWidth === 0) image.onerror();
  }

  #drawAxes() {
    const { sampleRate, length } = this.player;
    this.view.fit(length, sampleRate / 2);
    const { start, end, low: lowest, high: highest } = this.view;
    const { axis } = this.#look();
    drawAxes(byId("axes"), byId("plot"), { start, end, length, lowest, highest, axis });
    this.#placePicture();
  }

  // Where the part that a picture has lies in the part that is shown.
  #placePicture() {
    const { style, covers = {} } = byId("spectrogram");
    const { start, end, low, high, length, highest } = this.view;
    const { axis } = this.#look();
    if (!(length > 0) || covers.axis !== axis) {
      style.transform = "";
      return;
    }
    const across = (time) => (time - start) / (end - start);
    const up = (hertz) => heightOf(hertz, high, axis, low);
    const [left, right] = [across(covers.start ?? 0), across(covers.end ?? length)];
    const [bottom, top] = [up(covers.low ?? 0), up(Math.min(covers.high ?? highest, highest))];
    style.transform =
      `translate(${100 * left}%, ${100 * (1 - top)}%) scale(${right - left}, ${top - bottom})`;
  }

  // A picture fits one width, theme, axis and part. Only the last of many changes is drawn.
  #watchLook() {
    let timer = null;
    const check = () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        if (this.question) this.#drawAgain();
      }, SETTLED);
    };
    this.drawLater = check;
    new ResizeObserver(check).observe(byId("picture"));
    DARK.addEventListener("change", check);
    this.settings.watch("linear", check);
  }

  #drawAgain() {
    for (const question of this.loaded) {
      if (question.look !== JSON.stringify(this.#lookOf(question))) this.#draw(question);
    }
    if (this.question.image !== byId("spectrogram")) this.#showPicture(this.question);
    this.#drawAxes();
    this.transport.show(this.player.position, this.player.length);
  }
}

function showFile({ name, start, end }) {
  const part = start === null ? "" : ` · ${start.toFixed(1)} to ${(end ?? 0).toFixed(1)} s`;
  byId("file").replaceChildren(element("bdi", { text: name + part }));
  byId("file").title = name + part;
}

function showGuess({ guess, guess_probability }) {
  byId("guess").hidden = !guess;
  if (!guess) return;
  const sure = guess_probability === null ? "" : `, ${Math.round(100 * guess_probability)}% sure`;
  byId("guess").replaceChildren("The model predicts ", element("b", { text: guess }), sure);
}
