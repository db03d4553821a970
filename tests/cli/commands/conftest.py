"""A working folder with a file to edit."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.edited_file import FILE


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a file with one entry, in the working folder."""
    path = tmp_path / "desired.yaml"
    path.write_text(FILE)
    monkeypatch.chdir(tmp_path)
    return path


@pytest.fixture(autouse=True)
def _hide_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no command say what it has waited for for a second, which a busy machine makes of any moment."""
    monkeypatch.setattr("reconciler.cli.progress.SHOW_AFTER", 600.0)
