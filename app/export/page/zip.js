"use strict";
// The ZIP as `flask verify-batch` sees it: members found by their own headers and by the directory at the end, and every
// header byte held against the one form that our writer gives them (stored, 1980-01-01, sorted names).

const utf8 = new TextDecoder();
const toUtf8 = new TextEncoder();
const LONG = 0xffffffff;
const SHORT = 0xffff;

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n >>> 0;
});

function crc32(bytes) {
  let crc = LONG;
  for (let i = 0; i < bytes.length; i++) crc = CRC_TABLE[(crc ^ bytes[i]) & 255] ^ (crc >>> 8);
  return (crc ^ LONG) >>> 0;
}

const readAt = async (file, place, length) =>
  new Uint8Array(await file.slice(Math.max(0, place), Math.max(0, place + length)).arrayBuffer());

const view = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

// Python sorts by code points, JavaScript by UTF-16: they differ above U+FFFF.
function byCodePoint(a, b) {
  const x = [...a];
  const y = [...b];
  for (let i = 0; i < Math.min(x.length, y.length); i++)
    if (x[i] !== y[i]) return x[i].codePointAt(0) - y[i].codePointAt(0);
  return x.length - y.length;
}

async function walked(file) {
  const found = [];
  let place = 0;
  for (;;) {
    const bytes = await readAt(file, place, 30 + 1024);
    if (bytes.length < 30 || view(bytes).getUint32(0, true) !== 0x04034b50) return found;
    const head = view(bytes);
    const size = head.getUint32(18, true);
    const nameLength = head.getUint16(26, true);
    const start = place + 30 + nameLength + head.getUint16(28, true);
    if (start + size > file.size) return found;
    const name = utf8.decode(bytes.subarray(30, 30 + nameLength));
    found.push({ name, offset: place, start, size, stored: head.getUint16(8, true) === 0 });
    place = start + size;
  }
}

async function directory(file) {
  let end = file.size - 22;
  const tail = await readAt(file, end, 22);
  if (tail.length < 22 || view(tail).getUint32(0, true) !== 0x06054b50) return null;
  let count = view(tail).getUint16(10, true);
  let length = view(tail).getUint32(12, true);
  let start = view(tail).getUint32(16, true);
  if (count === SHORT || length === LONG || start === LONG) {
    end -= 20 + 56;
    const record = await readAt(file, end, 56);
    if (record.length < 56) return null;
    [count, length, start] = [32, 40, 48].map((at) => Number(view(record).getBigUint64(at, true)));
  }
  return { start, end, count };
}

async function listed(file) {
  const where = await directory(file);
  if (!where || where.start > file.size) return [];
  const bytes = await readAt(file, where.start, where.end - where.start);
  const all = view(bytes);
  const found = [];
  let total = 0;
  for (let at = 0; found.length < where.count && at + 46 <= bytes.length;) {
    if (all.getUint32(at, true) !== 0x02014b50) break;
    const size = all.getUint32(at + 24, true);
    const nameLength = all.getUint16(at + 28, true);
    const more = all.getUint16(at + 30, true);
    let offset = all.getUint32(at + 42, true);
    if (offset === LONG && more >= 12 && at + 46 + nameLength + 12 <= bytes.length)
      offset = Number(all.getBigUint64(at + 46 + nameLength + 4, true));
    const name = utf8.decode(bytes.subarray(at + 46, at + 46 + nameLength));
    const start = offset + 30 + nameLength;
    if (start + size <= file.size)
      found.push({ name, offset, start, size, stored: all.getUint16(at + 10, true) === 0 });
    total += size;
    at += 46 + nameLength + more + all.getUint16(at + 32, true);
  }
  return total <= file.size ? found : [];
}

async function listings(file) {
  const ways = [await walked(file), await listed(file)];
  if (JSON.stringify(ways[0]) === JSON.stringify(ways[1])) return ways[0].length ? [ways[0]] : [];
  return ways.filter((entries) => entries.length);
}

function localHeader(name, entry, crc) {
  const bytes = new Uint8Array(30 + name.length);
  const head = view(bytes);
  head.setUint32(0, 0x04034b50, true);
  head.setUint16(4, 20, true);
  head.setUint16(6, flags(entry.name), true);
  head.setUint16(12, 33, true);
  head.setUint32(14, crc, true);
  head.setUint32(18, entry.size, true);
  head.setUint32(22, entry.size, true);
  head.setUint16(26, name.length, true);
  bytes.set(name, 30);
  return bytes;
}

