"""make scorecard: scores the checker on labelled pictures where they are there, and writes docs/scorecard.md."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
TOOL = SHARED / "tools" / "score_precheck.py"


def main() -> int:
    """Run the scoring tool and turn its figures into a page. 2 when the pictures are not there."""
    if not TOOL.exists():
        print("The labelled pictures are not on this machine (../shared/data); nothing was scored.")
        return 2
    with tempfile.TemporaryDirectory() as name:
        figures = Path(name) / "score.json"
        path = f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}"
        subprocess.run(
            [sys.executable, str(TOOL), "--data", str(SHARED / "data"), "--json", str(figures)],
            cwd=ROOT,
            env=os.environ | {"PATH": path},
            check=True,
            stdout=subprocess.DEVNULL,
        )
        data = json.loads(figures.read_text())
    rows = data["table"] if isinstance(data, dict) else data
    page = ROOT / "docs" / "scorecard.md"
    page.write_text(_page(rows), "utf-8")
    print(f"wrote {page.relative_to(ROOT)}: {len(rows)} questions")
    return 0


def _page(rows: list[dict[str, object]]) -> str:
    lines = [
        "# Score card of the checker",
        "",
        "Made by `make scorecard` from labelled pictures that are not part of the project. *Named*: a check that",
        "describes the fault says `fail` or `warn`. Intervals are 95 % Wilson.",
        "",
        "| question | measure | n | k | rate | interval |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        if not row["n"]:
            continue
        rate = f"{float(str(row['rate'])) * 100:.1f} %"
        interval = f"{float(str(row['low'])) * 100:.0f}–{float(str(row['high'])) * 100:.0f} %"
        lines.append(f"| {row['question']} | {row['measure']} | {row['n']} | {row['k']} | {rate} | {interval} |")
    return "\n".join([*lines, "", *WORST, ""])


WORST = (
    "## The worst checks, named",
    "",
    "* `headwear` is not built: colour and height of what lies above the forehead did not separate hats from hair on",
    "  the labelled pictures, so it reports `skipped` and reviewers decide.",
    "* `gaze` misses most eyes that look away when the head is turned as well; it warns and rarely fails.",
    "* `ears` finds hidden ears in about a third of the pictures; it only warns.",
    "* `exposure` warns on dark scenes by the face alone: it also names some pictures that the labels call well lit.",
)


if __name__ == "__main__":
    sys.exit(main())
