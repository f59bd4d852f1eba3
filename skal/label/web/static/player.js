// The player: recordings loaded ahead on decks, equally loud, with a position for the playhead.

import { audioUrl, call, clipUrl } from "./api.js";

export class Player {
  // The hooks are moved(seconds, length), described(), changed(isPlaying), blocked() and
  // failed(message); described() says that length and sampling rate are known.
  constructor(hooks) {
    this.hooks = hooks;
    this.free = [];
    this.deck = null;
    this.even = true;
    this.loop = false;
    this.rate = 1;
    this.slow = 1;
    this.context = null;
    this.draw = this.draw.bind(this);
  }

  // Start loading a clip; pass the deck to show() or drop() later.
  load(clip) {
    const deck = this.free.pop() ?? this.#newDeck();
    deck.clip = clip;
    deck.gain = 1;
    deck.error = null;
    deck.length = null;
    deck.sampleRate = null;
    this.#fill(deck);
    deck.info = call(clipUrl(clip)).then(
      (info) => {
        if (deck.clip !== clip) return;
        deck.gain = info.gain;
        deck.length = info.duration;
        deck.sampleRate = info.sample_rate;
        this.#setVolume(deck);
        if (deck === this.deck) this.#tell();
        if (deck === this.deck) this.hooks.described();
      },
      (error) => {
        if (deck.clip !== clip || error.status === 0) return;
        deck.error = error.message;
        if (deck === this.deck) this.hooks.failed(error.message);
      },
    );
    return deck;
  }

  // A deck holds the sound as played; its times are those of the recording, times `slow`.
  #fill(deck) {
    deck.slow = this.slow;
    deck.audio.src = audioUrl(deck.clip, deck.slow);
    deck.audio.load();
  }

  drop(deck) {
    deck.audio.pause();
    deck.audio.removeAttribute("src");
    deck.audio.load();
    deck.clip = null;
    this.free.push(deck);
  }

  show(deck) {
    this.pause();
    this.deck = deck;
    if (deck.slow !== this.slow) this.#fill(deck);
    deck.audio.loop = this.loop;
    deck.audio.playbackRate = this.rate;
    if (deck.audio.currentTime > 0) deck.audio.currentTime = 0;
    if (deck.error) this.hooks.failed(deck.error);
    this.#tell();
    this.hooks.described();
  }

  hide() {
    this.pause();
    this.deck = null;
  }

  get isPlaying() {
    return Boolean(this.deck) && !this.deck.audio.paused && !this.deck.audio.ended;
  }

  get length() {
    const known = this.deck?.audio.duration;
    return Number.isFinite(known) ? known / this.deck.slow : (this.deck?.length ?? 0);
  }

  get sampleRate() {
    return this.deck?.sampleRate ?? 0;
  }

  async play() {
    const deck = this.deck;
    if (!deck) return;
    this.#route(deck);
    try {
      await deck.audio.play();
    } catch (error) {
      // NotAllowedError: browsers are silent until a person touches the page. AbortError: the next
      // clip came first. The error event reports what cannot be decoded.
      if (error.name === "NotAllowedError" && deck === this.deck) this.hooks.blocked();
    }
  }

  pause() {
    this.deck?.audio.pause();
  }

  toggle() {
    if (this.isPlaying) this.pause();
    else this.play();
  }

  seek(seconds) {
    if (!this.deck) return;
    this.deck.audio.currentTime = Math.min(Math.max(0, seconds), this.length) * this.deck.slow;
    this.#tell();
  }

  get position() {
    return this.deck ? this.deck.audio.currentTime / this.deck.slow : 0;
  }

  setLoop(loop) {
    this.loop = loop;
    if (this.deck) this.deck.audio.loop = loop;
  }

  // A speed such as "0.5" keeps the pitch; "slow-10" is a tenth of speed and pitch.
  setSpeed(speed) {
    const slow = speed.startsWith("slow-") ? Number(speed.slice(5)) : 1;
    this.rate = slow === 1 ? Number(speed) : 1;
    if (slow !== this.slow) {
      this.slow = slow;
      const wasPlaying = this.isPlaying;
      if (this.deck) this.#fill(this.deck);
      if (wasPlaying) this.play();
    }
    // Loading resets the rate.
    if (this.deck) this.deck.audio.defaultPlaybackRate = this.deck.audio.playbackRate = this.rate;
  }

  setEven(even) {
    this.even = even;
    if (this.deck) this.#setVolume(this.deck);
  }

  // Call it from a key or a click: browsers allow no sound before that.
  unlock() {
    if (!this.context && window.AudioContext) this.context = new AudioContext();
    if (this.context?.state === "suspended") this.context.resume();
  }

  draw() {
    this.#tell();
    if (this.isPlaying) requestAnimationFrame(this.draw);
  }

  #newDeck() {
    const audio = new Audio();
    const deck = { audio, clip: null, volume: null };
    audio.preload = "auto";
    const ours = () => deck === this.deck;
    audio.addEventListener("play", () => {
      if (!ours()) return;
      this.hooks.changed(true);
      requestAnimationFrame(this.draw);
    });
    for (const name of ["pause", "ended"]) {
      audio.addEventListener(name, () => ours() && this.hooks.changed(false));
    }
    for (const name of ["loadedmetadata", "seeked", "ended"]) {
      audio.addEventListener(name, () => ours() && this.#tell());
    }
    audio.addEventListener("error", () => {
      if (!deck.clip && deck.clip !== 0) return;
      // The description of the clip has the reason in words.
      deck.info.then(() => {
        if (ours() && audio.error) {
          this.hooks.failed(deck.error ?? "The sound cannot be loaded.");
        }
      });
    });
    return deck;
  }

  // Only the browser's mixer can amplify the file.
  #route(deck) {
    this.unlock();
    if (this.context && !deck.volume) {
      deck.volume = this.context.createGain();
      this.context.createMediaElementSource(deck.audio).connect(deck.volume);
      deck.volume.connect(this.context.destination);
    }
    this.#setVolume(deck);
  }

  #setVolume(deck) {
    const gain = this.even ? deck.gain : 1;
    if (deck.volume) {
      deck.audio.volume = 1;
      deck.volume.gain.value = gain;
    } else {
      deck.audio.volume = Math.min(1, gain);
    }
  }

  #tell() {
    this.hooks.moved(this.position, this.length);
  }
}
