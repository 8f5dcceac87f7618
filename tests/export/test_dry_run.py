"""The dry run on seeded faults: exactly these, and the characters that a receiver's encoding lacks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.export import dry_run
from app.export.dry_run import Expected, Stored, StoredFile
from app.export.encodings import AMENDMENT_1, GB18030_2022, GB18030_COMPATIBILITY, lacking_gb18030, lacking_gbk
from app.export.frozen import FrozenBatch
from tests.export.helpers import Files, make_batch

EXPECTED = Expected("chsi-2017/1", 40960, 20480)


def _clean(kind: str, count: int = 16) -> FrozenBatch:
    """A batch in which nothing is wrong."""
    files = Files(count)
    batch = make_batch(files, kind)
    return replace(batch, items=tuple(
        replace(item, name="王小明", id_no=f"11010120050101{item.position:04d}", class_name="1班")
        for item in batch.items
    ))  # fmt: skip


def _stored(batch: FrozenBatch) -> dict[int, Stored]:
    return {
        item.position: Stored(StoredFile(item.rendition_sha256, 30_000), StoredFile(item.code_sha256 or "", 900))
        for item in batch.items
    }


@pytest.mark.parametrize("kind", ["chsi", "diploma"])
def test_nothing_wrong_nothing_said(kind: str) -> None:
    batch = _clean(kind)
    assert dry_run.problems(batch, EXPECTED, _stored(batch)) == ()


def _seeded(kind: str) -> dict[str, set[int]]:
    """The faults that are found, as positions by kind."""
    batch = _clean(kind)
    items = {item.position: item for item in batch.items}
    items[2] = replace(items[2], file_name=items[1].file_name.upper())
    items[3] = replace(items[3], rendition_sha256=items[4].rendition_sha256)
    items[5] = replace(items[5], code_payload=None)
    items[6] = replace(items[6], code_payload=items[7].code_payload, student_no=items[8].student_no)
    items[7] = replace(items[7], id_no=items[8].id_no)
    items[9] = replace(items[9], name="赵䶮")
    items[10] = replace(items[10], name="周\ue863")
    items[11] = replace(items[11], class_name="", rule="chsi-2017/0")
    items[12] = replace(items[12], name="吴\U000323af")
    changed = replace(batch, items=tuple(items.values()))
    stored = _stored(changed)
    good = stored[13].rendition
    stored[13] = Stored(StoredFile(items[13].rendition_sha256, 40_961), stored[13].code)
    stored[14] = Stored(StoredFile(items[14].rendition_sha256, 20_479), stored[14].code)
    stored[15] = Stored(None, stored[15].code)
    stored[16] = Stored(good, None)
    found = dry_run.problems(changed, replace(EXPECTED, left_out=("ORDER900",)), stored)
    return {problem.kind: {int(number.removeprefix("ORDER")) for number in problem.orders} for problem in found}


def test_a_seeded_学信网_batch_gives_exactly_its_faults() -> None:
    assert _seeded("chsi") == {
        "missing_file": {15, 16}, "changed_file": {16}, "no_consent": {900}, "collision": {1, 2}, "same_photo": {3, 4},
        "same_code": {6, 7}, "same_identity": {7, 8}, "same_student": {6, 8}, "no_code": {5}, "too_large": {13},
        "gb18030": {10}, "gbk": {9, 10, 12}, "no_class": {11}, "too_small": {14}, "older_rule": {11},
    }  # fmt: skip


def test_a_seeded_diploma_batch_gives_exactly_its_faults() -> None:
    """No code is asked for; the press's font matters."""
    assert _seeded("diploma") == {
        "missing_file": {15}, "changed_file": {16}, "no_consent": {900}, "collision": {1, 2}, "same_photo": {3, 4},
        "same_code": {6, 7}, "same_identity": {7, 8}, "same_student": {6, 8}, "too_large": {13}, "gb18030": {10},
        "gbk": {9, 10, 12}, "no_glyph": {10, 12}, "no_class": {11}, "too_small": {14}, "older_rule": {11},
    }  # fmt: skip


def test_a_print_size_beyond_the_paper_stops_a_diploma_batch() -> None:
    batch = replace(_clean("diploma", 2), paper="6in", print_height_mm=80)
    (problem,) = dry_run.problems(batch, EXPECTED, _stored(batch))
    assert (problem.kind, problem.stops, len(problem.orders)) == ("print_size", True, 2)


def test_characters_are_shown_with_their_numbers() -> None:
    batch = _clean("chsi", 1)
    batch = replace(batch, items=(replace(batch.items[0], name="赵䶮䶮"),))
    (problem,) = dry_run.problems(batch, EXPECTED, _stored(batch))
    assert (problem.kind, problem.detail) == ("gbk", "䶮 U+4DAE")


def test_gb_18030_2022_has_87887_ideographs_and_its_amendment_9793() -> None:
    """The counts that the standard and its amendment give for themselves."""
    assert sum(high - low + 1 for low, high in GB18030_2022) + len(GB18030_COMPATIBILITY) == 87_887
    assert sum(high - low + 1 for low, high in AMENDMENT_1) == 9_793


@pytest.mark.parametrize(
    ("text", "gbk", "gb18030"),
    [
        ("王小明", "", ""),
        ("阿依古丽·买买提", "", ""),
        ("O'Neil, Anne-Marie", "", ""),
        ("喆堃赟", "", ""),
        ("䶮", "䶮", ""),
        ("㛃", "㛃", ""),
        ("𠮷𬱖", "𠮷𬱖", ""),
        ("\U00030edd", "\U00030edd", ""),  # extension G: Amendment 1
        ("ئۇيغۇر", "ئۇيغر", ""),
        ("\ue863", "\ue863", "\ue863"),  # how old input methods wrote 䶮
        ("\U000323b0", "\U000323b0", "\U000323b0"),  # extension J is in no edition
        ("王\x07", "", "\x07"),
    ],
)
def test_what_each_encoding_lacks(text: str, gbk: str, gb18030: str) -> None:
    assert set(lacking_gbk(text)) == set(gbk)
    assert set(lacking_gb18030(text)) == set(gb18030)
