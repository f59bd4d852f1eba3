// The axes around the bare spectrogram, in s and Hz.

import { shape } from "./dom.js";

const APART = { x: 84, y: 28 }; // smallest distance of two ticks, in pixels
const STEPS = [1, 2, 2.5, 5, 10];
const CLOCK = [15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200]; // in s
// Ticks of a mel axis in Hz, most important first.
const MEL_TICKS = [
  0, 1000, 4000, 2000, 8000, 16000, 32000, 64000, 128000, 500, 3000, 6000, 12000, 24000, 48000, 96000, 250, 1500,
];
const MARK = 4; // length of a mark, in pixels
const GAP = 8; // from the picture to a label
const DIGIT = 3.6; // half the width of a character, at most

// The share of the height at which the server draws a frequency, see spectrogram.py.
export function heightOf(frequency, highest, axis, lowest = 0) {
  if (axis === "linear") return (frequency - lowest) / (highest - lowest);
  const mel = (hertz) => Math.log1p(hertz / 700);
  return (mel(frequency) - mel(lowest)) / (mel(highest) - mel(lowest));
}

// The inverse of heightOf.
export function frequencyAt(share, highest, axis, lowest = 0) {
  if (axis === "linear") return lowest + share * (highest - lowest);
  const mel = (hertz) => Math.log1p(hertz / 700);
  return 700 * Math.expm1(mel(lowest) + share * (mel(highest) - mel(lowest)));
}

export function timeTicks(seconds, width, start = 0) {
  const least = (seconds * APART.x) / width;
  const step = least > 10 ? CLOCK.find((s) => s >= least) : undefined;
  return step ? multiples(start, start + seconds, step) : roundNumbers(start + seconds, least, start);
}

export function frequencyTicks(highest, height, axis, lowest = 0) {
  const least = ((highest - lowest) * APART.y) / height;
  if (axis === "linear") return roundNumbers(highest, least, lowest);
  const kept = [];
  const at = (value) => heightOf(value, highest, axis, lowest) * height;
  const apart = (value) => kept.every((other) => Math.abs(at(other) - at(value)) >= APART.y);
  const wanted = MEL_TICKS.filter((tick) => tick >= lowest && tick <= highest);
  // A narrow band may contain few ticks, so add round numbers.
  for (const value of [...wanted, ...(lowest > 0 || wanted.length < 3 ? roundNumbers(highest, least, lowest) : [])]) {
    if (apart(value)) kept.push(value);
  }
  return kept;
}

// The multiples, from a start to an end, of the smallest round step that is large enough.
function roundNumbers(end, least, start = 0) {
  const magnitude = 10 ** Math.floor(Math.log10(least));
  const step = STEPS.map((n) => n * magnitude).find((n) => n >= least * (1 - 1e-9));
  return multiples(start, end, step);
}

function multiples(start, end, step) {
  const first = Math.ceil(start / step - 1e-9);
  const n = Math.floor(end / step + 1e-9) - first;
  return Array.from({ length: n + 1 }, (_, i) => (first + i) * step);
}

// A time as text: 12.5 s, or 2:05 if the recording is at least a minute long.
export function clock(seconds, length, digits = null) {
  if (length < 60) return digits === null ? number(seconds) : seconds.toFixed(digits);
  const unit = 10 ** (digits ?? 3);
  const whole = Math.round(seconds * unit);
  const minutes = Math.floor(whole / (60 * unit));
  const rest = (whole - 60 * unit * minutes) / unit;
  const text = digits === null ? String(rest) : rest.toFixed(digits);
  return `${minutes}:${rest < 10 ? "0" : ""}${text}`;
}

// Draw the axes of a plot into an SVG element that covers the box around it.
export function drawAxes(svg, plot, { start, end, length, lowest, highest, axis }) {
  const seconds = end - start;
  svg.replaceChildren();
  const { offsetLeft: left, offsetTop: top, offsetWidth: width, offsetHeight: height } = plot;
  if (!width || !height || !(seconds > 0) || !(highest > 0)) return;
  const bottom = top + height;
  for (const value of timeTicks(seconds, width, start)) {
    const x = left + ((value - start) / seconds) * width;
    const text = length < 60 ? `${number(value)} s` : clock(value, length);
    const fits = x + DIGIT * text.length <= svg.clientWidth;
    svg.append(line(x, bottom, x, bottom + MARK));
    svg.append(shape("text", { x, y: bottom + GAP + 11, "text-anchor": fits ? "middle" : "end", text }));
  }
  for (const value of frequencyTicks(highest, height, axis, lowest)) {
    const y = bottom - heightOf(value, highest, axis, lowest) * height;
    svg.append(line(left - MARK, y, left, y));
    svg.append(shape("text", { x: left - GAP, y: y + 4, "text-anchor": "end", text: hertz(value) }));
  }
}

function line(x1, y1, x2, y2) {
  return shape("line", { x1, y1, x2, y2 });
}

// Without digits of rounding errors, such as 0.30000000000000004.
const number = (value) => String(Number(value.toPrecision(6)));

const hertz = (value) => (value < 1000 ? `${number(value)} Hz` : `${number(value / 1000)} kHz`);
