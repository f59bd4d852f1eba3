// The page that people label in: its parts, the person, and the progress.

import { ApiError, call } from "./api.js";
import { Classes } from "./classes.js";
import { byId } from "./dom.js";
import { focusStage, listenToKeys } from "./keys.js";
import { Review } from "./review.js";
import { listProblems, showProgress } from "./panel.js";
import { Questions } from "./questions.js";
import { FindMore } from "./find_more.js";
import { makeSettings } from "./settings.js";
import { Stage } from "./stage.js";
import { makeClassChanges } from "./class_changes.js";

const PAUSE = 2500; // between two looks at the server, in ms
const SOON = 150;

const { project, created, person: givenPerson } = document.body.dataset;
const settings = makeSettings(created);
const stage = new Stage(settings);
const questions = new Questions(stage, `${project}:${created}`);
const classes = new Classes();
const review = new Review(questions);
const findMore = new FindMore(questions);
let refreshing = null; // timer

async function refresh() {
  clearTimeout(refreshing);
  try {
    const progress = await call("api/progress");
    showProgress(progress);
    await classes.follow(Object.keys(progress.per_class), progress.nothing);
    await questions.serverAnswers();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    questions.showServer(error);
  }
  clearTimeout(refreshing);
  refreshing = setTimeout(refresh, PAUSE);
}

function refreshSoon() {
  clearTimeout(refreshing);
  refreshing = setTimeout(refresh, SOON);
}

function become(name) {
  settings.person = name;
  byId("person-name").textContent = name;
  questions.become(name);
}

function askWho() {
  byId("who-name").value = questions.person ?? "";
  byId("who").showModal();
}

async function changePerson() {
  const name = byId("who-name").value.trim();
  if (!name || name === questions.person) return;
  await questions.release();
  become(name);
}

function listenToDialogs() {
  byId("person-open").addEventListener("click", askWho);
  byId("who-form").addEventListener("submit", changePerson);
  byId("who").addEventListener("cancel", (event) => questions.person === null && event.preventDefault());
  for (const button of document.querySelectorAll("[data-close]")) {
    button.addEventListener("click", () => button.closest("dialog").close());
  }
  for (const dialog of document.querySelectorAll("dialog")) {
    dialog.addEventListener("close", () => dialog.contains(document.activeElement) && focusStage());
  }
}

function listenToPage() {
  byId("problems").addEventListener("toggle", async () => {
    if (byId("problems").open) listProblems(await call("api/problems").catch(() => []));
  });
  window.addEventListener("pagehide", () => questions.leave());
  window.addEventListener("beforeunload", (event) => questions.outbox.size > 0 && event.preventDefault());
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
}

async function begin() {
  try {
    await classes.load();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    questions.showServer(error);
    setTimeout(begin, PAUSE);
    return;
  }
  const name = settings.person ?? (givenPerson || null);
  if (name) become(name);
  else askWho();
  refresh();
}

questions.changed = refreshSoon;
classes.changed = refreshSoon;
makeClassChanges(classes);
listenToKeys({ questions, stage, classes, review, findMore, settings });
listenToDialogs();
listenToPage();
questions.outbox.send();
begin();
