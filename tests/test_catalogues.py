"""Every text is in the English catalogue and translated, with the same placeholders."""

from __future__ import annotations

import re

from scripts.catalogues import collect, current, merged, untranslated

_PLACES = re.compile(r"%\(\w+\)s|%%")


def test_english_is_complete_and_up_to_date() -> None:
    assert untranslated(merged()) == []
    assert {message.id for message in collect() if message.id} <= {message.id for message in current()}


def test_translations_keep_the_placeholders() -> None:
    for message in current():
        if message.id and isinstance(message.id, str):
            assert sorted(_PLACES.findall(message.id)) == sorted(_PLACES.findall(str(message.string))), message.id


def test_a_bare_percent_sign_breaks_no_page() -> None:
    """Templates format every text: `90% within` would be read as a place to fill."""
    for message in current():
        for text in (message.id, message.string):
            if message.id and isinstance(text, str):
                assert "%" not in _PLACES.sub("", text), text


def test_the_catalogue_is_compiled() -> None:
    """A catalogue marked as fuzzy is passed over in silence, and every page stays Chinese."""
    assert current().fuzzy is False
    assert not [message.id for message in current() if message.id and message.fuzzy]
