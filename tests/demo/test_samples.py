"""What the demo page hands to somebody who tries it: new files that come out as it says, a new student."""

from __future__ import annotations

from pathlib import Path

from flask.testing import FlaskClient

from app.demo.people import ABSENT, people
from app.demo.samples import FAULTS, sample
from app.rules.fields import check_field
from app.rules.photo_rule import load_rule_body
from app.rules.report import Verdict
from app.simulator.wechat import FIRST_NEW, PEOPLE
from app.views.demo import SAMPLES
from workers.checker import Checker


def test_the_demo_page_offers_every_sample_and_each_is_new(client: FlaskClient) -> None:
    page = client.get("/demo/").get_data(as_text=True)
    for name in SAMPLES:
        assert f"/demo/samples/{name}" in page
    first, again = (client.get("/demo/samples/code") for _ in range(2))
    assert first.status_code == 200 and first.data != again.data
    assert "attachment" in first.headers["Content-Disposition"]
    assert client.get("/demo/samples/other").status_code == 404


def test_samples_come_out_as_the_page_says(tmp_path: Path) -> None:
    with Checker() as checker:
        for name in SAMPLES:
            data, file_name = sample(name, 1)
            path = tmp_path / file_name
            path.write_bytes(data)
            if name == "code":
                assert checker.read_code(path).payload.startswith(b"CHSI-SAMPLE-")
                continue
            verdict = checker.check(path, load_rule_body("chsi-2017"), "blue").report.verdict
            assert (verdict is Verdict.FAILED) == (name in FAULTS), name


def test_what_the_page_suggests_to_fill_in_is_right() -> None:
    person = ABSENT[0]
    values = {"name": person.name, "student_no": person.student_no, "id_type": "resident_id", "id_no": person.id_no}
    assert [check_field(name, values, {}) for name in ("name", "student_no", "id_no")] == ["", "", ""]


def test_the_simulator_knows_students_whom_the_demo_does_not_have() -> None:
    seeded = {person.number - 1 for person in people()}
    assert any(number >= FIRST_NEW for number in PEOPLE)
    for number, name in PEOPLE.items():
        assert (number in seeded) == (number < FIRST_NEW)
        if number < FIRST_NEW:
            assert people()[number].name == name
