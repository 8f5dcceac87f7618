// The desk's keys and buttons: each is one act, done by what decides, what holds the panels, or the photo's stage.
"use strict";
import { back, decide, skip, take, undo } from "./deciding.js";
import { find, findAll, seen, start, words } from "./panels.js";
import { suggest, tick } from "./reasons.js";
import * as stage from "./stage.js";
import { forget, hint, post, say } from "./talk.js";

function help() {
  const dialog = document.querySelector("#help");
  if (dialog.open) dialog.close();
  else dialog.showModal();
}

// A key whose thing this panel does not have says so.
function only(thing, name, act) {
  if (thing) act(thing);
  else hint(words(name));
}

const acts = {
  approve: () => decide("approved"),
  reject: () => decide("rejected"),
  next: skip,
  back,
  undo: () => undo(),
  suggest,
  note: () => find("[name=note]")?.focus(),
  take: () => only(find("[data-take]"), "NoTake", (own) => own.requestSubmit()),
  code: () => only(find("dialog.code"), "NoCode", showCode),
  identity: () => find("dialog.unmask")?.showModal(),
  older: () => only(findAll("[data-version]")[1], "NoOlder", (version) => stage.beside(version, seen)),
  help,
  edge: () => only(find(".frame.edge"), "NoEdge", () => stage.toggle("edge")),
};
["ruler", "faults", "original", "zoom"].forEach((name) => (acts[name] = () => stage.toggle(name)));

function showCode(dialog) {
  const image = dialog.querySelector("img");
  if (image && !image.src) image.src = image.dataset.src; // fetched, and with it logged, only now
  dialog.showModal();
}

const keys = {
  a: "approve", r: "reject", n: "next", b: "back", u: "undo", s: "suggest", m: "note", t: "take", i: "identity", c: "code",
  h: "older", g: "ruler", f: "faults", o: "original", z: "zoom", e: "edge", "?": "help",
}; // prettier-ignore
const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// With a Chinese input method on, `key` may be "Process": the key's place tells what was meant.
function meant(event) {
  if (event.key === "Process") return event.code.replace(/^(Key|Digit)/, "").toLowerCase();
  return event.key.length === 1 ? event.key.toLowerCase() : event.key;
}

function typing(target) {
  return target.matches("textarea, select, input:not([type=checkbox]):not([type=radio]), [contenteditable]");
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const key = meant(event);
  // Enter in a field would press the form's first button, which approves: it leaves the field instead.
  const inside = event.target.matches("[data-decide] input");
  if (key === "Enter" && inside) event.preventDefault();
  if (typing(event.target)) {
    if (key === "Escape" || (key === "Enter" && inside)) event.target.blur();
    return;
  }
  if (event.shiftKey && key !== "?") return;
  const open = document.querySelector("dialog[open]");
  if (open && !(open.id === "help" && key === "?")) return;
  if (arrows[key] && stage.pan(...arrows[key])) return event.preventDefault();
  if (keys[key] || /^[1-9]$/.test(key)) forget();
  if (/^[1-9]$/.test(key)) only(find(`input[data-key="${key}"]`), "NoReason", tick);
  else if (keys[key]) {
    if (!event.repeat) acts[keys[key]]();
  } else return;
  event.preventDefault();
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.act) acts[button.dataset.act]();
  else if (button.dataset.version) stage.beside(button, seen);
  else if ("close" in button.dataset) button.closest("dialog").close();
  else if (button.dataset.exempt) {
    const dialog = find("dialog.exemption");
    dialog.querySelector("[name=code]").value = button.dataset.exempt;
    dialog.querySelector("[name=withdraw]").value = "withdraw" in button.dataset ? "1" : "";
    dialog.querySelector("[data-exempt-name]").textContent = button.dataset.name;
    dialog.showModal();
  }
});

document.addEventListener("submit", (event) => {
  const own = event.target;
  if (own.matches("[data-decide]")) {
    event.preventDefault();
    if (event.submitter) decide(event.submitter.value);
  } else if (own.matches("[data-undo]")) {
    event.preventDefault();
    undo(own);
  } else if (own.matches("[data-take]")) {
    event.preventDefault();
    take(own);
  } else if (own.matches("[data-unmask]")) {
    event.preventDefault();
    unmask(own);
  }
});

// The answer belongs to the panel that asked, whatever is on the screen by then.
async function unmask(own) {
  const panel = own.closest(".panel");
  const response = await post(own.action, new FormData(own)).catch(() => null);
  const text = response && response.ok ? (await response.text()).trim() : "";
  own.closest("dialog").close();
  if (text) panel.querySelector("[data-identity]").textContent = text;
  else say(words("Unanswered"));
}

start();
