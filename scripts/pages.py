"""Templates, style sheets and scripts in one layout: checked by `make lint`, written by `make format`."""

from __future__ import annotations

import subprocess
import sys

from scripts.setup import ROOT, node

PAGES = ("app/templates", "app/simulator/templates", "app/static/css", "app/static/js", "app/export/page/*.{js,css}")


def main() -> int:
    """Check every page, or lay it out anew with --write; returns prettier's own exit code."""
    how = ["--write", "--log-level=warn"] if "--write" in sys.argv else ["--check", "--log-level=warn"]
    prettier = ROOT / "node_modules" / "prettier" / "bin" / "prettier.cjs"
    return subprocess.run([*node(), str(prettier), *how, *PAGES], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
