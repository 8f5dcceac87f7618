"""A liaison brings a roster in over HTTP: uploaded, columns matched, tried, taken, brought up to date, cleared."""

from __future__ import annotations

import io

from flask import Flask
from flask.testing import FlaskClient

from app.extensions import db
from app.models import RosterEntry, RosterImport
from app.services.schools import roster_imports
from tests.factories import Cast, sign_in

FILE = (
    "编号,姓名,学院,班级\n2023000001,王小明,文学院,汉语2301\n2023000002,𠮷田䶮,理学院,物理2301\n"
    "2.02E+09,李四,理学院,物理2301\n2023000001,又一个,文学院,汉语2301\n"
)


def _send(client: FlaskClient, address: str, text: str) -> str:
    """Upload a file and let the worker read it; the address of its page."""
    answer = client.post(address, data={"roster": (io.BytesIO(text.encode()), "名单.csv")})
    assert answer.status_code == 303
    roster_imports.work(int(answer.location.rsplit("/", 1)[1]))
    return str(answer.location)


def _entries(cast: Cast) -> dict[str, str]:
    db.session.rollback()
    rows = db.session.query(RosterEntry).filter_by(campaign_id=cast.campaign.id)
    return {row.student_no: row.class_name for row in rows}


def test_a_roster_from_the_upload_to_the_taken_rows(app: Flask, cast: Cast) -> None:
    client = sign_in(app.test_client(), cast.liaison)
    address = f"/schools/campaigns/{cast.campaign.code}/roster/"
    assert client.post(address).status_code == 422
    page = _send(client, address, FILE)
    import_id = int(page.rsplit("/", 1)[1])
    assert "编号" in client.get(page).text and "𠮷田䶮" in client.get(page).text

    columns = {"column_name": "1", "column_college": "2", "column_class_name": "3"}
    refused = client.post(page, data=columns)
    assert refused.status_code == 422 and "请指定哪一列是学号" in refused.text
    columns["column_student_no"] = "0"

    assert client.post(page, data=columns | {"dry_run": "1"}).status_code == 303
    assert "检查中" in client.get(f"{page}/state").text
    roster_imports.work(import_id)
    assert client.get(f"{page}/state").headers["HX-Refresh"] == "true"
    tried = client.get(page).text
    assert "将新增" in tried and "学号在文件中重复" in tried and _entries(cast) == {}
    problems = client.get(f"{page}/problems.csv").data.decode("utf-8-sig").splitlines()
    assert [line.split(",")[0] for line in problems] == ["行", "4", "5"]

    client.post(page, data=columns)
    roster_imports.work(import_id)
    assert _entries(cast) == {"2023000001": "汉语2301", "2023000002": "物理2301"}
    assert client.post(page, data=columns).status_code == 409  # taken is taken

    again = _send(client, address, FILE.replace("物理2301", "物理2309"))
    client.post(again, data=columns)
    roster_imports.work(int(again.rsplit("/", 1)[1]))
    assert _entries(cast)["2023000002"] == "物理2309"
    assert db.session.get_one(RosterImport, int(again.rsplit("/", 1)[1])).changed == 1

    client.post(f"{address}clear")
    assert _entries(cast) == {}
