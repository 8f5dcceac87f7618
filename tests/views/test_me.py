"""The student's own account and data: shown masked, given away whole, to nobody else."""

from __future__ import annotations

import io
import zipfile

import pytest
from flask import Flask

from app.extensions import db
from app.models import Account
from app.rules.states import OrderState
from tests.factories import Cast, make_order, sign_in


def test_pages_mask_what_the_students_own_archive_tells_whole(app: Flask, cast: Cast) -> None:
    order = make_order(cast.campaign, OrderState.DRAFT, account=cast.student)
    assert order.form is not None
    secrets, client = (order.form.id_no, order.form.phone), sign_in(app.test_client(), cast.student)
    for address in ("/me/data", f"/orders/{order.number}/confirm"):
        page = client.get(address).text
        assert order.form.name in page and "居民身份证" in page  # the option's words, not its code
        for secret in secrets:
            assert secret not in page and f"*{secret[-4:]}" in page, address
    files = zipfile.ZipFile(io.BytesIO(client.get("/me/data.zip").data))
    whole = b"".join(files.read(name) for name in files.namelist()).decode("utf-8", "ignore")
    assert all(secret in whole for secret in secrets)


def test_an_archive_holds_one_person(app: Flask, cast: Cast) -> None:
    mine = make_order(cast.campaign, OrderState.PENDING_REVIEW, account=cast.student)
    theirs = make_order(cast.campaign, OrderState.PENDING_REVIEW, account=cast.other_student)
    files = zipfile.ZipFile(io.BytesIO(sign_in(app.test_client(), cast.student).get("/me/data.zip").data))
    told = " ".join(files.namelist()) + files.read("data.json").decode()
    assert mine.number in told and theirs.number not in told


@pytest.mark.parametrize(
    ("typed", "kept"), [("  小明 ", "小明"), ("小\u202e明\n\x00", "小明"), ("很长" * 40, "很长" * 20), (" ", "")]
)
def test_a_nickname_is_one_short_line(app: Flask, cast: Cast, typed: str, kept: str) -> None:
    client = sign_in(app.test_client(), cast.student)
    assert client.post("/me/nickname", data={"nickname": typed}).status_code == 303
    db.session.rollback()
    assert db.session.get_one(Account, cast.student.id).nickname == kept
    assert (kept or "同学") in client.get("/me").text
