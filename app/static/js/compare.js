// Compares a pasted list with the school's own orders. The list stays in this page: the one request made here asks for
// the school's own student numbers and carries nothing.
"use strict";
(() => {
  const root = document.querySelector("[data-compare]");
  if (!root) return;
  const texts = JSON.parse(root.dataset.texts);
  const box = root.querySelector("textarea");
  const result = root.querySelector("[data-result]");
  const save = root.querySelector("[data-save]");
  const STAGES = ["done", "reviewing", "acting", "missing"];
  const STAGE = {
    pending_production: "done",
    in_production: "done",
    completed: "done",
    pending_review: "reviewing",
  };
  const HEADS = { number: /学号|student|xh/i, class: /班|class|bh/i };
  const NUMBER = /^(?=.*\d)[A-Za-z0-9-]{4,20}$/;
  let table = [];

  const plain = (text) => text.normalize("NFKC").trim();
  const bare = (number) => number.replace(/^0+/, "");

  /** The pasted lines as [{number, group, line}], by a head if there is one, else by what looks like a number. */
  function parse(text, known) {
    const lines = text.split(/\r?\n/).map(plain).filter(Boolean);
    const tabbed = lines.some((line) => line.includes("\t"));
    const cut = (line) => line.split(tabbed ? "\t" : /[\s,，;；]+/).map((cell) => cell.trim());
    const head = cut(lines[0] || "");
    const at = {
      number: head.findIndex((cell) => HEADS.number.test(cell)),
      class: head.findIndex((cell) => HEADS.class.test(cell)),
    };
    const rows = at.number >= 0 ? lines.slice(1) : lines;
    return rows.map((line) => {
      const cells = cut(line);
      const place =
        at.number >= 0
          ? at.number
          : Math.max(
              cells.findIndex((cell) => known.has(cell)),
              cells.some((cell) => known.has(cell)) ? -1 : cells.findIndex((cell) => NUMBER.test(cell)),
            );
      const others = cells.filter((cell, index) => index !== place && cell);
      const group = at.class >= 0 ? cells[at.class] : others.length > 1 ? others[others.length - 1] : "";
      return { number: place >= 0 ? cells[place] || "" : "", group: group || texts.unclassed, line };
    });
  }

  /** What became of every line: its stage, and how the number was found. */
  function compare(rows, known) {
    const shortened = new Map([...known.keys()].map((number) => [bare(number), number]));
    const seen = new Set();
    const found = [];
    for (const row of rows) {
      const exact = known.has(row.number) ? row.number : undefined;
      const number = exact ?? shortened.get(bare(row.number));
      const repeated = row.number !== "" && seen.has(row.number);
      seen.add(row.number).add(number);
      const state = number === undefined ? undefined : known.get(number);
      const stage = state === undefined ? "missing" : STAGE[state] || "acting";
      found.push({ ...row, stage, repeated, guessed: exact === undefined && number !== undefined });
    }
    return { found, extra: [...known.keys()].filter((number) => !seen.has(number)) };
  }

  const make = (tag, children = [], text) => {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    element.append(...children);
    return element;
  };
  const cells = (tag, values) =>
    values.map((value, index) => {
      const cell = make(tag, [], String(value));
      if (index > 0) cell.className = "num";
      return cell;
    });

  /** A table by class: how many are listed, and at which stage. */
  function byClass(found) {
    const groups = new Map([[texts.all, { listed: 0 }]]);
    for (const row of found) {
      for (const name of [texts.all, row.group]) {
        const group = groups.get(name) || groups.set(name, { listed: 0 }).get(name);
        group.listed += 1;
        group[row.stage] = (group[row.stage] || 0) + 1;
      }
    }
    const head = make("tr", cells("th", [texts.class, texts.listed, ...STAGES.map((stage) => texts[stage])]));
    const sorted = [...groups].sort(([a], [b]) => (a === texts.all ? -1 : b === texts.all ? 1 : a.localeCompare(b)));
    const rows = sorted.map(([name, group]) =>
      make("tr", cells("td", [name, group.listed, ...STAGES.map((stage) => group[stage] || 0)])),
    );
    const made = make("table", [make("thead", [head]), make("tbody", rows)]);
    made.className = "table";
    return made;
  }

  /** Who still has something to do, class by class, each folded away. */
  function lists(found) {
    const groups = new Map();
    for (const row of found.filter((one) => one.stage === "missing" || one.stage === "acting")) {
      groups.set(row.group, [...(groups.get(row.group) || []), row]);
    }
    return [...groups]
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([name, rows]) => {
        const items = rows.map((row) => make("li", [], row.line.replaceAll("\t", " ") + " · " + texts[row.stage]));
        const details = make("details", [make("summary", [], name + " " + rows.length), make("ul", items)]);
        details.className = "card";
        return details;
      });
  }

  const note = (label, values) =>
    values.length ? [make("p", [], label + " (" + values.length + "): " + values.slice(0, 200).join(", "))] : [];

  async function run() {
    save.hidden = true;
    if (!box.value.trim()) return result.replaceChildren(make("p", [], texts.none));
    let known;
    try {
      const answer = await fetch(root.dataset.compare);
      if (!answer.ok) throw new Error(answer.status);
      known = new Map(Object.entries((await answer.json()).numbers));
    } catch {
      return result.replaceChildren(make("p", [], texts.failed));
    }
    const rows = parse(box.value, known);
    if (!rows.some((row) => row.number)) return result.replaceChildren(make("p", [], texts.nobody));
    const { found, extra } = compare(
      rows.filter((row) => row.number),
      known,
    );
    const once = found.filter((row) => !row.repeated);
    table = once;
    save.hidden = false;
    const pick = (test) => found.filter(test).map((row) => row.number);
    result.replaceChildren(
      byClass(once),
      ...note(
        texts.unread,
        rows.filter((row) => !row.number).map((row) => row.line),
      ),
      ...note(
        texts.repeated,
        pick((row) => row.repeated),
      ),
      ...note(
        texts.zero,
        pick((row) => row.guessed),
      ),
      ...note(texts.extra, extra),
      ...lists(once),
    );
  }

  /** The result as a file of this computer: quoted, with a mark that spreadsheets read as UTF-8, no formulas. */
  function saveResult() {
    const safe = (text) => '"' + (/^[=+\-@\t\r]/.test(text) ? "'" + text : text).replaceAll('"', '""') + '"';
    const lines = [[texts.class, texts.number, texts.state, texts.line]].concat(
      table.map((row) => [row.group, row.number, texts[row.stage], row.line]),
    );
    const text = "\ufeff" + lines.map((line) => line.map(safe).join(",")).join("\r\n") + "\r\n";
    const link = make("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = "compare.csv";
    link.click();
    URL.revokeObjectURL(link.href);
  }

  root.querySelector("[data-run]").addEventListener("click", run);
  save.addEventListener("click", saveResult);
})();
