// The playback controls: playhead on the picture, loop, speed, and the part that is shown.

import { clock, frequencyAt } from "./axes.js";
import { byId } from "./dom.js";
import { say } from "./messages.js";

const DRAGGED = 6; // least size of a frame to zoom to, in pixels

export function makeTransport(player, view, axisOf) {
  const plot = byId("plot");
  let before = 0; // where the playhead was
  let frame = null; // drawn with the pointer, for zooming

  function show(seconds, length) {
    view.fit(length, player.sampleRate / 2);
    // Turn the page at its end; a part chosen elsewhere stays.
    if (player.isPlaying && before <= view.end && seconds > view.end) view.follow(seconds);
    before = seconds;
    const share = view.end > view.start ? (seconds - view.start) / (view.end - view.start) : 0;
    byId("head").style.transform = `translateX(${Math.min(1, Math.max(0, share)) * plot.clientWidth}px)`;
    byId("head").hidden = share < 0 || share > 1.001;
    const [now, all] = [clock(seconds, length, length < 60 ? 2 : 1), clock(length, length, length < 60 ? 2 : 1)];
    byId("now").textContent = now;
    byId("length").textContent = all;
    byId("unit").hidden = length >= 60;
    plot.setAttribute("aria-valuemax", length.toFixed(2));
    plot.setAttribute("aria-valuenow", seconds.toFixed(2));
    plot.setAttribute("aria-valuetext", `${now} of ${all}${length < 60 ? " seconds" : ""}`);
  }

  // Time in s and share of the height below the pointer.
  function placeOf(event) {
    const box = plot.getBoundingClientRect();
    const within = (share) => Math.min(1, Math.max(0, share));
    const share = within((event.clientX - box.left) / box.width);
    const height = within(1 - (event.clientY - box.top) / box.height);
    return [view.start + share * (view.end - view.start), frequencyAt(height, view.high, axisOf(), view.low)];
  }

  function seekTo(event) {
    player.unlock();
    player.seek(placeOf(event)[0]);
  }

  function step(direction) {
    player.seek(player.position + direction * Math.max(0.05, (view.end - view.start) / 20));
    view.follow(player.position);
  }

  function changeSpeed(direction) {
    const speed = byId("speed");
    const wanted = speed.selectedIndex + direction;
    speed.selectedIndex = Math.min(speed.length - 1, Math.max(0, wanted));
    player.setSpeed(speed.value);
    say(`Speed ${speed.selectedOptions[0].textContent}`);
  }

  function toggleLoop() {
    player.setLoop(!player.loop);
    byId("loop").setAttribute("aria-pressed", String(player.loop));
    say(player.loop ? "Loop on" : "Loop off");
  }

  function toggleZoom() {
    const on = byId("zoom").getAttribute("aria-pressed") !== "true";
    byId("zoom").setAttribute("aria-pressed", String(on));
    byId("view").hidden = !on;
  }

  function zoomTimes(direction) {
    const inView = player.position >= view.start && player.position <= view.end;
    view.zoomTimes(direction, inView && player.position > 0 ? player.position : (view.start + view.end) / 2);
    tell();
  }

  function zoomFrequencies(direction) {
    view.zoomFrequencies(direction);
    tell();
  }

  function tell() {
    const [start, end] = [view.start, view.end].map((time) => clock(time, view.length, 2));
    say(`${start} to ${end}, ${Math.round(view.low)} to ${Math.round(view.high)} hertz`);
  }

  function drawFrame(event) {
    const box = plot.getBoundingClientRect();
    const [left, right] = [frame.x, event.clientX].sort((a, b) => a - b);
    const [top, bottom] = [frame.y, event.clientY].sort((a, b) => a - b);
    const style = byId("frame").style;
    [style.left, style.top] = [`${left - box.left}px`, `${top - box.top}px`];
    [style.width, style.height] = [`${right - left}px`, `${bottom - top}px`];
    byId("frame").hidden = false;
  }

  function endFrame(event) {
    byId("frame").hidden = true;
    const [from, to] = [frame.place, placeOf(event)];
    const isClick = Math.hypot(event.clientX - frame.x, event.clientY - frame.y) < DRAGGED;
    frame = null;
    if (isClick) seekTo(event);
    else view.box(...[0, 1].map((i) => [from[i], to[i]].sort((a, b) => a - b)));
  }

  plot.addEventListener("pointerdown", (event) => {
    plot.setPointerCapture(event.pointerId);
    if (byId("view").hidden) seekTo(event);
    else frame = { x: event.clientX, y: event.clientY, place: placeOf(event) };
  });
  plot.addEventListener("pointermove", (event) => {
    if (frame) drawFrame(event);
    else if (event.buttons) seekTo(event);
  });
  plot.addEventListener("pointerup", (event) => frame && endFrame(event));
  plot.addEventListener("pointercancel", () => {
    frame = null;
    byId("frame").hidden = true;
  });
  byId("loop").addEventListener("click", toggleLoop);
  byId("zoom").addEventListener("click", toggleZoom);
  byId("view-whole").addEventListener("click", () => view.whole());
  for (const button of document.querySelectorAll("[data-view]")) {
    const direction = Number(button.dataset.by);
    const actions = {
      time: () => zoomTimes(direction),
      frequency: () => zoomFrequencies(direction),
      contrast: () => view.changeContrast(direction),
      move: () => view.move(direction / 2, 0),
      raise: () => view.move(0, direction / 2),
    };
    button.addEventListener("click", actions[button.dataset.view]);
  }
  byId("speed").addEventListener("change", () => player.setSpeed(byId("speed").value));
  return { show, step, changeSpeed, toggleLoop, zoomTimes, zoomFrequencies };
}
