// The desk by keyboard. The next panel and its photo are fetched and leased ahead, so that a decision shows it at once;
// the decision itself goes in the background, and comes back with its panel when the server refuses it.
"use strict";
import * as stage from "./stage.js";
import { form, get, post, read, say, takeRecent } from "./talk.js";

const RENEW = 20000;
const LOOK_AGAIN = 10000;
const FORGET = 30000;
const desk = document.querySelector("#desk");
const host = document.querySelector("#panel");
const behind = document.querySelector("#behind");
const passed = [];
const skipped = [];
const decided = new Set(); // here, perhaps not yet there: an answer that crossed the decision may offer them again
let chain = Promise.resolve();
let waiting = false;
let fetching = false;
let lastTicked = null;

const current = () => host.querySelector(".panel");
const ahead = () => behind.querySelector(".panel");
const find = (selector) => host.querySelector(selector);
const held = () => [...document.querySelectorAll("#panel .panel, #behind .panel")];
const ids = () => held().map((panel) => panel.dataset.id);
const heldBack = () => [...skipped, ...decided, ...ids()];
const words = (name) => desk.dataset[`say${name}`];

function seen(address) {
  const body = form([["purpose", "review"]]);
  post(address, body).catch(() => {});
}

// Puts a panel on the screen. It may be decided once its photo is there, and only then counts as seen.
async function show(panel) {
  waiting = false;
  lastTicked = null;
  host.replaceChildren(...(panel ? [panel] : []));
  document.querySelector("#empty").hidden = Boolean(panel);
  if (!panel) return;
  stage.settle(panel);
  panel.classList.remove("sending");
  const photo = panel.querySelector("img.photo");
  try {
    if (photo) await photo.decode();
  } catch {
    // A photo that cannot be shown is a reason to look at its faults; the server still refuses an approval without one.
  }
  if (panel !== current()) return;
  panel.dataset.ready = "1";
  panel.dataset.since = performance.now();
  panel.querySelectorAll("img[data-shown]").forEach((image) => {
    seen(image.dataset.shown);
    delete image.dataset.shown;
  });
}

// Keeps a panel ready behind the present one, its photo decoded.
function keep(panel) {
  if (!panel) return;
  behind.append(panel);
  const photo = panel.querySelector("img.photo");
  if (photo) photo.decode().catch(() => {});
}

// Shows a panel that was waited for, else keeps it behind. True when there may be another one to fetch.
function arrived(panel) {
  if (panel && heldBack().includes(panel.dataset.id)) return !ahead();
  if (!waiting && current()) keep(panel);
  else if (panel || waiting) show(panel);
  return Boolean(panel) && !ahead();
}

async function fill() {
  if (fetching || ahead()) return;
  fetching = true;
  let more = false;
  try {
    const answer = await read(await get(desk.dataset.ahead, heldBack()));
    more = arrived(answer.panel);
    if (!answer.panel && skipped.length) more = Boolean(skipped.splice(0)); // only skipped ones are left: once more
  } catch {
    // No network: asked again at the next step or by the clock.
  }
  fetching = false;
  if (more) fill();
}

function next() {
  const panel = ahead();
  if (panel) show(panel);
  else waiting = true;
  return panel;
}

function complete(panel) {
  const ticked = [...panel.querySelectorAll("input[name=reason]:checked")];
  if (!ticked.length) return words("Reason");
  const empty = ticked.some((box) => {
    const value = panel.querySelector(`[name="value-${box.value}"]`);
    return value && !value.value.trim();
  });
  return empty ? words("Value") : "";
}

function decide(outcome) {
  const panel = current();
  const own = panel && panel.querySelector("form[data-decide]");
  if (!own || panel.classList.contains("sending")) return;
  if (panel.dataset.ready !== "1") return say(words("Unseen"));
  if (own.querySelector(`button[value=${outcome}]`).disabled) return;
  const lacking = outcome === "rejected" ? complete(panel) : "";
  if (lacking) return say(lacking);
  own.elements.ms.value = Math.round(performance.now() - Number(panel.dataset.since));
  const body = new FormData(own);
  body.set("outcome", outcome);
  say("");
  passed.push(panel.dataset.panel);
  panel.classList.add("sending");
  decided.add(panel.dataset.id);
  next();
  chain = chain.then(() => send(panel, own.action, body));
}

async function send(panel, url, body) {
  heldBack().forEach((id) => body.append("skip", id));
  let response = null;
  try {
    response = await post(url, body);
  } catch {
    return again(panel, panel, words("Offline"));
  }
  const answer = await read(response);
  if (response.ok) {
    setTimeout(() => decided.delete(panel.dataset.id), FORGET);
    return arrived(answer.panel) && fill();
  }
  passed.pop();
  if (response.status === 409 && answer.panel) return again(panel, carried(panel, answer.panel), answer.sentence);
  return again(panel, panel, answer.sentence || words("Offline"));
}

// A refused decision: its panel comes back, what is shown now waits behind it, nothing typed is lost.
function again(old, panel, sentence) {
  decided.delete(old.dataset.id);
  const shown = current();
  if (shown && shown !== old) behind.prepend(shown);
  show(panel);
  say(sentence);
}

