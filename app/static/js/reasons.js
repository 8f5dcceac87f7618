// The reasons ticked on a panel: what they still lack, where in the photo, and how they come over to a fresh panel.
"use strict";
import * as stage from "./stage.js";
import { find, findAll, words } from "./panels.js";
import { say } from "./talk.js";

let last = null;

// What stands in the way of a rejection for the ticked reasons: a sentence, or nothing.
export function lacking(panel) {
  const ticked = [...panel.querySelectorAll("input[name=reason]:checked")];
  if (!ticked.length) return words("Reason");
  const empty = ticked.some((box) => {
    const value = panel.querySelector(`[name="value-${box.value}"]`);
    return value && !value.value.trim();
  });
  return empty ? words("Value") : "";
}

export function tick(box) {
  if (!box) return;
  box.checked = !box.checked;
  if (box.checked) last = box;
}

export function suggest() {
  findAll(".reasons .suggested input").forEach((box) => {
    box.checked = true;
    last = box;
  });
}

// The same order's panel as it is now, with what was ticked and typed on the old one.
export function carried(old, fresh) {
  old.querySelectorAll("input[name=reason]:checked").forEach((box) => {
    const same = fresh.querySelector(`input[name=reason][value="${box.value}"]`);
    if (same) same.checked = true;
  });
  const [from, to] = [old.querySelector("[name=note]"), fresh.querySelector("[name=note]")];
  if (from && to) to.value = from.value;
  return fresh;
}

document.addEventListener("change", (event) => {
  if (event.target.matches("input[name=reason]:checked")) last = event.target;
});

// A place drawn on the photo belongs to the reason that was ticked last, on the panel that is shown.
stage.drawing((found) => {
  if (!last || !last.closest("#panel") || last.dataset.target !== "photo" || !last.checked) {
    say(words("Draw"));
    return false;
  }
  find(`[name="region-${last.value}"]`).value = found.join(",");
  return true;
});
