"""The receiver's page in Chromium, from a file: good, changed, missing and added, in each region of the ZIP."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from app.export.page import page as verify_page
from tests.export.conftest import archive, folder  # noqa: F401 - fixtures
from tests.export.helpers import Key

GOOD = "Everything is as it was signed"


@pytest.fixture
def opened(open_page: Any, tmp_path: Path) -> Page:
    """The page as a receiver opens it: a file, no network, nothing asked of anybody."""
    path = tmp_path / "verify.html"
    path.write_bytes(verify_page(Key().fingerprint))
    page: Page = open_page({"width": 1366, "height": 620})
    page.on("request", lambda request: _refuse(request.url))
    page.goto(path.as_uri())
    return page


def _refuse(url: str) -> None:
    assert url.startswith(("file:", "blob:")), url


def _check(page: Page, path: Path, problems: int) -> list[str]:
    page.set_input_files("#folder" if path.is_dir() else "#zip", path)
    said = GOOD if not problems else f"Problems: {problems}"
    expect(page.locator("#result")).to_contain_text(said)
    return page.locator("#problems li").all_text_contents()


def test_a_good_zip_and_a_good_folder(opened: Page, archive: Path, folder: Path) -> None:  # noqa: F811
    for path in (archive, folder):
        assert _check(opened, path, 0) == []
        expect(opened.locator("#result.good")).to_be_visible()
        expect(opened.locator("#facts")).to_contain_text(Key().fingerprint)
    expect(opened.locator("summary", has_text="文学院 / 0班（1）")).to_have_count(1)
    expect(opened.locator("#pictures img").first).to_be_visible()
    assert opened.locator("#pictures img").first.evaluate("i => i.decode().then(() => i.naturalWidth)") == 480


def _regions(whole: bytes, opened: zipfile.ZipFile) -> dict[int, str]:
    """A place in each region of the ZIP, and what has to be said."""
    info = opened.getinfo("manifest.csv")
    photo = next(one for one in opened.infolist() if one.filename.startswith("photos/"))
    start, end = opened.start_dir, whole.rindex(b"PK\x05\x06")
    inside = photo.header_offset + 30 + len(photo.filename)
    return {
        **{info.header_offset + at: "manifest.csv: 文件头已更改" for at in (0, 4, 6, 8, 10, 14, 18, 26, 28, 33)},
        inside + photo.file_size // 2: f"{photo.filename}: 已更改",
        **{start + at: "目录项已更改" for at in (0, 4, 8, 10, 14, 16, 20, 28, 38, 42, 50)},
        **{end + at: "ZIP 结尾已更改" for at in (0, 4, 8, 10, 12, 16, 20)},
    }


def test_a_flipped_byte_in_each_region_is_named(opened: Page, archive: Path, tmp_path: Path) -> None:  # noqa: F811
    whole = archive.read_bytes()
    broken = tmp_path / "broken.zip"
    for place, said in _regions(whole, zipfile.ZipFile(archive)).items():
        changed = bytearray(whole)
        changed[place] ^= 0x20
        broken.write_bytes(changed)
        (problem,) = _check(opened, broken, 1)
        assert said in problem, (place, problem)
        opened.reload()


def test_missing_added_and_changed_files_are_named(opened: Page, folder: Path) -> None:  # noqa: F811
    photos = sorted(folder.rglob("*.jpg"))
    photos[0].unlink()
    photos[1].write_bytes(photos[1].read_bytes() + b"\0")
    (folder / "Thumbs.db").write_bytes(b"x")
    names = [photo.relative_to(folder).as_posix() for photo in photos[:2]]
    assert set(_check(opened, folder, 3)) == {
        f"{names[0]}: 缺失 · missing", f"{names[1]}: 已更改 · changed", "Thumbs.db: 多余 · added",
    }  # fmt: skip
    expect(opened.locator("figure.changed, summary").first).to_be_visible()


def test_a_wrong_signature_and_another_key_are_named(open_page: Any, folder: Path, tmp_path: Path) -> None:  # noqa: F811
    path = tmp_path / "other.html"
    path.write_bytes(verify_page("0" * 64))
    page = open_page()
    page.goto(path.as_uri())
    assert _check(page, folder, 1) == ["batch.json: 由另一把密钥签名 · signed with another key"]
    facts = folder / "batch.json"
    facts.write_bytes(facts.read_bytes().replace(b'"count":6', b'"count":7'))
    page.reload()
    assert "签名不正确" in _check(page, folder, 1)[0]


def test_a_browser_that_cannot_check_signatures_says_so(open_page: Any, archive: Path, tmp_path: Path) -> None:  # noqa: F811
    path = tmp_path / "verify.html"
    path.write_bytes(verify_page(Key().fingerprint))
    page = open_page()
    page.add_init_script("crypto.subtle.importKey = () => Promise.reject(new DOMException('no', 'NotSupportedError'))")
    page.goto(path.as_uri())
    expect(page.locator("#ability")).to_contain_text("Ed25519")
    page.set_input_files("#zip", archive)
    expect(page.locator("#result")).to_contain_text("签名未检查")
    expect(page.locator("#result.good")).to_have_count(0)
