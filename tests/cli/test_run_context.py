"""The context of a command's run."""

from __future__ import annotations

import pytest

from reconciler.cli.run_context import open_journal
from reconciler.cli.settings import Settings

NO_FOLDER = "no journal is kept: there is no home directory. Name a folder with --state-dir"


def test_without_a_home_directory_there_is_no_journal_and_a_warning(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.delenv("HOME")
    warnings: list[str] = []
    assert open_journal(Settings(), warnings.append) is None
    assert warnings == [NO_FOLDER]
    assert open_journal(Settings()) is None
    assert capsys.readouterr().err == f"warning: {NO_FOLDER}\n"
