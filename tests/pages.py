"""What each page a test fetches must be: valid HTML5, one h1, unique ids, nothing inline that the policy refuses."""

from __future__ import annotations

import re
from typing import Any
from xml.etree.ElementTree import Element

import html5lib
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

_FULL = re.compile(r"\s*<!doctype html>", re.I)
_HARMLESS = {"expected-doctype-but-got-start-tag", "expected-doctype-but-got-chars", "invalid-codepoint"}
"""A fragment needs no doctype; a field shows again what somebody typed, control characters too."""
_FOREIGN = ("ops/rq/", "production/verify.html")
"""The RQ dashboard is not ours; the receiver's page is one file on purpose, with a policy of its own."""


class CheckingClient(FlaskClient):
    """A browser without a window that looks closely at each page it gets."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Fetch, and fail the test when the page is not what a page must be."""
        answer = super().open(*args, **kwargs)
        foreign = answer.request.path.lstrip("/").startswith(_FOREIGN)
        if answer.mimetype == "text/html" and answer.status_code not in (301, 302, 303, 308) and not foreign:
            problems = faults(answer.get_data(as_text=True))
            assert not problems, f"{answer.request.path}: {problems}"
        return answer


def faults(text: str) -> list[str]:
    """Everything that is wrong with a page or a fragment."""
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    full = _FULL.match(text) is not None
    root = parser.parse(text) if full else parser.parseFragment(text)
    found = [f"{code} at {place} {facts}" for place, code, facts in parser.errors if code not in _HARMLESS]
    nodes = [node for node in root.iter() if isinstance(node.tag, str)]
    found += _twice(nodes) + _inline(nodes) + _forms(nodes)
    return found + (_page(root, nodes) if full else [])


def _twice(nodes: list[Element]) -> list[str]:
    ids = [node.get("id") for node in nodes if node.get("id")]
    return [f"id {name} stands twice" for name in sorted({name for name in ids if ids.count(name) > 1}, key=str)]


def _inline(nodes: list[Element]) -> list[str]:
    """The content security policy refuses these, so they would do nothing."""
    found = [f"<{node.tag}> has an inline {name}" for node in nodes for name in node.attrib if _refused(str(name))]
    return found + [f"inline <{node.tag}>" for node in nodes if node.tag in ("script", "style") and _has_text(node)]


def _refused(name: str) -> bool:
    return name == "style" or re.fullmatch(r"on[a-z]+", name) is not None


def _has_text(node: Element) -> bool:
    return bool((node.text or "").strip())


def _forms(nodes: list[Element]) -> list[str]:
    found = []
    for form in (node for node in nodes if node.tag == "form"):
        method = form.get("method", "get").lower()
        names = [field.get("name") for field in form.iter() if isinstance(field.tag, str)]
        if method == "post" and "csrf_token" not in names:
            found.append(f"a form without csrf_token: {form.get('action')}")
    return found


def _page(root: Element, nodes: list[Element]) -> list[str]:
    headings = [node for node in nodes if node.tag == "h1"]
    title = next((node.text or "" for node in nodes if node.tag == "title"), "")
    found = [] if len(headings) == 1 else [f"{len(headings)} h1"]
    if not title.strip():
        found.append("no title")
    if not root.get("lang"):
        found.append("no lang")
    return found
