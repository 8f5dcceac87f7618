"""The store, as a folder and over the S3 protocol: the same promises."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from app.adapters.storage import FolderStorage, Storage, open_storage


@pytest.fixture(scope="module")
def bucket_address() -> Iterator[str]:
    """An S3 server on a free port of this machine, with one bucket."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.delenv("AWS_CA_BUNDLE", raising=False)
        boto3.client("s3", endpoint_url=endpoint).create_bucket(Bucket="photos")
        yield f"s3://photos?endpoint={endpoint}"
    server.stop()


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """Either store."""
    address = request.getfixturevalue("bucket_address") if request.param == "bucket" else "folder"
    return open_storage(address, tmp_path)


def test_what_is_put_is_got_to_the_byte(store: Storage) -> None:
    store.put("photos/A/1-original", b"\x00\xff")
    assert store.get("photos/A/1-original") == b"\x00\xff"
    with store.local("photos/A/1-original") as path:
        assert path.read_bytes() == b"\x00\xff"


def test_the_same_key_again_replaces(store: Storage) -> None:
    store.put("photos/A/2", b"old")
    store.put("photos/A/2", b"new")
    assert store.get("photos/A/2") == b"new"


def test_what_is_missing_is_said(store: Storage) -> None:
    assert not store.exists("photos/none/1")
    with pytest.raises(FileNotFoundError):
        store.get("photos/none/1")
    with pytest.raises(FileNotFoundError), store.local("photos/none/1"):
        pass


def test_delete_is_repeatable(store: Storage) -> None:
    store.put("photos/A/3", b"x")
    store.delete("photos/A/3")
    store.delete("photos/A/3")
    assert not store.exists("photos/A/3")


@pytest.mark.parametrize("key", ["../etc/passwd", "photos/../../x", "/etc/passwd", "photos", "photos/a b", ""])
def test_no_key_leaves_the_store(store: Storage, key: str) -> None:
    with pytest.raises(ValueError, match="not a storage key"):
        store.put(key, b"x")


def test_files_are_for_the_owner_only(tmp_path: Path) -> None:
    open_storage("folder", tmp_path).put("photos/A/1", b"x")
    assert (tmp_path / "store/photos/A/1").stat().st_mode & 0o077 == 0


def test_two_at_once_may_delete_a_folder(tmp_path: Path) -> None:
    store = open_storage("folder", tmp_path)
    for number in range(150):
        (tmp_path / f"store/photos/A/{number}").mkdir(parents=True)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(store.delete_below, ["photos/A"] * 4))
    assert not (tmp_path / "store/photos/A").exists()


def test_what_lies_below_a_folder_goes_and_its_neighbours_stay(store: Storage) -> None:
    for key in ("onsite/7/1", "onsite/7/2", "onsite/7/deeper/x"):
        store.put(key, b"x")
    store.put("onsite/71/1", b"neighbour")
    store.delete_below("onsite/7")
    store.delete_below("onsite/7")  # again is no error
    assert not any(store.exists(key) for key in ("onsite/7/1", "onsite/7/2", "onsite/7/deeper/x"))
    assert store.get("onsite/71/1") == b"neighbour"


def test_bytes_and_names_are_on_the_disk_before_a_row_points_at_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    sync, replace = os.fsync, os.replace

    def note(handle: int) -> None:
        done.append(Path(os.readlink(f"/proc/self/fd/{handle}")).name.split("-")[0])
        sync(handle)

    def rename(old: str, new: Path) -> None:
        done.append("rename")
        replace(old, new)

    monkeypatch.setattr(os, "fsync", note)
    monkeypatch.setattr(os, "replace", rename)
    store = FolderStorage(tmp_path)
    store.put("photos/ABC/1", b"x")
    assert done == [".tmp", "rename", "ABC", "photos"]
    store.put("photos/ABC/2", b"x")
    assert done[4:] == [".tmp", "rename", "ABC"]
