// The reasons ticked on a panel: what they still lack, where in the photo, and how they come over to a fresh panel.
"use strict";
import * as stage from "./stage.js";
import { find, findAll, words } from "./panels.js";
import { hint } from "./talk.js";

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
  box.checked = !box.checked;
  if (box.checked) last = box;
}

export function suggest() {
  const boxes = findAll(".reasons .suggested input");
  boxes.forEach((box) => {
    box.checked = true;
    last = box;
  });
  if (!boxes.length) hint(words("NoSuggestion"));
}

// The same order's panel as it is now, with what was ticked and typed on the old one.
export function carried(old, fresh) {
  old.querySelectorAll("input[name=reason]:checked").forEach((box) => {
    const same = fresh.querySelector(`input[name=reason][value="${box.value}"]`);
    if (same) same.checked = true;
  });
  const photo = (panel) => panel.querySelector("[name=photo]")?.value;
  const about = photo(old) === photo(fresh) ? "[name=note], .fill, [name^=region-]" : "[name=note]";
  old.querySelectorAll(about).forEach((from) => {
    const to = fresh.querySelector(`[name="${from.name}"]`);
    if (to && from.value) to.value = from.value;
  });
  return fresh;
}

document.addEventListener("change", (event) => {
  if (event.target.matches("input[name=reason]:checked")) last = event.target;
});

// A place drawn on the photo belongs to the reason that was ticked last, on the panel that is shown.
stage.drawing((found) => {
  if (!last || !last.closest("#panel") || last.dataset.target !== "photo" || !last.checked) {
    hint(words("Draw"));
    return false;
  }
  find(`[name="region-${last.value}"]`).value = found.join(",");
  return true;
});
