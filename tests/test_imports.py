"""What the web process loads: it decodes no picture, so the libraries that do are never there."""

from __future__ import annotations

import subprocess
import sys

NATIVE = ("cv2", "mediapipe", "PIL", "numpy", "pyzbar", "zxingcpp", "pymatting")

PROGRAM = """
import sys, tempfile
{work}
print(",".join(name for name in {names} if name in sys.modules))
"""


def loaded(work: str, names: tuple[str, ...]) -> str:
    """Which of `names` a fresh process has loaded after `work`."""
    program = PROGRAM.format(work=work, names=names)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.strip()


def test_the_web_process_loads_nothing_that_decodes_pictures() -> None:
    work = "from app import create_app; create_app({'INSTANCE': tempfile.mkdtemp()})"
    assert loaded(work, NATIVE) == ""


def test_rules_load_without_the_web() -> None:
    work = "import app.rules.states, app.rules.report, app.rules.photo_rule, app.rules.faults"
    assert loaded(work, ("flask", "sqlalchemy", "redis", "rq", *NATIVE)) == ""