function carried(old, fresh) {
  old.querySelectorAll("input[name=reason]:checked").forEach((box) => {
    const same = fresh.querySelector(`input[name=reason][value="${box.value}"]`);
    if (same) same.checked = true;
  });
  const [from, to] = [old.querySelector("[name=note]"), fresh.querySelector("[name=note]")];
  if (from && to) to.value = from.value;
  return fresh;
}

// Shows what an address answers in front of the present panel, which stays ready behind it.
async function insert(request) {
  let response = null;
  try {
    response = await request;
  } catch {
    return say(words("Offline"));
  }
  const answer = await read(response);
  say(answer.sentence);
  if (!answer.panel) return;
  decided.delete(answer.panel.dataset.id);
  held().forEach((panel) => {
    if (panel.dataset.id === answer.panel.dataset.id) panel.remove();
  });
  if (current()) behind.prepend(current());
  await show(answer.panel);
}

function skip() {
  const panel = current();
  if (!panel || panel.classList.contains("sending")) return;
  skipped.push(panel.dataset.id);
  passed.push(panel.dataset.panel);
  post(desk.dataset.release, form([["order", panel.dataset.id]])).catch(() => {});
  say("");
  if (!next()) panel.classList.add("sending");
  fill();
}

function back() {
  const address = passed.pop();
  if (!address) return say(words("First"));
  chain = chain.then(() => insert(get(address, [])));
}

function undo(own) {
  const line = own || document.querySelector("#recent form[data-undo]");
  if (!line) return chain.then(() => document.querySelector("#recent form[data-undo]") || say(words("NoUndo")));
  chain = chain.then(() => insert(post(line.action, new FormData(line))));
}

function tick(box) {
  if (!box) return;
  box.checked = !box.checked;
  if (box.checked) lastTicked = box;
}

function suggest() {
  host.querySelectorAll(".reasons .suggested input").forEach((box) => {
    box.checked = true;
    lastTicked = box;
  });
}

function help() {
  const dialog = document.querySelector("#help");
  if (dialog.open) dialog.close();
  else dialog.showModal();
}

const acts = {
  approve: () => decide("approved"),
  reject: () => decide("rejected"),
  next: skip,
  back,
  undo: () => undo(),
  suggest,
  note: () => find("[name=note]")?.focus(),
  take: () => find("[data-take]")?.requestSubmit(),
  identity: () => find("dialog.unmask")?.showModal(),
  older: () => {
    const versions = [...host.querySelectorAll("[data-version]")];
    if (versions.length > 1) stage.beside(versions[1], seen);
  },
  help,
};
["ruler", "faults", "original", "zoom", "edge"].forEach((name) => (acts[name] = () => stage.toggle(name)));

const keys = {
  a: "approve", r: "reject", n: "next", b: "back", u: "undo", s: "suggest", m: "note", t: "take", i: "identity",
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
  if (typing(event.target)) {
    if (key === "Escape") event.target.blur();
    return;
  }
  if (event.shiftKey && key !== "?") return;
  const open = document.querySelector("dialog[open]");
  if (open && !(open.id === "help" && key === "?")) return;
  if (arrows[key] && stage.pan(...arrows[key])) return event.preventDefault();
  if (/^[1-9]$/.test(key)) tick(find(`input[data-key="${key}"]`));
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

document.addEventListener("change", (event) => {
  if (event.target.matches("input[name=reason]:checked")) lastTicked = event.target;
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
    const old = current();
    chain = chain.then(async () => {
      await insert(post(own.action, new FormData(own)));
      if (current() !== old) carried(old, current());
    });
  } else if (own.matches("[data-unmask]")) {
    event.preventDefault();
    unmask(own);
  }
});

async function unmask(own) {
  const response = await post(own.action, new FormData(own));
  const text = (await response.text()).trim();
  own.closest("dialog").close();
  if (response.ok) find("[data-identity]").textContent = text;
  else say(words("Offline"));
}

stage.drawing((found) => {
  if (!lastTicked || lastTicked.dataset.target !== "photo" || !lastTicked.checked) {
    say(words("Draw"));
    return false;
  }
  find(`[name="region-${lastTicked.value}"]`).value = found.join(",");
  return true;
});

async function renew() {
  if (document.hidden || !ids().length) return;
  const response = await post(desk.dataset.renew, form(ids().map((id) => ["order", id]))).catch(() => null);
  if (!response || !response.ok) return;
  const { lost } = await response.json();
  held().forEach((panel) => {
    if (!(panel.dataset.id in lost)) return;
    if (panel === current()) say(lost[panel.dataset.id]);
    else panel.remove();
  });
  fill();
}

setInterval(renew, RENEW);
setInterval(() => {
  if (!document.hidden && !current()) fill();
}, LOOK_AGAIN);
document.addEventListener("visibilitychange", renew);
window.addEventListener("pagehide", () => {
  const body = form(ids().map((id) => ["order", id]));
  post(desk.dataset.release, body).catch(() => {});
});

takeRecent(document.querySelector("#recent"));
show(current());
fill();
