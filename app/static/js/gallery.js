// Says which photos of the gallery were really on the screen; X takes the focused one out.
"use strict";
(() => {
  const token = document.querySelector("meta[name=csrf-token]").content;
  const observer = new IntersectionObserver(
    (entries) =>
      entries.forEach((entry) => {
        if (!entry.isIntersecting) return;
        observer.unobserve(entry.target);
        const body = new FormData();
        body.append("csrf_token", token);
        body.append("purpose", "gallery");
        fetch(entry.target.dataset.shown, { method: "POST", body, keepalive: true });
      }),
    { threshold: 0.6 },
  );
  document.querySelectorAll(".gallery [data-shown]").forEach((item) => observer.observe(item));
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() === "x" && event.target.matches(".gallery input")) {
      event.target.checked = !event.target.checked;
      event.preventDefault();
    }
  });
})();
