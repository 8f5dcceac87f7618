"""Rules of the house that no linter knows: sizes, one writer of the state, views that only translate, settings told."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CODE = [
    path
    for folder in ("app", "workers")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "migrations" not in path.parts
]
TEMPLATES = sorted((ROOT / "app").glob("**/templates/**/*.html"))
SCRIPTS = sorted((ROOT / "app" / "static" / "js").glob("*.js"))
LONGEST_FILE, LONGEST_FUNCTION, LONGEST_TEMPLATE, LONGEST_SCRIPT = 320, 60, 260, 200
MACROS = {**dict.fromkeys(("ui", "m", "b", "dialogs", "charts"), " with context"), "table": "", "by": ""}
"""Names that components are imported under, and how: those that look at the visitor see the page's context."""
TABLES = ("demo/draw_", "demo/people")
"""Drawings are tables of points; their length says nothing."""


def _names(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", CODE, ids=_names)
def test_files_and_functions_can_be_read_at_one_go(path: Path) -> None:
    text = path.read_text("utf-8")
    tree = ast.parse(text)
    assert text.strip() == "" or ast.get_docstring(tree), "a module says what it is for"
    if any(part in _names(path) for part in TABLES):
        return
    assert len(text.splitlines()) <= LONGEST_FILE
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < LONGEST_FUNCTION, node.name


def test_one_place_writes_an_orders_state() -> None:
    writers = {
        _names(path)
        for path in CODE
        if re.search(r"\border\.state = |Order\)\n?.*values\(state=", path.read_text("utf-8"))
    }
    assert writers <= {"app/services/transitions.py"}


def test_only_a_unit_of_work_keeps_what_is_written() -> None:
    """Elsewhere SQLite would refuse it at once whenever somebody else writes; what nobody commits is not kept."""
    commits = {_names(path) for path in CODE if re.search(r"\.(commit|begin)\(", path.read_text("utf-8"))}
    assert commits == {"app/services/unit.py"}


def test_passwords_are_hashed_while_nobody_waits_to_write() -> None:
    for path in CODE:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.With) and "unit_of_work" in ast.unparse(node.items[0]):
                assert not re.search(r"passwords\.(hashed|fits)|requests\.(get|post)", ast.unparse(node)), path


def test_views_read_and_write_through_services() -> None:
    wrong = re.compile(r"unit_of_work|import db\b|db\.session|sqlalchemy import|sqlalchemy\.orm")
    assert [
        _names(path) for path in CODE if "app/views" in _names(path) and wrong.search(path.read_text("utf-8"))
    ] == []


def test_json_in_an_attribute_is_escaped() -> None:
    """Flask's tojson leaves double quotes as they are, which end the attribute."""
    bare = re.compile(r"\|\s*tojson(?!\s*\|\s*forceescape)")
    assert [_names(path) for path in TEMPLATES if bare.search(path.read_text("utf-8"))] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=_names)
def test_templates_are_short_and_import_what_they_use(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= LONGEST_TEMPLATE
    for name in re.findall(r'{% import "[^"]+" as (\w+)', text):
        assert re.search(rf"\b{name}\.", text), f"{name} is imported and not used"
    for name, context in MACROS.items():
        used = re.search(rf"\b{name}\.\w+\(", text)
        assert not used or f" as {name}{context} %}}" in text, (
            f"{name} is used and only imported by whoever includes this"
        )


@pytest.mark.parametrize("path", SCRIPTS, ids=_names)
def test_scripts_are_short_and_say_what_they_are_for(path: Path) -> None:
    lines = path.read_text("utf-8").splitlines()
    assert len(lines) <= LONGEST_SCRIPT
    assert lines[0].startswith("// ")


def test_every_setting_is_told() -> None:
    read = set(re.findall(r'env(?:\.get\(|\[)\s*"([A-Z_]+)"', (ROOT / "app" / "config.py").read_text("utf-8")))
    told = (ROOT / "docs" / "settings.md").read_text("utf-8")
    assert read, "config.py reads its settings another way now"
    assert [name for name in sorted(read) if f"`{name}`" not in told] == []


def test_every_audited_action_has_a_name_for_people() -> None:
    from app.services.audit import LABELS

    noted = {
        name
        for path in CODE
        for name in re.findall(r'audit\.(?:note|note_id|record)\([^"]*"([a-z_.]+)"', path.read_text("utf-8"))
    }
    assert noted - set(LABELS) == set()


def test_every_decision_has_a_number_of_its_own() -> None:
    records = sorted((ROOT / "docs" / "adr").glob("*.md"))
    assert [int(path.name[:4]) for path in records] == list(range(1, len(records) + 1))
    for path in records:
        assert path.read_text("utf-8").startswith(f"# {int(path.name[:4])}. "), path.name
