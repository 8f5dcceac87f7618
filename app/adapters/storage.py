"""Where original photos, renditions and collection codes lie: a folder, or an S3-compatible bucket."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from flask import current_app

from app.export.durable import sync

_KEY = re.compile(r"[a-z0-9_-]+(/[A-Za-z0-9._-]+)+")


class Storage(Protocol):
    """Six methods; a key is `kind/…` and never comes from a client."""

    def put(self, key: str, data: bytes) -> None:
        """Store durably, all or nothing; the same key again replaces."""

    def get(self, key: str) -> bytes:
        """The bytes. Raises FileNotFoundError."""

    def exists(self, key: str) -> bool:
        """Whether the key is stored."""

    def delete(self, key: str) -> None:
        """Remove; a missing key is no error."""

    def delete_below(self, folder: str) -> None:
        """Remove every key below `folder` (a key without its last part), also those that no row names."""

    def local(self, key: str) -> Any:
        """Context manager: a local path to read the bytes from. Raises FileNotFoundError."""


def checked(key: str) -> str:
    """The key itself. Raises ValueError for one that could leave the store."""
    if not _KEY.fullmatch(key) or ".." in key:
        raise ValueError("not a storage key")
    return key


class FolderStorage:
    """Files below one folder, mode 0600, written to a temporary name, synced and renamed."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def _path(self, key: str) -> Path:
        return self.root / checked(key)

    def put(self, key: str, data: bytes) -> None:
        path = self._path(key)
        fresh = not path.parent.exists()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, made = tempfile.mkstemp(dir=path.parent, prefix=".tmp-")
        try:
            with open(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(made, path)
        except BaseException:
            os.unlink(made)
            raise
        for folder in (path.parent, path.parent.parent)[: 1 + fresh]:  # the name too: a row is about to point at it
            sync(folder)

    def get(self, key: str) -> bytes:
        with open(f"{self.root}/{checked(key)}", "rb", buffering=0) as file:  # a batch reads tens of thousands
            return file.readall()

    def exists(self, key: str) -> bool:
        return self._path(key).exists()

    def delete(self, key: str) -> None:
        self._path(key).unlink(missing_ok=True)

    def delete_below(self, folder: str) -> None:
        path = self._path(folder)
        while path.is_dir():
            try:
                shutil.rmtree(path)
            except FileNotFoundError:  # somebody else deletes it at the same time
                continue

    @contextmanager
    def local(self, key: str) -> Iterator[Path]:
        path = self._path(key)
        if not path.exists():
            raise FileNotFoundError(key)
        yield path


class BucketStorage:
    """One S3 bucket through boto3, every call with a time-out."""

    def __init__(self, bucket: str, endpoint: str | None) -> None:
        import boto3
        from botocore.config import Config

        config = Config(connect_timeout=5, read_timeout=20, retries={"max_attempts": 3, "mode": "standard"})
        self.bucket = bucket
        self.client: Any = boto3.client("s3", endpoint_url=endpoint, config=config)

    def put(self, key: str, data: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=checked(key), Body=data)

    def get(self, key: str) -> bytes:
        try:
            return bytes(self.client.get_object(Bucket=self.bucket, Key=checked(key))["Body"].read())
        except self.client.exceptions.NoSuchKey:
            raise FileNotFoundError(key) from None

    def exists(self, key: str) -> bool:
        found = self.client.list_objects_v2(Bucket=self.bucket, Prefix=checked(key), MaxKeys=1)
        return any(item["Key"] == key for item in found.get("Contents", ()))

    def delete(self, key: str) -> None:
        self.client.delete_object(Bucket=self.bucket, Key=checked(key))

    def delete_below(self, folder: str) -> None:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=f"{checked(folder)}/")
        for key in [item["Key"] for page in pages for item in page.get("Contents", ())]:
            self.client.delete_object(Bucket=self.bucket, Key=key)

    @contextmanager
    def local(self, key: str) -> Iterator[Path]:
        with tempfile.NamedTemporaryFile(suffix=Path(key).suffix) as file:
            file.write(self.get(key))
            file.flush()
            yield Path(file.name)


def open_storage(address: str, instance: Path) -> Storage:
    """`folder` (default: instance/store), `folder:/some/path`, or `s3://bucket?endpoint=http://…` ."""
    if address.startswith("s3://"):
        parts = urlsplit(address)
        endpoint = parts.query.removeprefix("endpoint=") or None
        return BucketStorage(parts.netloc, endpoint)
    _, _, path = address.partition(":")
    return FolderStorage(Path(path) if path else instance / "store")


def storage() -> Storage:
    """The running app's store."""
    store: Storage = current_app.extensions["storage"]
    return store
