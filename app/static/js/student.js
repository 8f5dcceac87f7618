// Uploads with progress and retry; everything else works without this file.
"use strict";
(() => {
  const say = (form, key) => form.dataset[key] || "";

  function send(form, status, bar, retry) {
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.setRequestHeader("X-Upload", "1");
    request.timeout = 120000;
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) {
        bar.max = event.total;
        bar.value = event.loaded;
      }
      status.textContent = say(form, "sending");
    };
    request.onload = () => {
      if (request.status === 200) {
        location.assign(JSON.parse(request.responseText).next);
        return;
      }
      const page = new DOMParser().parseFromString(request.responseText, "text/html");
      const sentence = page.querySelector("h1, .alert");
      fail(sentence && request.status < 500 ? sentence.textContent : say(form, "failed"));
    };
    request.onerror = request.ontimeout = () => fail(say(form, "failed"));
    function fail(sentence) {
      status.textContent = sentence;
      status.className = "alert";
      bar.hidden = true;
      retry.hidden = false;
    }
    status.className = "muted";
    status.textContent = say(form, "sending");
    status.hidden = bar.hidden = false;
    retry.hidden = true;
    request.send(new FormData(form));
  }

  document.querySelectorAll("form[data-upload]").forEach((form) => {
    const input = form.querySelector("input[type=file]");
    const status = form.querySelector("[data-status]"),
      bar = form.querySelector("progress"),
      retry = form.querySelector("[data-retry]");
    const submit = form.querySelector("[data-send]");
    if (submit) submit.hidden = true;
    const go = () => {
      if (input.files.length) send(form, status, bar, retry);
    };
    input.addEventListener("change", go);
    retry.addEventListener("click", go);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      go();
    });
  });

  document.addEventListener("submit", (event) => {
    const button = event.target.querySelector("button[data-once]");
    if (button)
      setTimeout(() => {
        button.disabled = true;
      }, 0);
  });
})();
