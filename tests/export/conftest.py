"""Finished batches of six."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.export.helpers import Files, build, make_batch


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A 学信网 batch."""
    return build(tmp_path / "batch.zip", make_batch(Files(6)), Files(6))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A diploma batch."""
    return build(tmp_path / "diploma", make_batch(Files(6), "diploma"), Files(6))
