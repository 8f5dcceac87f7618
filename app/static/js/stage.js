// The photo on the desk: ruler and faults, original, zoom, edges, an older version beside it, a place drawn by hand.
"use strict";

const STICKY = ["ruler", "faults"];
const VIEWS = ["original", "edge"];
const STEP = 8;
const kept = JSON.parse(sessionStorage.getItem("desk-view") || "{}");

const stage = () => document.querySelector("#panel .stage");

export function settle(panel) {
  const own = panel.querySelector(".stage");
  STICKY.forEach((name) => set(own, name, kept[name] === true));
  set(own, "original", !own.querySelector(".frame.rendition"));
}

function set(own, name, on) {
  own.dataset[name] = on ? "1" : "0";
  const button = own.querySelector(`[data-act=${name}]`);
  if (button) button.setAttribute("aria-pressed", on ? "true" : "false");
}

export function toggle(name) {
  const own = stage();
  if (!own || (name === "edge" && !own.querySelector(".frame.edge"))) return;
  if (name === "original" && !own.querySelector(".frame.rendition")) return;
  const on = own.dataset[name] !== "1";
  if (VIEWS.includes(name)) VIEWS.forEach((other) => set(own, other, false));
  set(own, name, on);
  if (STICKY.includes(name)) {
    kept[name] = on;
    sessionStorage.setItem("desk-view", JSON.stringify(kept));
  }
  own.querySelectorAll(`.frame.${name} img[data-src]`).forEach((image) => {
    if (!image.getAttribute("src")) image.src = image.dataset.src;
  });
}

export function pan(dx, dy) {
  const own = stage();
  if (!own || (own.dataset.zoom !== "1" && own.dataset.edge !== "1")) return false;
  look(own, Number(own.dataset.x || 50) + dx * STEP, Number(own.dataset.y || 35) + dy * STEP);
  return true;
}

function look(own, x, y) {
  const within = (value) => Math.min(100, Math.max(0, value));
  own.dataset.x = within(x);
  own.dataset.y = within(y);
  own.style.setProperty("--x", `${own.dataset.x}%`);
  own.style.setProperty("--y", `${own.dataset.y}%`);
}

// An older version beside the present one; looking at it is written down like any other look.
export function beside(button, seen) {
  const own = stage();
  let figure = own.querySelector("figure.old");
  if (!figure) {
    const column = own.querySelector(".before") || own.insertBefore(document.createElement("div"), own.firstChild);
    column.className = "before";
    figure = document.createElement("figure");
    figure.className = "old";
    figure.append(document.createElement("img"), document.createElement("figcaption"));
    column.prepend(figure);
    own.closest(".panel").classList.add("with-old");
  }
  figure.querySelector("img").src = button.dataset.version;
  figure.querySelector("figcaption").textContent = button.getAttribute("aria-label");
  seen(button.dataset.shown);
}

// Drawing a box over the photo says where the reason that was ticked last is to be seen.
export function drawing(target) {
  let from = null;
  const at = (svg, event) => {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    const [x, y, width, height] = svg.dataset.box.split(" ").map(Number);
    return [Math.min(x + width, Math.max(x, point.x)), Math.min(y + height, Math.max(y, point.y))];
  };
  const box = (svg, event) => {
    const to = at(svg, event);
    const [x, y] = [Math.min(from[0], to[0]), Math.min(from[1], to[1])].map(Math.floor);
    return [x, y, Math.floor(Math.abs(to[0] - from[0])), Math.floor(Math.abs(to[1] - from[1]))];
  };
  const draw = (svg, [x, y, width, height]) => {
    const rect = svg.querySelector(".drawn");
    Object.entries({ x, y, width, height }).forEach(([name, value]) => rect.setAttribute(name, value));
  };
  document.addEventListener("pointerdown", (event) => {
    const svg = event.target.closest(".frame svg.marks");
    if (!svg || event.button !== 0 || stage().dataset.zoom === "1") return;
    from = at(svg, event);
    svg.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  document.addEventListener("pointermove", (event) => {
    const frames = event.target.closest(".frames");
    const own = stage();
    if (!frames || !own) return;
    if (from) {
      const svg = event.target.closest("svg.marks");
      if (svg) draw(svg, box(svg, event));
    } else if (own.dataset.zoom === "1" || own.dataset.edge === "1") {
      const place = frames.getBoundingClientRect();
      look(own, ((event.clientX - place.x) / place.width) * 100, ((event.clientY - place.y) / place.height) * 100);
    }
  });
  document.addEventListener("pointerup", (event) => {
    const svg = from && event.target.closest("svg.marks");
    if (!svg) return;
    const found = box(svg, event);
    from = null;
    const taken = found[2] >= 4 && found[3] >= 4 && target(found);
    if (!taken) draw(svg, [0, 0, 0, 0]);
  });
}
