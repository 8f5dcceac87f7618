// The desk by keyboard: decisions, reasons, views, lease, prefetch. htmx swaps #panel; this file only drives it.
"use strict";
(() => {
  const panel = () => document.querySelector("#panel");
  const find = (selector) => panel().querySelector(selector);
  const token = () => document.querySelector("meta[name=csrf-token]").content;
  let shownAt = performance.now(),
    leaseTimer = null;

  function post(url, data) {
    const body = new FormData();
    body.append("csrf_token", token());
    Object.entries(data || {}).forEach(([name, value]) => body.append(name, value));
    return fetch(url, { method: "POST", body, keepalive: true });
  }

  function ready() {
    shownAt = performance.now();
    clearInterval(leaseTimer);
    const root = find("[data-order]");
    if (!root) return;
    const photo = find("figure.now img");
    const seen = () => {
      if (root.dataset.shown) post(root.dataset.shown, { purpose: "review" });
    };
    if (photo) {
      if (photo.complete && photo.naturalWidth) seen();
      else photo.addEventListener("load", seen, { once: true });
    }
    if (root.dataset.next) new Image().src = root.dataset.next;
    leaseTimer = setInterval(() => {
      if (!document.hidden) post(root.dataset.lease);
    }, 20000);
    panel().dispatchEvent(new CustomEvent("desk:ready", { bubbles: true }));
  }

  function toggle(name) {
    const pane = find(".photo-pane");
    if (!pane) return;
    pane.dataset[name] = pane.dataset[name] === "1" ? "0" : "1";
    pane.querySelectorAll(`.${name} img[data-src]`).forEach((image) => {
      if (!image.src) image.src = image.dataset.src;
    });
  }

  function decide(outcome) {
    const form = find("form[data-decide]");
    if (!form) return;
    form.elements.outcome.value = outcome;
    form.elements.ms.value = Math.round(performance.now() - shownAt);
    form.requestSubmit();
  }

  function reason(key) {
    const box = find(`input[data-key="${key}"]`);
    if (box) box.checked = !box.checked;
  }

  const keys = {
    a: () => decide("approved"),
    r: () => decide("rejected"),
    n: () => find("[data-skip]")?.click(),
    b: () => history.back(),
    z: () => toggle("zoom"),
    o: () => toggle("original"),
    g: () => toggle("overlay"),
    e: () => toggle("edge"),
    u: () => find("[data-undo]")?.requestSubmit(),
    "?": () => {
      const help = document.querySelector("#help");
      if (help.open) help.close();
      else help.showModal();
    },
  };

  document.addEventListener("keydown", (event) => {
    const target = event.target;
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (target.matches("textarea, select, input:not([type=checkbox]):not([type=radio])")) {
      if (event.key === "Escape") target.blur();
      return;
    }
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (/^[1-9]$/.test(key)) {
      reason(key);
      event.preventDefault();
      return;
    }
    if (keys[key]) {
      keys[key]();
      event.preventDefault();
    }
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-act]");
    if (!button) return;
    const act = button.dataset.act;
    if (act === "approve") decide("approved");
    else if (act === "reject") decide("rejected");
    else toggle(act);
  });
  document.addEventListener("htmx:configRequest", (event) => {
    event.detail.headers["X-CSRFToken"] = token();
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.id === "panel" || event.detail.target.id === "panel") ready();
  });
  window.addEventListener("pagehide", () => {
    const root = find("[data-order]");
    if (root && root.dataset.release) post(root.dataset.release);
  });
  ready();
})();
