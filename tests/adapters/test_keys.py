"""Identity is sealed at rest, found by a keyed hash, and keys are nobody else's."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from app.adapters.keys import Keys, secret
from app.extensions import db
from tests.factories import Cast, make_form, make_order


@given(st.text(max_size=60))
def test_sealing_is_undone_by_unsealing(keys_folder: Path, value: str) -> None:
    keys = Keys(keys_folder)
    assert keys.unseal(keys.seal(value)) == value
    assert keys.seal(value) != keys.seal(value)


def test_one_changed_byte_is_noticed(tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    sealed = bytearray(keys.seal("110105200001010011"))
    sealed[-1] ^= 1
    with pytest.raises(InvalidTag):
        keys.unseal(bytes(sealed))


def test_keys_last_and_are_the_owners_only(tmp_path: Path) -> None:
    assert Keys(tmp_path).digest("x") == Keys(tmp_path).digest("x")
    assert all(file.stat().st_mode & 0o077 == 0 for file in tmp_path.iterdir())
    assert {file.name for file in tmp_path.iterdir()} == {"identity.key", "lookup.key", "batch.key"}


def test_a_damaged_key_file_is_refused_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "identity.key").write_bytes(b"short")
    with pytest.raises(ValueError, match="backup"):
        secret(tmp_path / "identity.key")


def test_a_signature_fits_the_public_key(tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    Ed25519PublicKey.from_public_bytes(keys.public_key).verify(keys.sign(b"batch"), b"batch")


def test_no_identity_rests_readable(app: Flask, cast: Cast) -> None:
    form = make_form(make_order(cast.campaign, complete=False))
    row = db.session.execute(text("SELECT id_no, phone FROM form")).one()
    assert form.id_no.encode() not in bytes(row.id_no)
    assert form.phone.encode() not in bytes(row.phone)
