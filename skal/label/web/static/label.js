// The page that people label in: asks, plays, takes answers by key or by finger.

import { ApiError, call, hand, pictureUrl, uniqueKey } from "./api.js";
import { Outbox } from "./outbox.js";
import { element, listProblems, showProgress } from "./panel.js";
import { Player } from "./player.js";
import { makeSettings } from "./settings.js";
import { notice, say } from "./talk.js";
import { makeTransport } from "./transport.js";

const AHEAD = 2; // questions that are loaded before they are needed
const PAUSE = 2500; // between two looks at the server, in ms
const WORDS = { skip: "skipped", unsure: "unsure", bad: "bad recording" };

const byId = (id) => document.getElementById(id);
const body = document.body;

let person = null;
let classes = [];
let current = null; // the question on the screen, with its deck and its picture
let upcoming = [];
let nothingLeft = false;
let filling = null;
let undoing = false;
let shownAt = 0;
let before = ""; // what is said before the next question

// ---- What is said

function serverIs(error) {
  body.classList.toggle("offline", Boolean(error));
  if (!error) {
    notice("server", null);
    return;
  }
  const n = outbox.size;
  const kept = n ? ` ${n === 1 ? "1 answer is" : `${n} answers are`} kept in this page and sent as soon as possible.` : "";
  const trouble = error.status === 0 ? "The server does not answer. Is skal still running?" : error.message;
  notice("server", `${trouble}${kept}`);
}

function showLast(entry, state, detail = "") {
  const answer = element("b", { text: entry.kind === "label" ? entry.label : WORDS[entry.kind] });
  const states = { wait: "saving …", ok: "saved", wrong: "not saved" };
  byId("last").replaceChildren("Last: ", answer, " – ", element("span", { class: state, text: states[state] }), detail);
}

function comparison(entry, receipt) {
  if (!receipt.guess || entry.kind !== "label") return "";
  const sure = receipt.guess_probability === null ? "" : ` (${Math.round(100 * receipt.guess_probability)} %)`;
  return receipt.guess === entry.label
    ? `. The model had expected the same${sure}.`
    : `. The model had expected ${receipt.guess}${sure}.`;
}

// ---- Answers

const outbox = new Outbox(`${body.dataset.project}:${body.dataset.created}`, {
  saved(entry, receipt) {
    showLast(entry, "ok", comparison(entry, receipt));
    refreshSoon();
  },
  refused(entry, error) {
    showLast(entry, "wrong", `. ${error.message}`);
    say(`Your last answer was not saved. ${error.message}`);
    refreshSoon();
  },
  waiting: serverIs,
  moving: () => serverIs(null),
});

function give(kind, label = null) {
  if (!current || undoing) return;
  const entry = {
    asked_id: current.asked_id,
    clip_id: current.clip_id,
    shown: Date.now(),
    person,
    kind,
    label,
    seconds: Math.min(86400, (performance.now() - shownAt) / 1000),
    client_key: uniqueKey(),
  };
  player.drop(current.deck);
  current = null;
  showLast(entry, "wait");
  outbox.add(entry);
  notice("clip", null);
  before = `${label ?? WORDS[kind]}. `;
  showNext();
}

async function undo() {
  if (undoing) return;
  undoing = true;
  try {
    await outbox.settled();
    const question = await call("/api/undo", { body: { person } });
    if (question) {
      if (current) upcoming.unshift(current);
      player.hide();
      before = "Your last answer is taken back. ";
      show(prepare(question));
      byId("last").textContent = "Your last answer is taken back. What is it really?";
    } else {
      byId("last").textContent = "There is no answer of yours to take back.";
      say(byId("last").textContent);
    }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    byId("last").textContent = `Nothing is taken back: ${error.message}`;
    say(byId("last").textContent);
  } finally {
    undoing = false;
    refreshSoon();
  }
}

// ---- Questions

