// Files against SHA256SUMS, that against batch.json, and batch.json against its Ed25519 signature.

const SUMS = "SHA256SUMS";
const FACTS = "batch.json";
const OWN = "{{fingerprint}}";

const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const sha256 = async (bytes) => hex(await crypto.subtle.digest("SHA-256", bytes));
const unbase64 = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));

// The same text as Python's json.dumps(sort_keys=True, separators=(",", ":"), ensure_ascii=False).
function canonical(value) {
  if (Array.isArray(value)) return "[" + value.map(canonical).join(",") + "]";
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const keys = Object.keys(value).sort(byCodePoint);
  return "{" + keys.map((key) => JSON.stringify(key) + ":" + canonical(value[key])).join(",") + "}";
}

// Whether this browser can check signatures; where it cannot, the page says so instead of calling a batch good.
async function ability() {
  if (!window.crypto || !crypto.subtle)
    return "请把本页面保存到电脑上再打开：在不安全的网址下浏览器不提供校验功能 · Save this page on your computer and open it from there: browsers check nothing on an insecure address.";
  try {
    await crypto.subtle.importKey("raw", new Uint8Array(32), { name: "Ed25519" }, false, ["verify"]);
    return "";
  } catch (error) {
    if (error.name !== "NotSupportedError") return "";
    return "本浏览器不支持 Ed25519，签名无法检查，只能核对文件：请用新版 Chrome、Edge、Firefox 或 Safari，或运行 flask verify-batch · This browser cannot check the signature, only the files: use a current Chrome, Edge, Firefox or Safari, or run flask verify-batch.";
  }
}

async function signature(text, sums) {
  const broken = FACTS + ": 已更改或签名不正确 · changed, or its signature is wrong";
  let facts, body, key, signed;
  try {
    facts = JSON.parse(utf8.decode(text));
    if (utf8.decode(text) !== canonical(facts)) return { facts: null, problems: [broken] };
    ({ signature: signed, ...body } = facts);
    key = unbase64(facts.public_key);
  } catch {
    return { facts: null, problems: [broken] };
  }
  const problems = [];
  if ((await sha256(key)) !== facts.fingerprint)
    problems.push(FACTS + ": 指纹与密钥不符 · the fingerprint is not its key's");
  else if (facts.fingerprint !== OWN) problems.push(FACTS + ": 由另一把密钥签名 · signed with another key");
  if (!(await ability())) {
    let good = false;
    try {
      const imported = await crypto.subtle.importKey("raw", key, { name: "Ed25519" }, false, ["verify"]);
      good = await crypto.subtle.verify("Ed25519", imported, unbase64(signed), toUtf8.encode(canonical(body)));
    } catch {}
    if (!good) return { facts: null, problems: [broken] };
  }
  if ((await sha256(sums)) !== facts.sums_sha256) problems.push(SUMS + ": 已更改 · changed");
  return { facts, problems };
}

function sumsOf(text) {
  const found = new Map();
  for (const line of utf8.decode(text).split("\n"))
    if (line.length > 66 && line.slice(64, 66) === "  ") found.set(line.slice(66), line.slice(0, 64));
  return found;
}

// `files`: name → a function that gives the bytes; `seen` is told each member's bytes once. Returns what was found.
async function check(files, seen, told) {
  const problems = [SUMS, FACTS].filter((name) => !files.has(name)).map((name) => name + ": 缺失 · missing");
  const changed = new Set();
  if (!files.has(SUMS)) return { problems, changed, facts: null };
  const get = async (name) => {
    const bytes = await files.get(name)();
    seen(name, bytes);
    return bytes;
  };
  const sums = await get(SUMS);
  let facts = null;
  if (files.has(FACTS)) {
    const signed = await signature(await get(FACTS), sums);
    facts = signed.facts;
    problems.push(...signed.problems);
    for (const name of [SUMS, FACTS])
      if (signed.problems.some((text) => text.startsWith(name + ": 已更改"))) changed.add(name);
  }
  const wanted = sumsOf(sums);
  let done = 0;
  for (const [name, digest] of wanted) {
    if (!files.has(name)) problems.push(name + ": 缺失 · missing");
    else if ((await sha256(await get(name))) !== digest) {
      problems.push(name + ": 已更改 · changed");
      changed.add(name);
    }
    told(++done / wanted.size);
  }
  for (const name of files.keys())
    if (!wanted.has(name) && name !== SUMS && name !== FACTS) {
      problems.push(name + ": 多余 · added");
      await get(name);
    }
  return { problems, changed, facts };
}

async function checkZip(file, told) {
  const understood = await listings(file);
  if (!understood.length)
    return { problems: ["这不是 ZIP，或首尾都已损坏 · this is not a ZIP, or both its ends are damaged"] };
  if (understood.every((entries) => !entries.some((entry) => entry.stored)))
    return {
      problems: ["ZIP 被重新压缩过，请索取原文件 · the ZIP was compressed anew: ask for the file as delivered"],
    };
  let best = null;
  for (const entries of understood) {
    const found = await checkMembers(file, entries, told);
    if (!best || found.problems.length < best.problems.length) best = found;
  }
  return best;
}

async function checkMembers(file, entries, told) {
  const files = new Map(entries.map((entry) => [entry.name, () => readAt(file, entry.start, entry.size)]));
  const crcs = new Map();
  const found = await check(files, (name, bytes) => crcs.set(name, crc32(bytes)), told);
  for (const name of files.keys()) if (!crcs.has(name)) crcs.set(name, crc32(await files.get(name)()));
  found.problems.push(...(await differences(file, entries, crcs, found.changed)));
  return { ...found, files };
}

async function checkFolder(list, told) {
  const files = new Map();
  for (const file of list)
    files.set(
      file.webkitRelativePath.split("/").slice(1).join("/"),
      async () => new Uint8Array(await file.arrayBuffer()),
    );
  return { ...(await check(files, () => {}, told)), files };
}
