// The camera page: live picture with an oval and the rule's lines, one button, then the same upload as a file.
"use strict";
(() => {
  const root = document.querySelector("[data-camera]");
  if (!root) return;
  const find = (name) => root.querySelector(name);
  const video = find("video"),
    canvas = find("canvas"),
    live = find("[data-live]"),
    fallback = find("[data-fallback]");
  const shoot = find("[data-shoot]"),
    turn = find("[data-turn]"),
    use = find("[data-use]"),
    again = find("[data-again]");
  const parts = { status: find("[data-status]"), bar: find("progress"), retry: find("[data-retry]") };
  parts.failed = () => (again.hidden = false);
  let stream = null,
    facing = "environment",
    picture = null;

  async function start() {
    shoot.disabled = true; // until there is a picture to take
    try {
      if (stream) stream.getTracks().forEach((track) => track.stop());
      stream = await navigator.mediaDevices.getUserMedia({
        audio: false,
        video: { facingMode: facing, width: { ideal: 2560 }, height: { ideal: 1920 } },
      });
      video.srcObject = stream;
      await video.play();
      shoot.disabled = false;
      show("live");
      fallback.hidden = true;
    } catch {
      parts.status.textContent = root.dataset.denied;
      parts.status.className = "caution";
      parts.status.hidden = false;
      fallback.hidden = false;
      live.hidden = true;
      shoot.hidden = turn.hidden = true;
    }
  }

  function show(what) {
    const now = what === "live";
    video.hidden = shoot.hidden = turn.hidden = !now;
    canvas.hidden = again.hidden = use.hidden = now;
    parts.retry.hidden = parts.status.hidden = parts.bar.hidden = true;
  }

  shoot.addEventListener("click", () => {
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    canvas.getContext("2d").drawImage(video, 0, 0);
    picture = null;
    show("taken");
  });
  again.addEventListener("click", () => show("live"));
  turn.addEventListener("click", () => {
    facing = facing === "environment" ? "user" : "environment";
    start();
  });

  async function upload() {
    picture ??= await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.95));
    const form = new FormData();
    form.append("csrf_token", root.dataset.token);
    form.append("source", "camera");
    form.append("photo", picture, "camera.jpg");
    use.hidden = again.hidden = true; // a picture on its way is not taken back
    window.caixiang.send(form, root.dataset.action, parts, root.dataset);
  }
  use.addEventListener("click", upload);
  parts.retry.addEventListener("click", upload);
  start();
})();
