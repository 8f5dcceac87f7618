// Uploads with progress and retry, polling that rests with the tab and outlives a dead spot, typing that says when it is
// not kept, copying a link; everything works without this file.
"use strict";
(() => {
  const STALL_MS = 60000; // a slow network may take minutes; one that moves nothing for so long is broken
  const AGAIN_MS = 3000; // between two looks while the network is away

  // Sends a form's data; the file stays chosen, so 重试 needs no second choice. `parts` are the elements that tell.
  function send(data, action, parts, words) {
    const { status, bar, retry } = parts;
    const request = new XMLHttpRequest();
    request.open("POST", action);
    request.setRequestHeader("X-Upload", "1");
    let stalled = setTimeout(() => request.abort(), STALL_MS);
    const moved = () => {
      clearTimeout(stalled);
      stalled = setTimeout(() => request.abort(), STALL_MS);
    };
    request.upload.onprogress = (event) => {
      moved();
      if (!event.lengthComputable) return;
      bar.max = event.total;
      bar.value = event.loaded;
      status.textContent = `${words.sending} ${Math.round((100 * event.loaded) / event.total)}%`;
    };
    request.onload = () => {
      if (request.status === 200) {
        location.assign(JSON.parse(request.responseText).next);
        return;
      }
      if (request.status === 401) return location.reload(); // the session ran out: by the sign-in, and back here
      const page = new DOMParser().parseFromString(request.responseText, "text/html");
      const sentence = page.querySelector("h1, .alert");
      fail(sentence && request.status < 500 ? sentence.textContent : words.failed);
    };
    request.onerror = request.onabort = () => fail(words.failed);
    request.onloadend = () => clearTimeout(stalled);
    function fail(sentence) {
      status.textContent = sentence;
      status.className = "alert";
      bar.hidden = true;
      retry.hidden = false;
      parts.failed?.();
    }
    status.className = "muted";
    status.textContent = words.sending;
    status.hidden = bar.hidden = false;
    bar.value = 0;
    retry.hidden = true;
    request.send(data);
  }
  window.caixiang = { send };

  document.querySelectorAll("form[data-upload]").forEach((form) => {
    const input = form.querySelector("input[type=file]");
    const find = (name) => form.querySelector(name);
    const parts = { status: find("[data-status]"), bar: find("progress"), retry: find("[data-retry]") };
    form.classList.add("scripted");
    find("[data-send]").hidden = true;
    const go = () => {
      const file = input.files[0];
      if (!file) return;
      if (file.size > Number(form.dataset.most)) tooLarge();
      else send(new FormData(form), form.action, parts, form.dataset);
    };
    function tooLarge() {
      parts.status.textContent = form.dataset.large;
      parts.status.className = "alert";
      parts.status.hidden = false;
      parts.bar.hidden = parts.retry.hidden = true;
    }
    input.addEventListener("change", go);
    parts.retry.addEventListener("click", go);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      go();
    });
  });

  // A tab that nobody sees asks nothing; it looks again at once when it is seen.
  const resting = new Set();
  document.addEventListener("htmx:beforeRequest", (event) => {
    const asker = event.detail.elt;
    if (!document.hidden || !asker.matches("[hx-trigger*=wake]")) return;
    event.preventDefault();
    resting.add(asker);
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    for (const asker of resting) if (asker.isConnected) window.htmx.trigger(asker, "wake");
    resting.clear();
  });

  // A look that found no network is made again; what was typed and not kept is told, and sent again.
  const unsaved = document.querySelector("[data-unsaved]");
  for (const name of ["htmx:sendError", "htmx:timeout", "htmx:responseError"])
    document.addEventListener(name, (event) => {
      const { elt, xhr } = event.detail;
      if (xhr.status && xhr.status < 500) return;
      if (elt.matches("[hx-trigger*=wake]"))
        setTimeout(() => elt.isConnected && window.htmx.trigger(elt, "wake"), AGAIN_MS);
      else if (unsaved?.hidden) {
        unsaved.hidden = false;
        unsaved.again = setInterval(() => unsaved.form.dispatchEvent(new Event("input")), AGAIN_MS);
      }
    });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (!unsaved || !event.detail.successful) return;
    clearInterval(unsaved.again);
    unsaved.hidden = true;
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    const note = event.detail.target;
    if (!note.matches(".field > .note")) return;
    const control = note.parentElement.querySelector("input, select");
    if (note.querySelector(".fault")) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
  });

  document.addEventListener("submit", (event) => {
    const button = event.target.querySelector("button[data-once]");
    if (button) setTimeout(() => (button.disabled = true), 0);
  });
  window.addEventListener("pageshow", () => {
    document.querySelectorAll("button[data-once]").forEach((button) => (button.disabled = false));
  });

  document.querySelectorAll("[data-copy]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const field = document.getElementById(button.dataset.copy);
      try {
        await navigator.clipboard.writeText(field.value);
        button.textContent = button.dataset.done;
      } catch {
        field.select();
        button.textContent = button.dataset.failed;
      }
    });
  });
})();
