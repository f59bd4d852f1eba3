// The part of the picture that is shown: times, frequencies, contrast.

import { byId } from "./dom.js";

const STEP = 2; // one press of a key or button
const SHORTEST = 0.05; // in s
const NARROWEST = 200; // in Hz
const CONTRASTS = [0.5, 0.75, 1, 1.5, 2, 3, 4];

export class View {
  constructor() {
    this.changed = () => {};
    this.contrast = 1;
    this.frequencies = null; // [low, high] in Hz; null: all. Kept from clip to clip.
    this.times = null; // [start, end] in s; null: the whole clip
    this.length = 0;
    this.highest = 0;
  }

  // Another clip: its length in s, its highest frequency in Hz.
  fit(length, highest) {
    this.length = length;
    this.highest = highest;
  }

  get start() {
    return this.times?.[0] ?? 0;
  }

  get end() {
    return this.times?.[1] ?? this.length;
  }

  get low() {
    return this.frequencies?.[0] ?? 0;
  }

  get high() {
    return Math.min(this.frequencies?.[1] ?? this.highest, this.highest);
  }

  // What the server draws.
  get look() {
    const look = { contrast: this.contrast };
    if (this.frequencies) [look.low, look.high] = this.frequencies.map((hertz) => Math.round(hertz));
    return look;
  }

  zoomTimes(direction, around) {
    if (!(this.length > 0)) return;
    const span = (this.end - this.start) * STEP ** -direction;
    this.times = part(around - span / 2, Math.max(span, SHORTEST), this.length);
    this.#tell();
  }

  zoomFrequencies(direction) {
    if (!(this.highest > 0)) return;
    const span = (this.high - this.low) * STEP ** -direction;
    const middle = (this.high + this.low) / 2;
    this.frequencies = part(middle - span / 2, Math.max(span, NARROWEST), this.highest);
    this.#tell();
  }

  // Move by a share of the shown part.
  move(times, frequencies) {
    const seconds = (this.end - this.start) * times;
    const hertz = (this.high - this.low) * frequencies;
    if (this.times) this.times = part(this.start + seconds, this.end - this.start, this.length);
    if (this.frequencies) this.frequencies = part(this.low + hertz, this.high - this.low, this.highest);
    this.#tell();
  }

  // Show the frame drawn with the pointer.
  box(times, frequencies) {
    this.times = part(times[0], Math.max(times[1] - times[0], SHORTEST), this.length);
    this.frequencies = part(frequencies[0], Math.max(frequencies[1] - frequencies[0], NARROWEST), this.highest);
    this.#tell();
  }

  // Turn the page when the playhead leaves it.
  follow(seconds) {
    if (!this.times || (seconds >= this.start && seconds <= this.end)) return;
    this.times = part(seconds, this.end - this.start, this.length);
    this.#tell();
  }

  changeContrast(direction) {
    const at = CONTRASTS.indexOf(this.contrast) + direction;
    this.contrast = CONTRASTS[Math.min(CONTRASTS.length - 1, Math.max(0, at))];
    this.#tell();
  }

  whole() {
    [this.times, this.frequencies, this.contrast] = [null, null, 1];
    this.#tell();
  }

  #tell() {
    byId("view-whole").disabled = !this.times && !this.frequencies && this.contrast === 1;
    this.changed();
  }
}

// A span within 0 to an end; null if it is the whole.
function part(start, span, end) {
  if (span >= end) return null;
  const first = Math.min(Math.max(0, start), end - span);
  return [first, first + span];
}
