// Says which photos of the gallery were really on the screen, keeps them leased, and drives it by keyboard.
"use strict";

const RENEW = 20000;
const form = document.querySelector("#gallery");
const csrf = document.querySelector("meta[name=csrf-token]").content;
const items = form ? [...form.querySelectorAll("[data-shown]")] : [];

function post(url, fields) {
  const body = new FormData();
  body.append("csrf_token", csrf);
  fields.forEach(([name, value]) => body.append(name, value));
  return fetch(url, { method: "POST", body, keepalive: true }).catch(() => null);
}

const mine = () => [["tab", form.dataset.tab], ...items.map((item) => ["order", item.dataset.id])];

function count() {
  const out = form.querySelectorAll("input[name=out]:checked").length;
  const wanted = items.length - out;
  form.querySelector("[data-count]").textContent = wanted;
  form.querySelector("[data-out]").textContent = out;
  form.querySelector("[data-unseen]").textContent = items.filter((item) => !item.classList.contains("seen")).length;
  const typed = form.querySelector("[data-typed]");
  typed.hidden = wanted <= Number(form.dataset.confirmAbove);
  typed.querySelector("input").required = !typed.hidden;
}

// Seen: the picture is loaded, and nearly all of it was on the screen.
async function saw(item) {
  const photo = item.querySelector("img");
  await photo.decode().catch(() => {});
  const answer = photo.naturalWidth && (await post(item.dataset.shown, [["purpose", "gallery"]]));
  if (answer && answer.ok) item.classList.add("seen");
  count();
}

function move(from, key) {
  const columns = getComputedStyle(form.querySelector(".gallery")).gridTemplateColumns.split(" ").length;
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[key];
  const to = items[from + step];
  if (!to) return;
  to.querySelector("input").focus({ preventScroll: true });
  to.scrollIntoView({ block: "nearest" });
}

if (form) {
  const observer = new IntersectionObserver(
    (entries) =>
      entries
        .filter((entry) => entry.isIntersecting)
        .forEach((entry) => {
          observer.unobserve(entry.target);
          saw(entry.target.parentElement);
        }),
    { threshold: 0.9 },
  );
  items.forEach((item) => observer.observe(item.querySelector("img")));
  form.addEventListener("change", count);
  const typed = form.querySelector("[data-typed] input"),
    button = form.querySelector(".gallery-bar button");
  typed.addEventListener("input", () => typed.setCustomValidity(""));
  button.addEventListener("click", () => {
    // Told here: a page that refuses it would forget what was taken out.
    const wanted = form.querySelector("[data-count]").textContent;
    typed.setCustomValidity(typed.required && typed.value.trim() !== wanted ? form.dataset.sayNumber + wanted : "");
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input:not([type=checkbox])")) return;
    const at = items.findIndex((item) => item.contains(document.activeElement));
    if (event.key.startsWith("Arrow")) {
      move(at, event.key);
      event.preventDefault();
    } else if (event.key === "Enter" && at >= 0) {
      // On a photo it would approve them all at once: it leads to where that is done.
      (typed.closest("[hidden]") ? button : typed).focus();
      event.preventDefault();
    } else if (event.key.toLowerCase() === "x" && at >= 0) {
      items[at].querySelector("input").click();
      event.preventDefault();
    }
  });
  setInterval(() => {
    if (!document.hidden) post(form.dataset.renew, mine());
  }, RENEW);
  window.addEventListener("pagehide", () => post(form.dataset.release, mine()));
  items[0].querySelector("input").focus({ preventScroll: true });
  count();
}