function look() {
  const box = byId("picture");
  return {
    width: Math.min(2400, Math.max(160, Math.round(box.clientWidth))),
    height: Math.min(1200, Math.max(100, Math.round(box.clientHeight))),
    scale: Math.min(3, Math.max(1, window.devicePixelRatio)),
    theme: matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light",
    axis: settings.linear ? "linear" : "mel",
  };
}

function prepare(question) {
  const asked = { ...question, deck: player.load(question.clip_id) };
  draw(asked);
  return asked;
}

function draw(asked) {
  asked.image = new Image();
  asked.image.alt = "";
  asked.image.src = pictureUrl(asked.clip_id, look());
}

function held() {
  const clips = [...outbox.entries, ...upcoming, ...(current ? [current] : [])];
  return clips.map((clip) => clip.clip_id);
}

// Load questions until there are enough; one at a time, whoever asks for it.
function fill() {
  filling ??= fillUp().finally(() => {
    filling = null;
  });
  return filling;
}

async function fillUp() {
  while (person !== null && !nothingLeft && upcoming.length + (current ? 1 : 0) <= AHEAD) {
    const who = person;
    const params = [["person", who], ...held().map((clip) => ["exclude", clip])];
    try {
      const question = await call("/api/next", { params });
      if (outbox.size === 0) serverIs(null);
      if (who !== person) continue;
      if (question === null) nothingLeft = true;
      else if (!held().includes(question.clip_id)) upcoming.push(prepare(question));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      serverIs(error);
      showWaiting(error.message);
      return;
    }
    if (!current) showNext();
  }
}

function showNext() {
  const question = upcoming.shift();
  if (question) show(question);
  else showWaiting();
  fill();
}

function show(question) {
  current = question;
  byId("work").hidden = false;
  byId("stage").removeAttribute("aria-busy");
  if (byId("work").clientWidth && !question.image.src.includes(`width=${look().width}&`)) draw(question);
  byId("title").textContent = "What do you hear?";
  byId("why").textContent = `Why this one: ${question.why}.`;
  showFile(question);
  showGuess(question);
  notice("clip", null);
  showPicture(question);
  player.show(question.deck);
  shownAt = performance.now();
  say(`${before}Next recording, ${(question.duration ?? 0).toFixed(1)} seconds. ${question.why}.`);
  before = "";
  if (settings.autoplay && document.querySelector("dialog[open]") === null) player.play();
}

function showPicture(question) {
  const image = question.image;
  const note = byId("picture-note");
  note.textContent = image.complete ? "" : "Drawing …";
  image.onload = () => question === current && (note.textContent = "");
  image.onerror = () => question === current && (note.textContent = "There is no picture of this recording.");
  if (image.complete && image.naturalWidth === 0) image.onerror();
  image.id = "spectrogram";
  byId("spectrogram").replaceWith(image);
}

function showFile({ name, start, end }) {
  const part = start === null ? "" : ` · ${start.toFixed(1)} to ${(end ?? 0).toFixed(1)} s`;
  byId("file").replaceChildren(element("bdi", { text: name + part }));
  byId("file").title = name + part;
}

function showGuess({ guess, guess_probability }) {
  byId("guess").hidden = !guess;
  if (!guess) return;
  const sure = guess_probability === null ? "" : `, ${Math.round(100 * guess_probability)} % sure`;
  byId("guess").replaceChildren("The model expects ", element("b", { text: guess }), sure);
}

function showWaiting(trouble = null) {
  if (current) return;
  player.hide();
  byId("work").hidden = true;
  byId("stage").toggleAttribute("aria-busy", !trouble && !nothingLeft);
  const [title, why] = trouble
    ? ["Waiting for the server", "The next recording comes as soon as it answers."]
    : nothingLeft
      ? ["Nothing is left to ask you", "Every recording is labeled, set aside, or in somebody else’s hands. The labels can be taken from the panel."]
      : ["One moment …", ""];
  if (byId("title").textContent !== title) say(`${title}. ${why}`);
  byId("title").textContent = title;
  byId("why").textContent = why;
}

