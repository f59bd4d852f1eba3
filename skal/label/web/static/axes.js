// The axes around the bare spectrogram, in s and Hz.

import { shape } from "./dom.js";

const APART = { x: 84, y: 28 }; // smallest distance of two ticks, in pixels
const STEPS = [1, 2, 2.5, 5, 10];
// Ticks of a mel axis in Hz, the most wanted first.
const MEL_TICKS = [
  0, 1000, 4000, 2000, 8000, 16000, 32000, 64000, 128000, 500, 3000, 6000, 12000, 24000, 48000, 96000, 250, 1500,
];
const MARK = 4; // length of a mark, in pixels
const GAP = 8; // from the picture to a label
const DIGIT = 3.6; // half the width of a character, at most

// The share of the height at which the server draws a frequency, see spectrogram.py.
export function heightOf(frequency, highest, axis) {
  if (axis === "linear") return frequency / highest;
  return Math.log1p(frequency / 700) / Math.log1p(highest / 700);
}

export function timeTicks(seconds, width) {
  return roundNumbers(seconds, (seconds * APART.x) / width);
}

export function frequencyTicks(highest, height, axis) {
  if (axis === "linear") return roundNumbers(highest, (highest * APART.y) / height);
  const kept = [];
  for (const value of MEL_TICKS.filter((tick) => tick <= highest)) {
    const at = heightOf(value, highest, axis) * height;
    if (kept.every((other) => Math.abs(heightOf(other, highest, axis) * height - at) >= APART.y)) kept.push(value);
  }
  return kept;
}

// The multiples, up to an end, of the smallest round step that is large enough.
function roundNumbers(end, least) {
  const magnitude = 10 ** Math.floor(Math.log10(least));
  const step = STEPS.map((n) => n * magnitude).find((n) => n >= least * (1 - 1e-9));
  const n = Math.floor(end / step + 1e-9);
  return Array.from({ length: n + 1 }, (_, i) => i * step);
}

// Draw the axes of a plot into an SVG element that covers the box around it.
export function drawAxes(svg, plot, { seconds, highest, axis }) {
  svg.replaceChildren();
  const { offsetLeft: left, offsetTop: top, offsetWidth: width, offsetHeight: height } = plot;
  if (!width || !height || !(seconds > 0) || !(highest > 0)) return;
  const bottom = top + height;
  for (const value of timeTicks(seconds, width)) {
    const x = left + (value / seconds) * width;
    const text = `${number(value)} s`;
    const fits = x + DIGIT * text.length <= svg.clientWidth;
    svg.append(line(x, bottom, x, bottom + MARK));
    svg.append(shape("text", { x, y: bottom + GAP + 11, "text-anchor": fits ? "middle" : "end", text }));
  }
  for (const value of frequencyTicks(highest, height, axis)) {
    const y = bottom - heightOf(value, highest, axis) * height;
    svg.append(line(left - MARK, y, left, y));
    svg.append(shape("text", { x: left - GAP, y: y + 4, "text-anchor": "end", text: hertz(value) }));
  }
}

function line(x1, y1, x2, y2) {
  return shape("line", { x1, y1, x2, y2 });
}

// Without the digits that only rounding brings, such as 0.30000000000000004.
const number = (value) => String(Number(value.toPrecision(6)));

const hertz = (value) => (value < 1000 ? `${number(value)} Hz` : `${number(value / 1000)} kHz`);
