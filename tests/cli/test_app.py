"""The command line as a whole: its help and its documentation."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.main import build_program, run_command_line
from reconciler.cli.settings import OutputFormat

DOCS = Path(__file__).parents[2] / "docs" / "cli.md"


def options_of(command: Any) -> set[str]:
    """Return the long options of a command and its subcommands."""
    names = {name for parameter in command.params for name in parameter.opts if name.startswith("--")}
    return names.union(*(options_of(subcommand) for subcommand in getattr(command, "commands", {}).values()))


def has_option(command: Any, name: str) -> bool:
    """Return True if the command has a parameter with this name."""
    return any(parameter.name == name for parameter in command.params)


def build_argument_words(parameter: Any) -> list[str]:
    """Return something for each argument that a command requires."""
    if parameter.param_type_name != "argument" or not parameter.required:
        return []
    word = "list" if parameter.name == "action" else "x"
    return [word] * abs(parameter.nargs)


def test_the_documentation_contains_every_option_and_variable() -> None:
    command: Any = build_program()
    text = DOCS.read_text(encoding="utf-8")
    assert [name for name in sorted(options_of(command)) if f"`{name}" not in text and f" {name}" not in text] == []
    variables = [parameter.envvar for parameter in command.params if parameter.envvar]
    assert [name for name in variables if f"`{name}`" not in text] == []
    assert [name for name in command.commands if f"reconcile {name}" not in text] == []


@pytest.mark.parametrize("command", [[], ["validate"], ["status"], ["doctor"], ["demo"]])
def test_help_has_an_example_and_fits_80_columns(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line([*command, "--help"]) == 0
    text = capsys.readouterr().out
    assert "Example" in text
    assert f"reconcile {' '.join(command)}".strip() in text
    assert max(len(line) for line in text.splitlines()) <= 80


MAIN: Any = build_program()
COMMANDS_WITH_OUTPUT = ["", *(name for name, command in MAIN.commands.items() if has_option(command, "output"))]


@pytest.mark.parametrize("name", COMMANDS_WITH_OUTPUT)
def test_help_offers_the_formats_that_the_command_accepts(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = MAIN.commands[name] if name else MAIN
    (option,) = (parameter for parameter in command.params if parameter.name == "output")
    choices = re.findall(r"\w+(?=,| or |[.;])|\w+$", re.split("[.;]", option.help.removeprefix("Report format: "))[0])
    context = command.make_context(name, [], resilient_parsing=True)
    assert [item.value for item in option.shell_complete(context, "")] == choices
    arguments = [word for parameter in command.params for word in build_argument_words(parameter)]
    for form in {*OutputFormat, "xml"} - {*choices}:
        for words in ([name, *arguments, "--output", form], ["--output", form, name, *arguments]):
            assert run_command_line([word for word in words if word]) == 4
            shown = "".join(capsys.readouterr())
            assert all(choice in shown for choice in choices), "the error lists the formats that it accepts"


def test_a_watch_refuses_the_formats_that_its_help_does_not_offer(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "with --watch, text or json" in next(option.help for option in MAIN.params if option.name == "output")
    assert folder.is_dir()
    for form in ("markdown", "github"):
        assert run_command_line(["--watch", "--output", form]) == 4
        assert f"--watch does not support --output {form}. Use text or json" in "".join(capsys.readouterr())


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["--version"]) == 0
    assert capsys.readouterr().out.startswith("reconcile 0.")


def test_help_in_a_pipe_does_not_depend_on_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_command_line(["--help"])
    expected = capsys.readouterr().out
    monkeypatch.setenv("COLUMNS", "40")
    assert run_command_line(["--help"]) == 0
    assert capsys.readouterr().out == expected
