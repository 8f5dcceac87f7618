// What the receiver sees: one verdict, every difference, the batch's facts, the pictures by class.

const $ = (selector) => document.querySelector(selector);
const make = (tag, values, ...children) => {
  const element = Object.assign(document.createElement(tag), values);
  element.append(...children);
  return element;
};

function showVerdict(found, unable) {
  const bad = found.problems.length;
  $("#result").className = bad ? "bad" : unable ? "" : "good";
  $("#result").textContent = bad
    ? "发现问题 " + bad + " 处 · Problems: " + bad
    : unable
      ? "文件一致，但签名未检查 · The files agree, but the signature was not checked"
      : "全部一致 · Everything is as it was signed";
  $("#problems").replaceChildren(...found.problems.map((textContent) => make("li", { textContent })));
}

function showFacts(facts) {
  $("#facts").hidden = !facts;
  if (!facts) return;
  const batch = facts.batch;
  const rows = [
    ["批次 Batch", batch.number],
    ["学校 School", batch.school_name + " " + batch.school_code],
    ["采集批次 Campaign", batch.campaign_name + " " + batch.campaign_code],
    ["张数 Photos", String(batch.count)],
    ["冻结时间 Frozen (UTC)", batch.frozen_at],
    ["上一批次 Previous", batch.previous || "–"],
    ["已替换的文件 Superseded", batch.superseded.length ? batch.superseded.join("\n") : "–"],
    ["签名密钥指纹 Key", facts.fingerprint],
  ];
  $("#facts").replaceChildren(
    ...rows.flatMap(([name, textContent]) => [make("dt", { textContent: name }), make("dd", { textContent })]),
  );
}

function showPictures(files, changed) {
  const groups = new Map();
  for (const name of [...files.keys()].filter((one) => one.endsWith(".jpg"))) {
    const group = name.split("/").slice(0, -1).join(" / ");
    groups.set(group, [...(groups.get(group) || []), name]);
  }
  const natural = new Intl.Collator("zh", { numeric: true });
  const sections = [...groups].sort((a, b) => natural.compare(a[0], b[0]));
  $("#pictures").replaceChildren(
    ...sections.map(([group, names]) => {
      const grid = make("div", { className: "photos" });
      const box = make("details", {}, make("summary", { textContent: group + "（" + names.length + "）" }), grid);
      box.addEventListener("toggle", () => {
        if (box.open && !grid.children.length) fill(grid, files, names.sort(natural.compare), changed);
      });
      return box;
    }),
  );
  if (sections.length) $("#pictures details").open = true;
}

// A hundred at a time: the pictures of a whole school at once would fill the memory.
async function fill(grid, files, names, changed) {
  const more = grid.querySelector("button");
  if (more) more.remove();
  const from = grid.children.length;
  for (const name of names.slice(from, from + 100)) {
    const src = URL.createObjectURL(new Blob([await files.get(name)()], { type: "image/jpeg" }));
    const caption = make("figcaption", {
      textContent: name
        .split("/")
        .pop()
        .replace(/\.jpg$/, ""),
    });
    const image = make("img", { src, alt: "" });
    image.addEventListener("load", () => URL.revokeObjectURL(src));
    grid.append(make("figure", { className: changed.has(name) ? "changed" : "" }, image, caption));
  }
  if (grid.children.length < names.length) {
    const next = make("button", { type: "button", className: "button", textContent: "更多 · More" });
    next.addEventListener("click", () => fill(grid, files, names, changed));
    grid.append(next);
  }
}

async function run(checking) {
  const bar = $("#progress");
  bar.hidden = false;
  $("#result").className = "";
  $("#result").textContent = "正在检查… · Checking…";
  for (const part of ["#problems", "#pictures", "#facts"]) $(part).replaceChildren();
  const unable = await ability();
  let found;
  try {
    found = await checking((share) => (bar.value = share));
  } catch (error) {
    found = { problems: ["无法读取 · cannot be read: " + error.message] };
  }
  bar.hidden = true;
  showVerdict(found, unable);
  showFacts(found.facts);
  if (found.files) showPictures(found.files, found.changed);
}

$("#zip").addEventListener("change", (event) => {
  const [file] = event.target.files;
  if (file) run((told) => checkZip(file, told));
});
$("#folder").addEventListener("change", (event) => {
  const files = event.target.files;
  if (files.length) run((told) => checkFolder(files, told));
});
ability().then((sentence) => {
  $("#ability").textContent = sentence;
  $("#ability").hidden = !sentence;
});
