// Uploads with progress and retry, polling that rests with the tab, copying a link; everything works without this file.
"use strict";
(() => {
  // Sends a form's data; the file stays chosen, so 重试 needs no second choice. `parts` are the elements that tell.
  function send(data, action, parts, words) {
    const { status, bar, retry } = parts;
    const request = new XMLHttpRequest();
    request.open("POST", action);
    request.setRequestHeader("X-Upload", "1");
    request.timeout = 120000;
    request.upload.onprogress = (event) => {
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
      const page = new DOMParser().parseFromString(request.responseText, "text/html");
      const sentence = page.querySelector("h1, .alert");
      fail(sentence && request.status < 500 ? sentence.textContent : words.failed);
    };
    request.onerror = request.ontimeout = () => fail(words.failed);
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
      if (input.files.length) send(new FormData(form), form.action, parts, form.dataset);
    };
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
