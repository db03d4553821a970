"""Options of the main command read a variable; those of a command do not."""

from __future__ import annotations

import pytest

from reconciler.cli.option_factories import OPTION_VARIABLES, command_option, join_alternatives, main_option


def test_an_option_of_the_main_command_reads_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.cli.option_factories.OPTION_VARIABLES", variables := set[str]())
    assert main_option("--state-dir", help_text="A folder.").envvar == "RECONCILE_STATE_DIR"
    assert command_option("--state-dir", help_text="A folder.").envvar is None
    assert variables == {"RECONCILE_STATE_DIR"}
    assert "RECONCILE_STATE_DIR" in OPTION_VARIABLES


@pytest.mark.parametrize(("words", "text"), [("a", "a"), ("ab", "a or b"), ("abc", "a, b or c")])
def test_alternatives_are_joined_as_people_write_them(words: str, text: str) -> None:
    assert join_alternatives(list(words)) == text
