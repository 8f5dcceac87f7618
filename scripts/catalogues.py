"""`make catalogues`: collect every text into the English catalogue; what has no translation yet is listed."""

from __future__ import annotations

import json
import sys
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
PO = ROOT / "app" / "translations" / "en" / "LC_MESSAGES" / "messages.po"
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
KEYWORDS = {"_": None, "gettext": None, "lazy_gettext": None, "_l": None, "ngettext": (1, 2), "N_": None}


def collect() -> Catalog:
    """Every text of the code and the templates, as an empty English catalogue."""
    found = Catalog(locale="en", project="caixiang", charset="utf-8", fuzzy=False)  # fuzzy: not compiled
    for name, _line, message, comments, context in extract_from_dir(
        ROOT / "app", METHODS, keywords=KEYWORDS, strip_comment_tags=True
    ):
        found.add(message, None, [(f"app/{name}", 0)], auto_comments=comments, context=context)
    return found


def current() -> Catalog:
    """The catalogue as it stands."""
    if not PO.exists():
        return Catalog(locale="en", charset="utf-8")
    with PO.open("rb") as file:
        return read_po(file, locale="en")


def merged(extra: dict[str, str] | None = None) -> Catalog:
    """Today's texts with the translations there are."""
    fresh, old = collect(), current()
    for message in fresh:
        if not message.id:
            continue
        kept = old.get(message.id)
        text = (extra or {}).get(message.id if isinstance(message.id, str) else message.id[0])
        message.string = text or (kept.string if kept else message.string)
    return fresh


def untranslated(catalogue: Catalog) -> list[str]:
    """Texts without English."""
    return [str(m.id) for m in catalogue if m.id and not (all(m.string) if isinstance(m.string, tuple) else m.string)]


def main() -> int:
    """Rewrite the catalogue; arguments are JSON files of translations to take in. 1 when texts are untranslated."""
    extra: dict[str, str] = {}
    for name in sys.argv[1:]:
        extra |= json.loads(Path(name).read_text("utf-8"))
    catalogue = merged(extra)
    out = BytesIO()
    write_po(out, catalogue, width=120, omit_header=False, sort_output=True, include_lineno=False)
    lines = [
        line for line in out.getvalue().decode().splitlines() if "-Date: " not in line and "FIRST AUTHOR" not in line
    ]
    PO.parent.mkdir(parents=True, exist_ok=True)
    PO.write_text("\n".join(lines) + "\n", "utf-8")
    missing = untranslated(catalogue)
    print(f"{len(catalogue)} texts, {len(missing)} without English")
    for text in missing:
        print(f"  {text}")
    return bool(missing)


if __name__ == "__main__":
    sys.exit(main())
