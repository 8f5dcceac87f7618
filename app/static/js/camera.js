// The camera page: live picture with an oval and the rule's lines, one button, then the same upload as a file.
"use strict";
(() => {
  const root = document.querySelector("[data-camera]");
  if (!root) return;
  const video = root.querySelector("video"),
    canvas = root.querySelector("canvas"),
    shoot = root.querySelector("[data-shoot]");
  const again = root.querySelector("[data-again]"),
    use = root.querySelector("[data-use]"),
    turn = root.querySelector("[data-turn]");
  const status = root.querySelector("[data-status]"),
    fallback = root.querySelector("[data-fallback]");
  let stream = null,
    facing = "environment";

  async function start() {
    try {
      if (stream) stream.getTracks().forEach((track) => track.stop());
      stream = await navigator.mediaDevices.getUserMedia({
        audio: false,
        video: { facingMode: facing, width: { ideal: 2560 }, height: { ideal: 1920 } },
      });
      video.srcObject = stream;
      await video.play();
      show("live");
    } catch (error) {
      status.textContent = root.dataset.denied;
      status.hidden = false;
      fallback.hidden = false;
      root.querySelector(".camera").hidden = true;
    }
  }
  function show(what) {
    video.hidden = what !== "live";
    canvas.hidden = what === "live";
    shoot.hidden = turn.hidden = what !== "live";
    again.hidden = use.hidden = what === "live";
  }
  shoot.addEventListener("click", () => {
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    canvas.getContext("2d").drawImage(video, 0, 0);
    show("taken");
  });
  again.addEventListener("click", () => show("live"));
  turn.addEventListener("click", () => {
    facing = facing === "environment" ? "user" : "environment";
    start();
  });
  use.addEventListener("click", () =>
    canvas.toBlob(
      async (blob) => {
        use.disabled = true;
        status.hidden = false;
        status.className = "muted";
        status.textContent = root.dataset.sending;
        const form = new FormData();
        form.append("csrf_token", root.dataset.token);
        form.append("source", "camera");
        form.append("photo", blob, "camera.jpg");
        try {
          const answer = await fetch(root.dataset.action, { method: "POST", body: form, headers: { "X-Upload": "1" } });
          if (!answer.ok) throw new Error(answer.status);
          location.assign((await answer.json()).next);
        } catch (error) {
          use.disabled = false;
          status.className = "alert";
          status.textContent = root.dataset.failed;
        }
      },
      "image/jpeg",
      0.95,
    ),
  );
  start();
})();
