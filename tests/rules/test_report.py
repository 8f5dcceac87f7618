"""How checks add up to a verdict."""

from __future__ import annotations

import pytest

from app.rules.report import Check, CheckVerdict, Verdict, fold


def checks(text: str) -> list[Check]:
    """`eyes_open=fail mouth=pass` as records."""
    return [Check(code, CheckVerdict(verdict)) for code, verdict in (item.split("=") for item in text.split())]


@pytest.mark.parametrize(
    ("findings", "exempt", "verdict"),
    [
        ("eyes_open=pass mouth=pass", "", "passed"),  # no warn or fail
        ("eyes_open=pass mouth=warn", "", "review"),  # only warns
        ("eyes_open=warn mouth=fail", "", "failed"),  # at least one fail
        ("eyes_open=skipped mouth=pass", "", "passed"),  # a check that is not built says nothing
        ("machine=skipped", "", "review"),  # the machine could not look: a person must
        ("machine=skipped file_readable=fail", "", "failed"),
        ("headwear=fail mouth=pass", "headwear", "passed"),  # an exemption switches off one named check
        ("headwear=fail mouth=fail", "headwear", "failed"),  # and no other
        ("headwear=warn mouth=warn", "headwear", "review"),
        ("", "", "passed"),
    ],
)
def test_verdict(findings: str, exempt: str, verdict: str) -> None:
    assert fold(checks(findings), exempt.split()) is Verdict(verdict)
