// Decisions and the ways back from them. Each is sent in the background and in the order it was made; a refused one
// comes back with its panel.
"use strict";
import { again, current, heldBack, insert, leave, letGo, taken, words } from "./panels.js";
import { carried, lacking } from "./reasons.js";
import { get, hint, post, read, say } from "./talk.js";

const trail = []; // addresses of the panels decided or skipped here, the latest last
let chain = Promise.resolve();

const sending = (panel) => panel.classList.contains("sending");

export function decide(outcome) {
  const panel = current();
  const own = panel && panel.querySelector("form[data-decide]");
  if (!panel || sending(panel)) return;
  if (!own) return hint(words("Closed"));
  if (panel.dataset.ready !== "1") return hint(words("Unseen"));
  if (own.querySelector(`button[value=${outcome}]`).disabled) return hint(words("NoRendition"));
  const missing = outcome === "rejected" ? lacking(panel) : "";
  if (missing) return hint(missing);
  own.elements.ms.value = Math.round(performance.now() - Number(panel.dataset.since));
  const body = new FormData(own);
  body.set("outcome", outcome);
  say("");
  trail.push(panel.dataset.panel);
  leave(panel);
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
  if (response.ok) return taken(panel, answer.panel);
  trail.pop();
  if (response.status === 409 && answer.panel) return again(panel, carried(panel, answer.panel), answer.sentence);
  return again(panel, panel, answer.sentence || words("Offline"));
}

export function skip() {
  const panel = current();
  if (!panel || sending(panel)) return;
  trail.push(panel.dataset.panel);
  letGo(panel);
}

export function back() {
  const address = trail.pop();
  if (!address) return hint(words("First"));
  chain = chain.then(() => insert(get(address, [])));
}

export function undo(own) {
  const line = own || document.querySelector("#recent form[data-undo]");
  if (!line) return chain.then(() => document.querySelector("#recent form[data-undo]") || hint(words("NoUndo")));
  chain = chain.then(() => insert(post(line.action, new FormData(line))));
}

// Takes over the order that a colleague looks at.
export function take(own) {
  const old = current();
  chain = chain.then(async () => {
    await insert(post(own.action, new FormData(own)));
    if (current() !== old) carried(old, current());
  });
}
