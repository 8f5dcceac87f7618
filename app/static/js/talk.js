// What the desk asks the server, and what an answer consists of: a panel, a sentence, the last decisions.
"use strict";

const csrf = () => document.querySelector("meta[name=csrf-token]").content;
const desk = () => document.querySelector("#desk");

export function post(url, body) {
  if (!body.has("csrf_token")) body.append("csrf_token", csrf());
  return fetch(url, { method: "POST", body, keepalive: true, headers: { "HX-Request": "true" } });
}

export function form(fields) {
  const body = new FormData();
  body.append("tab", desk().dataset.tab);
  fields.forEach(([name, value]) => body.append(name, value));
  return body;
}

export function get(url, skip) {
  const address = new URL(url, location.href);
  address.searchParams.set("tab", desk().dataset.tab);
  skip.forEach((id) => address.searchParams.append("skip", id));
  return fetch(address, { headers: { "HX-Request": "true" } });
}

export async function read(response) {
  if (response.status === 401) location.assign(response.headers.get("HX-Redirect") || location.href);
  const parsed = document.createElement("template");
  parsed.innerHTML = await response.text();
  const answer = parsed.content.querySelector(".answer");
  if (!answer) return { panel: null, sentence: parsed.content.textContent.trim() };
  const recent = answer.querySelector("#recent");
  if (recent) takeRecent(recent);
  remaining(answer.dataset.remaining);
  const sentence = answer.querySelector("[data-sentence]");
  return { panel: answer.querySelector(".panel"), sentence: sentence ? sentence.textContent : "" };
}

function remaining(text) {
  document.querySelectorAll("[data-remaining]").forEach((place) => {
    if (place.tagName === "B") place.textContent = text;
  });
}

export function takeRecent(fresh) {
  const old = document.querySelector("#recent");
  if (old !== fresh) old.replaceWith(fresh);
  fresh.querySelectorAll("li[data-left]").forEach((line) => {
    setTimeout(() => settle(line), Number(line.dataset.left) * 1000);
  });
}

// The decision has become visible: undo no longer applies, what stands behind it does.
function settle(line) {
  const undo = line.querySelector("[data-undo]");
  const then = line.querySelector("[data-then]");
  if (undo) undo.remove();
  if (then) then.hidden = false;
}

const place = () => document.querySelector("#say");
let hinted = "";

export function say(text) {
  place().textContent = text;
  place().hidden = !text;
}

// Why a key did nothing; gone with the next key, unlike what the server said.
export function hint(text) {
  hinted = text;
  say(text);
}

export function forget() {
  if (hinted && place().textContent === hinted) say("");
  hinted = "";
}