// ---- Sound

const player = new Player({
  moved: (seconds, length) => transport.show(seconds, length),
  changed(isPlaying) {
    byId("stage").classList.toggle("playing", isPlaying);
    byId("play-label").textContent = isPlaying ? "Pause" : "Play";
  },
  blocked() {
    byId("why").textContent = "Press space or Play to listen: the browser stays silent until you do.";
  },
  failed(message) {
    notice("clip", `${message} Press b (Bad recording) to set it aside.`);
  },
});
const transport = makeTransport(player);

// ---- Classes and people

function showClasses() {
  const buttons = classes.map(({ name, key }) => {
    const button = element("button", { type: "button", title: name });
    if (key) {
      button.append(element("kbd", { text: key, "aria-hidden": "true" }));
      button.setAttribute("aria-keyshortcuts", key);
    }
    button.append(element("span", { text: name }));
    button.addEventListener("click", () => press(() => give("label", name)));
    return button;
  });
  const add = element("button", { type: "button", class: "add", "aria-haspopup": "dialog", "aria-keyshortcuts": "+" });
  add.append(element("kbd", { text: "+", "aria-hidden": "true" }), element("span", { text: "Add a class" }));
  add.addEventListener("click", openNewClass);
  byId("classes").replaceChildren(...buttons, add);
}

function openNewClass() {
  byId("new-class-form").reset();
  byId("class-error").textContent = "";
  byId("new-class").showModal();
}

async function addClass(event) {
  event.preventDefault();
  const [name, key] = [byId("class-name").value.trim(), byId("class-key").value.trim().toLowerCase()];
  try {
    const added = await call("/api/classes", { body: { name, key: key || null } });
    classes = await call("/api/classes");
    showClasses();
    byId("new-class").close();
    focusStage();
    say(`Class ${added.name} added${added.key ? `, key ${added.key}` : ""}.`);
    refreshSoon();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    byId("class-error").textContent = error.message;
  }
}

function openWho() {
  byId("who-name").value = person ?? "";
  byId("who").showModal();
}

function become(name) {
  person = name;
  settings.person = name;
  byId("person-name").textContent = name;
  for (const question of [...upcoming, ...(current ? [current] : [])]) player.drop(question.deck);
  [upcoming, current, nothingLeft] = [[], null, false];
  showWaiting();
  fill();
}

async function changePerson() {
  const name = byId("who-name").value.trim();
  if (!name || name === person) return;
  if (person !== null) {
    // Others need not wait until the time for these clips is over.
    await call("/api/release", { body: { person } }).catch(() => null);
  }
  become(name);
}

// Others may be asked at once what this page held. A page that comes back from the browser's cache
// still shows its question; the server takes the answer unless somebody else was asked.
function leave() {
  const held = [...upcoming, ...(current ? [current] : [])].map((question) => question.asked_id);
  if (person !== null && held.length > 0) hand("/api/release", { person, asked_ids: held });
}

// ---- Progress

let refreshing = null;

function refreshSoon() {
  clearTimeout(refreshing);
  refreshing = setTimeout(refresh, 150);
}

async function refresh() {
  clearTimeout(refreshing);
  try {
    showProgress(await call("/api/progress"));
    if (body.classList.contains("offline")) outbox.retryNow();
    if (outbox.size === 0) serverIs(null);
    if (!current) {
      nothingLeft = false;
      await fill();
    }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    serverIs(error);
  }
  clearTimeout(refreshing);
  refreshing = setTimeout(refresh, PAUSE);
}

// ---- Keys and fingers

