// Compares a pasted list with the school's own orders in the browser; the list is never sent.
"use strict";
(() => {
  const box = document.querySelector("[data-compare]");
  if (!box) return;
  document.querySelector("[data-run]").addEventListener("click", async () => {
    const there = new Set((await (await fetch(box.dataset.compare)).json()).numbers);
    const lines = box.value
      .split("\n")
      .map((line) => line.trim())
      .filter(Boolean);
    const missing = lines.filter((line) => !line.split(/[\s,，]+/).some((word) => there.has(word)));
    const result = document.querySelector("[data-result]");
    result.replaceChildren(
      Object.assign(document.createElement("p"), { textContent: missing.length + " / " + lines.length }),
      Object.assign(document.createElement("pre"), { textContent: missing.join("\n") }),
    );
  });
})();
