// The playback controls: playhead on the picture, loop, speed.

import { byId } from "./dom.js";
import { say } from "./talk.js";


export function makeTransport(player) {
  const plot = byId("plot");

  function show(seconds, length) {
    const share = length > 0 ? Math.min(1, seconds / length) : 0;
    byId("head").style.transform = `translateX(${share * plot.clientWidth}px)`;
    const [now, all] = [seconds.toFixed(2), length.toFixed(2)];
    byId("now").textContent = now;
    byId("length").textContent = all;
    plot.setAttribute("aria-valuemax", all);
    plot.setAttribute("aria-valuenow", now);
    plot.setAttribute("aria-valuetext", `${now} of ${all} seconds`);
  }

  function seekTo(event) {
    const box = plot.getBoundingClientRect();
    player.unlock();
    player.seek(((event.clientX - box.left) / box.width) * player.length);
  }

  function step(direction) {
    player.seek(player.position + direction * Math.max(0.05, player.length / 20));
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

  plot.addEventListener("pointerdown", (event) => {
    plot.setPointerCapture(event.pointerId);
    seekTo(event);
  });
  plot.addEventListener("pointermove", (event) => event.buttons && seekTo(event));
  byId("loop").addEventListener("click", toggleLoop);
  byId("speed").addEventListener("change", () => player.setSpeed(byId("speed").value));
  return { show, step, changeSpeed, toggleLoop };
}