const KEYS = {
  " ": () => player.toggle(),
  ArrowLeft: () => transport.step(-1),
  ArrowRight: () => transport.step(1),
  Home: () => player.seek(0),
  ",": () => transport.changeSpeed(-1),
  ".": () => transport.changeSpeed(1),
  0: () => transport.toggleLoop(),
  u: () => give("unsure"),
  s: () => give("skip"),
  b: () => give("bad"),
  z: undo,
  "+": openNewClass,
  "?": () => byId("help").showModal(),
};
const ON_CONTROLS = new Set([" ", "ArrowLeft", "ArrowRight", "Home", "Enter"]);

function onKey(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  if (document.querySelector("dialog[open]") || event.target.closest("input, textarea")) return;
  const onPlot = event.target === byId("plot");
  const onControl = event.target.closest("button, select, a, summary");
  if (onControl && ON_CONTROLS.has(event.key)) return;
  if (event.target.tagName === "SELECT" && event.key.length === 1) return;
  if (!settings.keys && event.key.length === 1 && !(onPlot && event.key === " ")) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const chosen = classes.find((one) => one.key === key);
  const action = chosen ? () => give("label", chosen.name) : KEYS[key];
  if (!action) return;
  event.preventDefault();
  if (event.repeat && !key.startsWith("Arrow")) return;
  player.unlock();
  if (chosen) flash(chosen.name);
  action();
}

// Shows which answer a key has given, for as long as the eye needs.
function flash(name) {
  const button = byId("classes").children[classes.findIndex((one) => one.name === name)];
  button.classList.add("given");
  setTimeout(() => button.classList.remove("given"), 160);
}

// After an answer the keys belong to the next question, not to the button that gave it.
function press(action) {
  player.unlock();
  action();
  focusStage();
}

function focusStage() {
  byId("stage").focus({ preventScroll: true });
}

function listen() {
  document.addEventListener("keydown", onKey);
  document.addEventListener("pointerdown", () => player.unlock());
  byId("play").addEventListener("click", () => press(() => player.toggle()));
  byId("undo").addEventListener("click", () => press(undo));
  byId("help-open").addEventListener("click", KEYS["?"]);
  byId("person-open").addEventListener("click", openWho);
  for (const button of document.querySelectorAll("[data-kind]")) {
    button.addEventListener("click", () => press(() => give(button.dataset.kind)));
  }
  for (const button of document.querySelectorAll("[data-close]")) {
    button.addEventListener("click", () => button.closest("dialog").close());
  }
  for (const dialog of document.querySelectorAll("dialog")) {
    dialog.addEventListener("close", () => dialog.contains(document.activeElement) && focusStage());
  }
  byId("new-class-form").addEventListener("submit", addClass);
  byId("who-form").addEventListener("submit", changePerson);
  byId("who").addEventListener("cancel", (event) => person === null && event.preventDefault());
  byId("problems").addEventListener("toggle", async () => {
    if (byId("problems").open) listProblems(await call("/api/problems").catch(() => []));
  });
  window.addEventListener("pagehide", leave);
  window.addEventListener("beforeunload", (event) => outbox.size > 0 && event.preventDefault());
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
}

// A picture fits one width, theme and axis.
function drawAgain() {
  for (const question of upcoming) draw(question);
  if (current) {
    draw(current);
    showPicture(current);
    transport.show(player.position, player.length);
  }
}

function watchLook() {
  let drawn = JSON.stringify(look());
  let timer = null;
  const check = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const now = JSON.stringify(look());
      if (byId("work").hidden || now === drawn) return;
      drawn = now;
      drawAgain();
    }, 120);
  };
  new ResizeObserver(check).observe(byId("picture"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", check);
  return check;
}

// ---- Beginning

const settings = makeSettings(body.dataset.created, {
  even: (on) => player.setEven(on),
  linear: () => checkLook(),
});
const checkLook = watchLook();

async function begin() {
  listen();
  outbox.send();
  try {
    classes = await call("/api/classes");
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    serverIs(error);
    setTimeout(begin, PAUSE);
    return;
  }
  showClasses();
  const name = settings.person ?? (body.dataset.person || null);
  if (name) become(name);
  else openWho();
  refresh();
}

begin();
