"""Output: the report to standard output and to a file, messages to standard error."""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, TextIO

from reconciler.atomic_file import write_atomically
from reconciler.cli import logs
from reconciler.cli.settings import (
    CommandFailure,
    LogFormat,
    OutputFormat,
    Settings,
    measure_terminal,
    should_use_colour,
)
from reconciler.model.position import Problem
from reconciler.report.text.lines import EMPTY_LINE, Line, Style, make_line, write_lines
from reconciler.report.text.problems import render_problems

if TYPE_CHECKING:
    from rich.console import Console

ReportWriter = Callable[[TextIO], object]
MAX_SHOWN_PROBLEMS = 50  # on a terminal, where the first problems would scroll away


def write_report(writer: ReportWriter) -> bool:
    """Write a report to standard output. Return False if the reader has closed the pipe, which is no error.

    Raises `CommandFailure` if it cannot be written, as on a full disk.
    """
    try:
        writer(sys.stdout)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the flush at exit fails again
        return False
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise CommandFailure(f"the report could not be written to standard output: {error.strerror}", 1) from error
    return True


def write_report_lines(lines: Iterable[Line]) -> bool:
    """Write styled lines to standard output, as `write_report` does; on a terminal so that they fit its width."""
    fitted = _fit_lines(lines, sys.stdout)
    return write_report(lambda stream: write_lines(fitted, stream, colour=should_use_colour(stream)))


def write_report_text(texts: Iterable[str]) -> None:
    """Write plain lines to standard output."""
    write_report(lambda stream: stream.writelines(f"{text}\n" for text in texts))


def write_github_report(texts: Iterable[str], summary: str) -> None:
    """Write the lines for the log of a GitHub job, and the Markdown report to its summary."""
    from reconciler.cli.step_summary import append_step_summary
    from reconciler.report.github import render_warning

    problem = append_step_summary(summary, os.environ)
    write_report_text([*texts, *([render_warning(problem)] if problem else [])])


def print_stderr(*lines: Line) -> None:
    """Write styled lines to standard error; on a terminal so that they fit its width."""
    write_lines(_fit_lines(lines, sys.stderr), sys.stderr, colour=should_use_colour(sys.stderr))


def make_rich_console(stream: TextIO, *, soft_wrap: bool = False) -> Console:
    """Return the stream for what rich draws. Without colours nothing is bold or dim either, as in all other output."""
    from rich.console import Console  # only here: a pipe need not wait for the import

    color_system: Literal["auto"] | None = "auto" if should_use_colour(stream) else None
    return Console(file=stream, highlight=False, soft_wrap=soft_wrap, color_system=color_system)


def _fit_lines(lines: Iterable[Line], stream: TextIO) -> Iterable[Line]:
    width = measure_terminal(stream)
    if width is None:
        return lines
    from reconciler.report.text.layout import fit_lines  # a pipe does not need it

    return fit_lines(lines, width)


def check_output_path(path: Path, option: str) -> None:
    """Raise `CommandFailure` for a path that no file can be written to, before anything is done."""
    if not path.parent.is_dir():
        raise CommandFailure(f"{option}: there is no folder {path.parent}", 4)
    if path.is_dir():
        raise CommandFailure(f"{option}: {path} is a folder. Name a file", 4)


def save_output(path: Path, writer: ReportWriter, subject: str = "report") -> None:
    """Write a file atomically: a reader sees the old content or the new. Raises `CommandFailure`.

    `subject`: the noun of what is written.
    """
    try:
        if path.exists() and not path.is_file():  # a pipe or a device cannot be replaced
            with path.open("w", encoding="ascii") as stream:
                writer(stream)
            return
        write_atomically(path, lambda stream: _write_ascii(writer, stream), sync=False)
    except OSError as error:
        raise CommandFailure(f"the {subject} could not be written to {path}: {error.strerror}", 1) from error


def _write_ascii(writer: ReportWriter, stream: BinaryIO) -> None:
    text = io.TextIOWrapper(stream, encoding="ascii")
    writer(text)
    text.detach()


