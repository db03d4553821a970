"""Questions and answers, with a standard input that claims to be a terminal."""

from __future__ import annotations

import io
import sys

import pytest

from reconciler.cli import prompts
from reconciler.cli.settings import CommandFailure
from tests.support.streams import type_lines


def check_number(text: str) -> str:
    if not text.isdecimal():
        raise ValueError("write a number")
    return text


def test_a_question_is_asked_until_the_answer_can_be_used(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    type_lines(monkeypatch, "lots", " 7 ")
    assert prompts.ask("How many", "3", check_number) == "7"
    output = capsys.readouterr()
    assert output.err == "How many [3]:   write a number\nHow many [3]: "
    assert output.out == "", "standard output is the report"


def test_the_default_is_taken_for_an_empty_line(monkeypatch: pytest.MonkeyPatch) -> None:
    type_lines(monkeypatch, "", "", "N", "yes")
    assert prompts.ask("How many", "3", check_number) == "3"
    assert prompts.ask_yes_or_no("Sure?", default=True)
    assert not prompts.ask_yes_or_no("Sure?", default=True)
    assert prompts.ask_yes_or_no("Sure?", default=False)


def test_the_end_of_the_input_ends_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    type_lines(monkeypatch)
    with pytest.raises(CommandFailure, match="standard input has ended") as error:
        prompts.ask("How many", "3", check_number)
    assert error.value.exit_code == 4


def test_only_a_terminal_can_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    type_lines(monkeypatch)
    assert prompts.can_ask()
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert not prompts.can_ask()
    monkeypatch.setattr(sys, "stdin", None)
    assert not prompts.can_ask()
