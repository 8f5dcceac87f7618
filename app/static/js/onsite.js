// Sends a studio's folder file by file. What is there already (by SHA-256) is not sent again, so a stopped upload is
// simply dropped once more.
"use strict";
(() => {
  const form = document.querySelector("[data-onsite]");
  if (!form) return;
  const texts = JSON.parse(form.dataset.texts);
  const status = form.querySelector("[data-status]");
  const bar = form.querySelector("progress");
  const result = form.querySelector("[data-result]");
  const refused = form.querySelector("[data-refused]");
  const suffixes = new Set(form.dataset.suffixes.split(" "));
  const token = form.querySelector("[name=csrf_token]").value;
  const picture = (file) => suffixes.has(file.name.split(".").pop().toLowerCase()) && !file.name.startsWith(".");
  let busy = false;

  async function digest(file) {
    const hash = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
    return [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  /** The files that the server does not have; all of them where the browser cannot hash (no secure address). */
  async function fresh(files) {
    if (!window.crypto?.subtle) return files;
    const left = [];
    for (let at = 0; at < files.length; at += 50) {
      const portion = files.slice(at, at + 50);
      const hashes = [];
      for (const file of portion) hashes.push(await digest(file));
      const answer = await fetch(form.dataset.known, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-CSRFToken": token },
        body: JSON.stringify(hashes),
      });
      const known = new Set(answer.ok ? (await answer.json()).known : []);
      left.push(...portion.filter((file, index) => !known.has(hashes[index])));
    }
    return left;
  }

  /** A CSV map as file name -> student number. */
  async function readMap(file) {
    if (!file) return new Map();
    const bytes = await file.arrayBuffer();
    let text;
    try {
      text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch {
      text = new TextDecoder("gb18030").decode(bytes);
    }
    const rows = text.split(/\r?\n/).filter((line) => line.trim());
    if (rows.some((line) => !line.includes(","))) throw new Error("map");
    return new Map(
      rows.map((line) => {
        const [name, number] = line.split(",").map((cell) => cell.trim().replace(/^"|"$/g, ""));
        return [name.replaceAll("\\", "/").split("/").pop().toLowerCase(), number];
      }),
    );
  }

  async function send(file, map) {
    const body = new FormData();
    body.append("csrf_token", token);
    body.append("photos", file, file.name);
    body.append("student_no", map.get(file.name.toLowerCase()) || "");
    const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(answer.status);
    return answer.json();
  }

  /** Name a file that was not taken, and why: its sender has to look after it. */
  function name(file, cause) {
    const line = document.createElement("li");
    line.textContent = (file.webkitRelativePath || file.name) + ": " + cause;
    refused.append(line);
  }

  async function take(list) {
    const files = [...list].filter(picture);
    if (busy) return;
    if (!files.length) return void (status.textContent = texts.none);
    busy = true;
    const counts = {};
    refused.replaceChildren();
    if (files.length < list.length) counts.others = list.length - files.length;
    const tell = (lead) => {
      const parts = Object.entries(counts).map(([name, count]) => texts[name] + " " + count);
      status.textContent = [lead, ...parts].join(" · ");
    };
    try {
      const map = await readMap(form.elements.map.files[0]);
      tell(texts.reading);
      const left = await fresh(files);
      if (left.length < files.length) counts["already there"] = files.length - left.length;
      bar.hidden = false;
      bar.max = Math.max(left.length, 1);
      for (const [done, file] of left.entries()) {
        bar.value = done;
        tell(texts.sending + " " + (done + 1) + "/" + left.length);
        const { outcome, cause } = await send(file, map);
        counts[outcome] = (counts[outcome] || 0) + 1;
        if (outcome === "refused") name(file, cause);
      }
      bar.value = bar.max;
      tell(texts.done);
      if (refused.childElementCount) result.hidden = false;
      else if (left.length) setTimeout(() => window.location.reload(), 1500);
    } catch (error) {
      tell(error.message === "map" ? texts.map : texts.again);
    } finally {
      busy = false;
    }
  }

  /** Every file of a dropped folder and those below it. */
  async function walk(entry) {
    if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
    const reader = entry.createReader();
    const found = [];
    for (;;) {
      const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (!entries.length) return found;
      for (const one of entries) found.push(...(await walk(one)));
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    take(form.elements.photos.files);
  });
  const folder = form.querySelector("[data-folder]");
  folder.hidden = false;
  folder.querySelector("input").addEventListener("change", (event) => take(event.target.files));
  for (const name of ["dragover", "dragleave", "drop"]) {
    form.addEventListener(name, (event) => {
      event.preventDefault();
      form.classList.toggle("over", name === "dragover");
    });
  }
  form.addEventListener("drop", async (event) => {
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
    const files = [];
    for (const entry of entries) files.push(...(await walk(entry)));
    take(files);
  });
})();
