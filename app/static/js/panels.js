// The panel on the screen, and the next one fetched, leased and decoded behind it.
"use strict";
import * as stage from "./stage.js";
import { form, get, post, read, say, takeRecent } from "./talk.js";

const RENEW = 20000;
const LOOK_AGAIN = 10000;
const FORGET = 30000;
const desk = document.querySelector("#desk");
const host = document.querySelector("#panel");
const behind = document.querySelector("#behind");
const skipped = [];
const decided = new Set(); // here, perhaps not yet there: an answer that crossed the decision may offer them again
let waiting = false;
let fetching = false;

export const current = () => host.querySelector(".panel");
export const find = (selector) => host.querySelector(selector);
export const findAll = (selector) => [...host.querySelectorAll(selector)];
export const words = (name) => desk.dataset[`say${name}`];
const ahead = () => behind.querySelector(".panel");
const held = () => [...document.querySelectorAll("#panel .panel, #behind .panel")];
const ids = () => held().map((panel) => panel.dataset.id);
export const heldBack = () => [...skipped, ...decided, ...ids()];

export function seen(address) {
  const body = form([["purpose", "review"]]);
  post(address, body).catch(() => {});
}

// Puts a panel on the screen. It may be decided once its photo is there, and only then counts as seen.
async function show(panel) {
  waiting = false;
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

// A decision goes its way: its panel leaves the screen, and its order is not offered here again.
export function leave(panel) {
  panel.classList.add("sending");
  decided.add(panel.dataset.id);
  next();
}

// The server took the decision on a panel and offers another one, or none.
export function taken(panel, offered) {
  setTimeout(() => decided.delete(panel.dataset.id), FORGET);
  if (arrived(offered)) fill();
}

// A refused decision: its panel comes back, what is shown now waits behind it, nothing typed is lost.
export function again(old, panel, sentence) {
  decided.delete(old.dataset.id);
  const shown = current();
  if (shown && shown !== old) behind.prepend(shown);
  show(panel);
  say(sentence);
}

// Shows what an address answers in front of the present panel, which stays ready behind it.
export async function insert(request) {
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

// Gives an order back and moves on; it comes again when only skipped ones are left.
export function letGo(panel) {
  skipped.push(panel.dataset.id);
  post(desk.dataset.release, form([["order", panel.dataset.id]])).catch(() => {});
  say("");
  if (!next()) panel.classList.add("sending");
  fill();
}

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

// Shows the panel that came with the page, and keeps what is held leased until the page is left.
export function start() {
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
}
