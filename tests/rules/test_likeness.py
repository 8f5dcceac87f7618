"""Copies by their hash: bits counted, other shapes are nobody's copy."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.rules.likeness import BANDS, BITS, NEAR, alike, difference

HASHES = st.tuples(*[st.integers(0, 2**BITS - 1)] * BANDS)


@given(HASHES, HASHES)
def test_the_difference_counts_bits_and_is_the_same_both_ways(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    assert difference(one, one) == 0
    counted = sum(f"{a ^ b:b}".count("1") for a, b in zip(one, other, strict=True))
    assert difference(one, other) == difference(other, one) == counted


@given(HASHES, st.sets(st.integers(0, BANDS * BITS - 1), max_size=40))
def test_a_copy_may_differ_in_so_many_bits_and_in_no_more(one: tuple[int, ...], flipped: set[int]) -> None:
    other = tuple(part ^ sum(1 << bit % BITS for bit in flipped if bit // BITS == at) for at, part in enumerate(one))
    assert alike(one, other) is (len(flipped) <= NEAR)


def test_a_hash_of_another_shape_is_nobodys_copy() -> None:
    assert not alike((0,) * BANDS, (0,) * (BANDS - 1))
    assert not alike((), ())