function centralHeader(name, entry, crc, offset) {
  const far = offset > 0x7fffffff;
  const bytes = new Uint8Array(46 + name.length + (far ? 12 : 0));
  const head = view(bytes);
  const version = far ? 45 : 20;
  head.setUint32(0, 0x02014b50, true);
  head.setUint16(4, version | (3 << 8), true);
  head.setUint16(6, version, true);
  head.setUint16(8, flags(entry.name), true);
  head.setUint16(14, 33, true);
  head.setUint32(16, crc, true);
  head.setUint32(20, entry.size, true);
  head.setUint32(24, entry.size, true);
  head.setUint16(28, name.length, true);
  head.setUint16(30, far ? 12 : 0, true);
  head.setUint32(38, 0o100644 * 65536, true);
  head.setUint32(42, far ? LONG : offset, true);
  bytes.set(name, 46);
  if (far) {
    head.setUint16(46 + name.length, 1, true);
    head.setUint16(48 + name.length, 8, true);
    head.setBigUint64(50 + name.length, BigInt(offset), true);
  }
  return bytes;
}

const flags = (name) => ([...name].some((char) => char > "\x7f") ? 0x800 : 0);

function endRecords(count, length, start) {
  const far = count > SHORT || start > 0x7fffffff || length > 0x7fffffff;
  const bytes = new Uint8Array((far ? 76 : 0) + 22);
  const end = view(bytes);
  let at = 0;
  if (far) {
    end.setUint32(0, 0x06064b50, true);
    end.setBigUint64(4, 44n, true);
    end.setUint16(12, 45, true);
    end.setUint16(14, 45, true);
    for (const [where, value] of [
      [24, count],
      [32, count],
      [40, length],
      [48, start],
    ])
      end.setBigUint64(where, BigInt(value), true);
    end.setUint32(56, 0x07064b50, true);
    end.setBigUint64(64, BigInt(start + length), true);
    end.setUint32(72, 1, true);
    at = 76;
  }
  end.setUint32(at, 0x06054b50, true);
  end.setUint16(at + 8, Math.min(count, SHORT), true);
  end.setUint16(at + 10, Math.min(count, SHORT), true);
  end.setUint32(at + 12, Math.min(length, LONG), true);
  end.setUint32(at + 16, Math.min(start, LONG), true);
  return bytes;
}

// Where each run of differing bytes starts; `skip` is a range of four bytes that is not looked at.
function runs(expected, real, skip = -1) {
  const found = [];
  let before = false;
  for (let i = 0; i < expected.length; i++) {
    const differs = real[i] !== expected[i] && !(skip >= 0 && i >= skip && i < skip + 4);
    if (differs && !before) found.push(i);
    before = differs;
  }
  return found;
}

// `crcs`: the checksum of each member's bytes as they are; `changed`: names whose bytes are known to differ.
async function differences(file, entries, crcs, changed) {
  const problems = [];
  if (new Set(entries.map((entry) => entry.name)).size < entries.length)
    return ["ZIP 中有重复的文件名 · the ZIP holds a name twice"];
  const ordered = [...entries].sort((a, b) => byCodePoint(a.name, b.name));
  const central = [];
  let place = 0;
  for (const entry of ordered) {
    const name = toUtf8.encode(entry.name);
    const crc = crcs.get(entry.name);
    const header = localHeader(name, entry, crc);
    if (entry.offset !== place) problems.push(entry.name + ": 位置不对 · not at its place");
    const real = await readAt(file, entry.offset, header.length);
    for (const byte of runs(header, real, changed.has(entry.name) ? 14 : -1))
      problems.push(entry.name + ": 文件头已更改，字节 · its header was changed at byte " + (entry.offset + byte));
    central.push({ entry, bytes: centralHeader(name, entry, crc, place) });
    place += header.length + entry.size;
  }
  const start = place;
  for (const { entry, bytes } of central) {
    for (const byte of runs(bytes, await readAt(file, place, bytes.length), changed.has(entry.name) ? 16 : -1))
      problems.push(entry.name + ": 目录项已更改，字节 · its directory entry was changed at byte " + (place + byte));
    place += bytes.length;
  }
  const end = endRecords(ordered.length, place - start, start);
  for (const byte of runs(end, await readAt(file, place, end.length)))
    problems.push("ZIP 结尾已更改，字节 · the end of the ZIP was changed at byte " + (place + byte));
  if (file.size > place + end.length) problems.push("ZIP 中有多余字节 · the ZIP holds bytes too many");
  return problems;
}
