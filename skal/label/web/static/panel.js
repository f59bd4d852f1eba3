// The panel next to the question: accuracy, learning curve, labels of each class, time.

import { byId, element, shape } from "./dom.js";

const count = (n) => n.toLocaleString("en");
const percent = (share) => `${Math.round(100 * share)}%`;
const ENOUGH = 20; // fewest clips for showing an accuracy

export function span(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 100) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? `${hours} h ${minutes % 60} min` : `${Math.round(minutes / 60)} h`;
}

export function showProgress(progress) {
  byId("count").replaceChildren(
    element("b", { text: count(progress.n_labeled) }),
    element("span", { class: "of", text: ` of ${count(progress.n_clips)}` }),
    element("span", { class: "wide", text: " labeled" }),
  );
  showAccuracy(progress);
  showTraining(progress);
  showClasses(progress);
  showSaved(progress);
  byId("listened").textContent = span(60 * progress.minutes_listened);
  const left = progress.seconds_left_at_this_pace;
  byId("left").textContent = left === null ? "–" : span(left);
  showAgreement(progress.agreement);
  showProblems(progress.n_problems);
}

// Recordings that the model would predict correctly: an interval, shown only if measured.
function showSaved({ estimate, n_open }) {
  const isKnown = estimate && estimate.n >= ENOUGH;
  byId("saved").textContent = isKnown
    ? `${count(Math.floor(estimate.low * n_open))} to ${count(Math.ceil(estimate.high * n_open))} of the ${count(n_open)} recordings without an answer`
    : "not known yet";
}

function showAccuracy({ estimate, curve, advice }) {
  // A share of a few clips is uncertain: show only the interval.
  const interval = estimate ? `${Math.round(100 * estimate.low)} to ${percent(estimate.high)}` : "–";
  const isKnown = estimate && estimate.n >= ENOUGH;
  byId("accuracy").textContent = isKnown ? percent(estimate.accuracy) : interval;
  byId("interval").textContent = isKnown ? interval : estimate ? "so far" : "";
  byId("accuracy-note").textContent = estimate
    ? `95% interval, from ${count(estimate.n)} recordings drawn at random, which the model predicted before their answers.`
    : "Some questions are drawn at random. The accuracy appears once a model has predicted some of them.";
  byId("advice").hidden = !advice;
  byId("advice").textContent = advice ?? "";
  const box = byId("curve");
  box.hidden = curve.length < 2;
  if (curve.length >= 2) {
    const [labels, accuracy, low, high] = curve.at(-1);
    box.setAttribute(
      "aria-label",
      `Learning curve: after ${count(labels)} labels the accuracy is ${percent(accuracy)}, interval ${percent(low)} to ${percent(high)}.`,
    );
    box.replaceChildren(drawCurve(curve));
  }
}

function drawCurve(curve) {
  const [width, height, left, right, top, bottom] = [280, 124, 44, 8, 8, 20];
  const last = curve.at(-1)[0];
  const x = (labels) => left + (labels / last) * (width - left - right);
  const y = (share) => top + (1 - share) * (height - top - bottom);
  const points = (pairs) => pairs.map(([a, b]) => `${a.toFixed(1)},${b.toFixed(1)}`).join(" ");
  const svg = shape("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  for (const share of [0, 0.5, 1]) {
    svg.append(shape("line", { class: "grid", x1: left, x2: width - right, y1: y(share), y2: y(share) }));
    svg.append(label(left - 7, y(share) + 4, "end", percent(share)));
  }
  const upper = curve.map(([labels, , , high]) => [x(labels), y(high)]);
  const lower = curve.map(([labels, , low]) => [x(labels), y(low)]).reverse();
  svg.append(shape("polygon", { class: "band", points: points([...upper, ...lower]) }));
  const line = curve.map(([labels, accuracy]) => [x(labels), y(accuracy)]);
  svg.append(shape("polyline", { class: "line", points: points(line) }));
  const [cx, cy] = line.at(-1);
  svg.append(shape("circle", { class: "dot", cx, cy, r: 4 }));
  svg.append(label(left, height - 4, "start", "0 labels"));
  svg.append(label(width - right, height - 4, "end", `${count(last)} labels`));
  return svg;
}

function label(x, y, anchor, text) {
  return shape("text", { x, y, "text-anchor": anchor, text });
}

function sentence(text) {
  return `${text[0].toUpperCase()}${text.slice(1).replace(/\.$/, "")}.`;
}

function showTraining({ training, n_labeled }) {
  const { status, round, message } = training;
  const trouble = (message ?? "the reason is not known").replace(/\.$/, "");
  const texts = {
    waiting: sentence(message ?? "the first model needs a few labels of each class"),
    idle: round === null ? "The model is up to date." : `Model ${round} chooses the questions.`,
    training: round === null ? "The model is learning." : `Model ${round} is learning from your labels.`,
    failed: `The training failed: ${trouble}. Your ${count(n_labeled)} labels are safe.`,
  };
  const line = byId("training");
  line.dataset.status = status;
  if (line.textContent !== texts[status]) line.textContent = texts[status];
}

function showClasses({ per_class, per_kind }) {
  const most = Math.max(1, ...Object.values(per_class));
  byId("bars").replaceChildren(
    ...Object.entries(per_class).map(([name, n]) => {
      const fill = element("span", { class: "bar-fill" });
      fill.style.transform = `scaleX(${n / most})`;
      return element(
        "li",
        {},
        element("span", { class: "name", text: name, title: name }),
        element("span", { class: "bar-track", "aria-hidden": "true" }, fill),
        element("span", { class: "n", text: count(n) }),
      );
    }),
  );
  const kinds = [...document.querySelectorAll("[data-kind]")].map((button) => button.dataset);
  const said = kinds
    .filter(({ kind }) => per_kind[kind] > 0)
    .map(({ kind, counted }) => `${count(per_kind[kind])} ${counted}`);
  byId("others-count").textContent = said.join(", ");
}

function showAgreement(agreement) {
  byId("agreement-row").hidden = !agreement;
  if (!agreement) return;
  const kappa = agreement.cohen ?? agreement.fleiss;
  byId("agreement").title = agreement.cohen === null ? "κ: Fleiss’ kappa" : "κ: Cohen’s kappa";
  byId("agreement").textContent =
    `${percent(agreement.share)} of ${count(agreement.n_clips)}` +
    (kappa === null ? "" : ` (κ ${kappa.toFixed(2)})`);
}

function showProblems(n) {
  byId("problems").hidden = n === 0;
  byId("problems-title").textContent =
    n === 1 ? "1 recording is set aside" : `${count(n)} recordings are set aside`;
}

export function listProblems(problems) {
  byId("problems-list").replaceChildren(
    ...problems.map(({ name, reason }) => element("li", { text: `${name}: ${reason}` })),
  );
}
