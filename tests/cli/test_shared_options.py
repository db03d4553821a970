"""Options that commands share, before and after the name of a command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pytest
import typer

from reconciler.cli.main import build_program, run_command_line
from reconciler.cli.settings import LogFormat, OutputFormat, Settings
from reconciler.cli.shared_options import get_options_before_name, shared_options


def run_sample(settings: Settings, limit: Annotated[int, typer.Option()] = 5) -> int:
    """Return the limit."""
    return limit + len(settings.files)


def make_command(*names: str, **keywords: Any) -> Any:
    """Return `run_sample` as a command with these shared options."""
    sample = typer.Typer(add_completion=False)
    sample.command()(shared_options(*names, **keywords)(run_sample))
    return typer.main.get_command(sample)


def list_options(command: Any) -> list[str]:
    """Return the long options of a command, in the order of its help."""
    return [parameter.opts[0] for parameter in command.params if parameter.name != "help"]


def test_a_command_has_its_own_options_then_those_that_it_names_then_those_for_logs() -> None:
    expected = ["--limit", "--file", "--state-dir", "--log-format", "--verbose", "--quiet"]
    assert list_options(make_command("file", "state_dir")) == expected


def test_the_help_offers_the_formats_that_the_command_prints() -> None:
    def read_help(**keywords: Any) -> str:
        return str(next(p.help for p in make_command("output", **keywords).params if p.name == "output"))

    assert read_help() == "Report format: text or json. [default: text]"
    assert read_help(outputs=tuple(OutputFormat)) == "Report format: text, json, markdown or github. [default: text]"


def test_a_command_gets_its_settings_and_returns_its_exit_code() -> None:
    command = make_command("file")
    assert command.main([], standalone_mode=False, obj=Settings()) == 5
    assert command.main(["-f", "a", "-f", "b", "--limit", "1"], standalone_mode=False, obj=Settings()) == 3


def test_options_for_files_allow_secrets_and_exports_before_the_name() -> None:
    assert get_options_before_name(make_command("file", before_name=("dry_run",))) == {
        *("file", "secrets_for", "allow_export", "dry_run", "log_format", "verbose", "quiet")
    }
    assert "secrets_for" not in get_options_before_name(make_command("output"))
    assert get_options_before_name(build_program().commands["demo"]) == ()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["-f", "a", "doctor"], Settings((Path("a"),))),
        (["-f", "a", "doctor", "-f", "b"], Settings((Path("b"),))),
        (["doctor", "--instance", "x,y", "--output", "json"], Settings((), OutputFormat.JSON, ("x", "y"))),
        (["--log-format", "json", "doctor", "-vq"], Settings(log_format=LogFormat.JSON, verbose=True, quiet=True)),
        (["--state-dir", "a", "doctor", "--state-dir", "b"], Settings(state_dir=Path("b"))),
        (
            ["--secrets-for", "a", "--allow-export", "b", "doctor"],
            Settings(secrets_for=Path("a"), export_folders=(Path("b"),)),
        ),
    ],
)
def test_an_option_after_the_name_wins_over_the_same_before_it(
    arguments: list[str], expected: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Settings] = []

    def record_settings(settings: Settings) -> int:
        given.append(settings)
        return 0

    monkeypatch.setattr("reconciler.cli.commands.doctor.doctor_command", record_settings)
    assert run_command_line(arguments) == 0
    assert given == [expected]
