"""File names: safe everywhere, different for everybody."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.export.naming import check_template, distinct, file_name, safe


@given(st.text(max_size=200))
def test_a_name_is_never_a_path(text: str) -> None:
    stem = safe(text)
    assert stem and len(stem) <= 80
    assert not set(stem) & set('\\/:*?"<>|\0\n') and stem not in (".", "..") and stem == stem.strip(" .")


@given(st.lists(st.sampled_from(["a", "A", "b", "a-2", "ß", "SS"]), max_size=30))
def test_distinct_names_differ_even_where_case_does_not_count(stems: list[str]) -> None:
    made = distinct(stems)
    assert len({stem.casefold() for stem in made}) == len(stems)


@given(st.lists(st.sampled_from(["a", "A", "b", "a-2", "a-3", "ß", "SS"]), max_size=30))
def test_each_gets_the_first_number_that_is_free(stems: list[str]) -> None:
    taken: set[str] = set()
    for stem, made in zip(stems, distinct(stems), strict=True):
        wanted = [stem, *(f"{stem}-{number}" for number in range(2, 40))]
        assert made == next(one for one in wanted if one.casefold() not in taken)
        taken.add(made.casefold())


@pytest.mark.parametrize(
    ("template", "right"),
    [
        ("{id_no}", True),
        ("{school_code}_{student_no}_{name}", True),
        ("{name}", False),
        ("{id_no", False),
        ("{id_no!r}", False),
        ("{id_no:>20}", False),
        ("{password}{id_no}", False),
        ("../{id_no}", False),
        ("{id_no.__class__}", False),
    ],
)
def test_templates(template: str, right: bool) -> None:
    assert (not check_template(template)) == right


def test_device_names_are_made_harmless() -> None:
    assert file_name("{name}", {"name": "CON"}) == "_CON"