def report_failure(settings: Settings, failure: CommandFailure) -> None:
    """Report a failure: in the requested format on standard output, and for people on standard error."""
    message, problems = str(failure), failure.problems
    if settings.output is OutputFormat.JSON:
        from reconciler.report.json.common import write_failure

        write_report(lambda stream: write_failure(failure.exit_code, message, problems, stream, failure.detail_lines))
    elif settings.output is OutputFormat.MARKDOWN:
        from reconciler.report.markdown import render_problems_markdown

        write_report(lambda stream: stream.write(render_problems_markdown(problems, message)))
    elif settings.output is OutputFormat.GITHUB:
        from reconciler.report.github import render_problem_annotations
        from reconciler.report.markdown import render_problems_markdown

        annotations = render_problem_annotations(problems, message, make_repository_relative)
        write_github_report(annotations, render_problems_markdown(problems, message))
        return  # a GitHub job shows both streams in one log
    print_failure(settings, failure)


def print_failure(settings: Settings, failure: CommandFailure) -> None:
    """Print a failure on standard error only, as text or as log lines."""
    problems = failure.problems
    if settings.log_format is LogFormat.JSON:
        _log_failure(settings, failure)
    else:
        shown = MAX_SHOWN_PROBLEMS if sys.stderr.isatty() else len(problems)
        print_stderr(*render_problems(problems[:shown], "error", measure_terminal(sys.stderr)))
        if len(problems) > shown:
            print_stderr(make_line((f"… and {len(problems) - shown:,} more; --output json shows all", Style.DIM)))
        print_stderr(make_line(("error: ", Style.DELETE), str(failure)))
        if problems:
            print_stderr(make_line((f"reconcile explain-error {problems[0].code} explains the code", Style.DIM)))
        if failure.detail_lines:
            print_stderr(EMPTY_LINE, *(make_line("  ", (text, Style.COPY)) for text in failure.detail_lines))


def print_problems(settings: Settings, warnings: Sequence[Problem]) -> None:
    """Print the warnings of the desired state, unless the report contains them."""
    if settings.output is not OutputFormat.TEXT or settings.quiet:
        return
    if settings.log_format is LogFormat.JSON:
        for problem in warnings:
            _log_problem("warning", problem)
    else:
        print_stderr(*render_problems(warnings, "warning", measure_terminal(sys.stderr)))


def print_warning(settings: Settings, message: str) -> None:
    """Print a warning on standard error."""
    _print_message(settings, logging.WARNING, message)


def print_info(settings: Settings, message: str) -> None:
    """Print a message on standard error."""
    _print_message(settings, logging.INFO, message)


def _print_message(settings: Settings, level: int, message: str) -> None:
    if settings.quiet:
        return
    if settings.log_format is LogFormat.JSON:
        import structlog

        structlog.get_logger().log(level, message)
    elif level == logging.WARNING:
        print_stderr(make_line(("warning: ", Style.WAIT), message))
    else:
        print_stderr(make_line(message))


def make_repository_relative(file: str) -> str:
    """Return a file's path from the top of the repository, as GitHub expects it, if `GITHUB_WORKSPACE` is set."""
    variable = os.environ.get("GITHUB_WORKSPACE")
    if not variable:
        return file
    top, path = Path(variable).resolve(), Path(os.path.normpath(Path.cwd() / file))
    return str(path.relative_to(top)) if path.is_relative_to(top) else file


def _log_failure(settings: Settings, failure: CommandFailure) -> None:
    import structlog

    logs.configure(settings)  # the failure may be earlier than the command's own call
    for problem in failure.problems:
        _log_problem("error", problem)
    structlog.get_logger().error(str(failure), exit_code=failure.exit_code)


def _log_problem(level: str, problem: Problem) -> None:
    import structlog

    from reconciler.report.json.common import problem_json

    details = problem_json(problem)
    structlog.get_logger().log(logging.getLevelName(level.upper()), details.pop("message"), **details)
