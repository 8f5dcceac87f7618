"""Verification: the same bytes every time; every changed byte, missing and added file is named."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import random
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from app import create_app
from app.export import archive as archive_of
from app.export import zipform
from app.export.durable import aside
from app.export.frozen import canonical
from app.export.papers import FACTS, SUMS
from app.export.pictures import SourceChanged
from app.export.verify import verify
from tests.export.helpers import Files, Key, build, make_batch


def test_the_same_rows_are_the_same_bytes(archive: Path, folder: Path, tmp_path: Path) -> None:
    again = build(tmp_path / "again.zip", make_batch(Files(6)), Files(6))
    assert again.read_bytes() == archive.read_bytes()
    other = build(tmp_path / "other", make_batch(Files(6), "diploma"), Files(6))
    files = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    assert files == sorted(str(p.relative_to(other)) for p in other.rglob("*") if p.is_file())
    assert all((folder / name).read_bytes() == (other / name).read_bytes() for name in files)


def test_a_batch_in_place_is_replaced_whole(archive: Path, folder: Path) -> None:
    before = archive.read_bytes()
    (folder / "left over").write_bytes(b"x")
    build(archive, make_batch(Files(6)), Files(6))
    build(folder, make_batch(Files(6), "diploma"), Files(6))
    assert archive.read_bytes() == before
    assert verify(folder).problems == ()
    old = aside(folder)  # the caller removes it
    assert [path for path in folder.parent.iterdir() if path.name.startswith(".")] == [old]
    assert (old / "left over").exists()


def test_a_receiver_can_verify_both_kinds(archive: Path, folder: Path) -> None:
    for path in (archive, folder):
        found = verify(path, Key().fingerprint)
        assert (found.problems, found.count, found.fingerprint) == ((), 6, Key().fingerprint)


def test_another_key_is_named_and_the_right_one_known_as_people_type_it(archive: Path) -> None:
    assert "another key" in verify(archive, "0" * 64).problems[0]
    typed = Key().fingerprint.upper()
    assert verify(archive, " ".join(typed[i : i + 8] for i in range(0, 64, 8))).problems == ()
    assert verify(archive, ":".join(typed[i : i + 2] for i in range(0, 64, 2))).problems == ()


def _changed(path: Path, place: int, target: Path) -> Path:
    data = bytearray(path.read_bytes())
    data[place] ^= 0x20
    target.write_bytes(data)
    return target


@pytest.mark.parametrize(("at", "what"), [(0, "signature"), (4, "version"), (6, "flags"), (8, "method"), (10, "time"),
                                          (12, "date"), (14, "CRC"), (18, "size"), (22, "length"), (26, "name length"),
                                          (28, "extra length"), (33, "name")])  # fmt: skip
def test_every_byte_of_a_member_s_header_is_named(archive: Path, tmp_path: Path, at: int, what: str) -> None:
    info = zipfile.ZipFile(archive).infolist()[3]
    found = verify(_changed(archive, info.header_offset + at, tmp_path / "x.zip"))
    assert f"{info.filename}: its header was changed at byte {info.header_offset + at}" in found.problems, what
    assert len(found.problems) == 1


def test_every_byte_of_the_directory_and_of_the_end_is_named(archive: Path, tmp_path: Path) -> None:
    whole = archive.read_bytes()
    names = [info.filename for info in zipfile.ZipFile(archive).infolist()]
    start, end = zipfile.ZipFile(archive).start_dir, whole.rindex(b"PK\x05\x06")
    for place in range(start, len(whole), 5):
        problems = verify(_changed(archive, place, tmp_path / "x.zip")).problems
        expected = "the end of the ZIP was changed" if place >= end else "its directory entry was changed"
        assert len(problems) == 1 and problems[0].endswith(f"{expected} at byte {place}"), (place, problems)
        assert place >= end or problems[0].split(": ")[0] in names


def test_a_changed_byte_in_a_picture_is_one_changed_file(archive: Path, tmp_path: Path) -> None:
    for info in zipfile.ZipFile(archive).infolist():
        if info.filename not in (SUMS, FACTS):
            place = info.header_offset + 30 + len(info.filename.encode()) + info.file_size // 2
            assert verify(_changed(archive, place, tmp_path / "x.zip")).problems == (f"{info.filename}: changed",)


def test_no_changed_byte_goes_unnoticed(archive: Path, tmp_path: Path) -> None:
    for place in random.Random(1).sample(range(archive.stat().st_size), 200):
        assert verify(_changed(archive, place, tmp_path / "x.zip")).problems, place


def test_added_and_cut_off_bytes_are_named(archive: Path, tmp_path: Path) -> None:
    whole, other = archive.read_bytes(), tmp_path / "x.zip"
    other.write_bytes(whole + b"more")
    assert "the ZIP holds 4 bytes too many" in verify(other).problems
    other.write_bytes(whole[:-30])
    assert any("the end of the ZIP was changed" in problem for problem in verify(other).problems)
    other.write_bytes(whole[: len(whole) // 2])
    assert any(problem.endswith(": missing") for problem in verify(other).problems)


@pytest.mark.parametrize("kind", ["archive", "folder", "zipped"])
def test_changed_missing_and_added_files_are_named(kind: str, archive: Path, folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    if kind == "folder":
        shutil.copytree(folder, copy)
    else:
        zipfile.ZipFile(archive).extractall(copy)
    photos = sorted(copy.rglob("*.jpg"))
    photos[0].write_bytes(photos[0].read_bytes() + b"\0")
    photos[1].unlink()
    (copy / "extra.exe").write_bytes(b"MZ")
    names = [str(photo.relative_to(copy)) for photo in photos]
    if kind == "zipped":  # somebody repaired the ZIP by hand
        with zipfile.ZipFile(tmp_path / "copy.zip", "w") as made:
            for path in sorted(copy.rglob("*")):
                made.write(path, path.relative_to(copy))
        copy = tmp_path / "copy.zip"
    problems = set(verify(copy).problems)
    expected = {f"{names[0]}: changed", f"{names[1]}: missing", "extra.exe: added"}
    assert problems >= expected if kind == "zipped" else problems == expected


def test_a_changed_fact_breaks_the_signature(folder: Path) -> None:
    facts = folder / FACTS
    facts.write_bytes(facts.read_bytes().replace(b'"count":6', b'"count":7'))
    assert verify(folder).problems == (f"{FACTS}: changed, or its signature is wrong",)


def test_hostile_archives_are_answered_not_obeyed(tmp_path: Path, archive: Path) -> None:
    path = tmp_path / "x.zip"
    for data in (b"", b"not a zip", b"PK\x05\x06" + b"\xff" * 18, b"PK\x03\x04" + b"\xff" * 40):
        path.write_bytes(data)
        assert "not a ZIP" in verify(path).problems[0]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(SUMS, b"0" * 10_000_000)
    assert "compressed anew" in verify(path).problems[0]
    (tmp_path / "empty").mkdir()
    assert verify(tmp_path / "empty").problems == (f"{SUMS}: missing", f"{FACTS}: missing")
    with zipfile.ZipFile(path, "w") as made, pytest.warns(UserWarning, match="Duplicate"):
        made.writestr(SUMS, b"")
        made.writestr(SUMS, b"")
    assert "the ZIP holds a name twice" in verify(path).problems


SUMS_OF_NOTHING = hashlib.sha256(b"").hexdigest()


@pytest.mark.parametrize(
    "text",
    [b"[" * 200_000, *({"number": "B", "kind": "chsi", "count": count} for count in ("many", [1], 1e400, None)), [1]],
)
def test_facts_of_another_form_are_answered_whoever_signed_them(tmp_path: Path, text: Any) -> None:
    (tmp_path / SUMS).write_bytes(b"")
    if not isinstance(text, bytes):
        key = base64.b64encode(Key().public_key).decode()
        body = {"batch": text, "sums_sha256": SUMS_OF_NOTHING, "public_key": key, "fingerprint": Key().fingerprint}
        signature = base64.b64encode(Key().sign(canonical(body).encode())).decode()
        text = canonical(body | {"signature": signature}).encode()
    (tmp_path / FACTS).write_bytes(text)
    assert verify(tmp_path).problems == (f"{FACTS}: changed, or its signature is wrong",)


def test_a_link_is_no_file_of_a_batch(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "manifest.csv"
    shutil.move(folder / "manifest.csv", outside)
    (folder / "manifest.csv").symlink_to(outside)
    os.mkfifo(folder / "\x1b[2J")
    links = tuple(f"{name}: not a file but a link or a device" for name in ("\x1b[2J", "manifest.csv"))
    assert verify(folder).problems == ("manifest.csv: missing", *links)
    shown = create_app({"INSTANCE": tmp_path}).test_cli_runner().invoke(args=["verify-batch", str(folder)])
    assert "\\x1b[2J: not a file" in shown.output and "\x1b" not in shown.output


@pytest.mark.parametrize("limit", [None, 70])
def test_the_canonical_zip_is_what_the_standard_library_writes(limit: int | None, monkeypatch: Any) -> None:
    """With a limit of 70 bytes everything behind the first member is told the ZIP64 way."""
    members = [("SHA256SUMS", b"sums"), ("a/empty", b""), ("文学院/𠮷.jpg", bytes(range(256)))]
    if limit:
        monkeypatch.setattr(zipfile, "ZIP64_LIMIT", limit)
        monkeypatch.setattr(archive_of, "MOST_PLAIN", limit)
        members = [(name, data[:60]) for name, data in members]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as made:
        for name, data in members:
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.create_system, info.external_attr = 3, 0o100644 << 16
            made.writestr(info, data)
    assert b"".join(archive_of.stream(members)) == file.getvalue()
    with pytest.raises(ValueError, match="does not come after"):
        list(archive_of.stream([members[0], members[0]]))


def test_a_stored_file_that_is_not_the_frozen_one_stops_the_build(tmp_path: Path) -> None:
    files = Files(3)
    batch = make_batch(files)
    files.photos[2] = b"another picture"
    with pytest.raises(SourceChanged, match="ORDER002"):
        build(tmp_path / "b.zip", batch, files)
    assert not (tmp_path / "b.zip").exists()


@pytest.mark.skipif(not os.environ.get("CAIXIANG_SOAK"), reason="tens of thousands of members: make soak")
def test_more_members_than_a_plain_zip_can_count(tmp_path: Path) -> None:
    """65,535 is the old limit: beyond, the directory is a ZIP64 one, and its bytes count as well."""
    path = tmp_path / "many.zip"
    members = [(f"{number:05d}", b"jpeg") for number in range(65_600)]
    path.write_bytes(b"".join(archive_of.stream(members)))
    assert len(zipfile.ZipFile(path).infolist()) == len(members)

    def differences() -> list[str]:
        with path.open("rb") as file:
            opened = zipform.ZipFile(file)
            (entries,) = zipform.listings(opened)
            return list(zipform.differences(opened, entries, ()))

    assert differences() == []
    place = path.read_bytes().rindex(b"PK\x06\x06") + 14
    _changed(path, place, path)
    assert differences() == [f"the end of the ZIP was changed at byte {place}"]
