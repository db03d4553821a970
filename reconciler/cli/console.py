"""Writing: the report to standard output and to a file, messages to standard error."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TextIO

from reconciler.cli import logs
from reconciler.cli.settings import Failure, LogFormat, Output, Settings, colourful
from reconciler.model.position import Position, Problem
from reconciler.report.text.lines import EMPTY, Line, Style, line, write
from reconciler.report.text.problems import problem_lines

Writer = Callable[[TextIO], object]
SHOWN = 50  # problems on a terminal, where the first ones would scroll away


def publish(writer: Writer) -> bool:
    """Write a report to standard output. A full disk is an error; a reader that has gone away is none: False."""
    try:
        writer(sys.stdout)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the flush at exit fails once more
        return False
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise Failure(f"the report could not be written to standard output: {error.strerror}", 1) from error
    return True


def publish_lines(lines: Iterable[Line]) -> bool:
    """Write styled lines to standard output, as `publish`."""
    return publish(lambda stream: write(lines, stream, colour=colourful(stream)))


def publish_text(texts: Iterable[str]) -> None:
    """Write bare lines to standard output."""
    publish(lambda stream: stream.writelines(f"{text}\n" for text in texts))


def tell(*lines: Line) -> None:
    """Write to standard error."""
    write(lines, sys.stderr, colour=colourful(sys.stderr))


def check_report_path(path: Path) -> None:
    """Fail before anything is done rather than after it."""
    if not path.parent.is_dir():
        raise Failure(f"--report: there is no folder {path.parent}", 4)
    if path.is_dir():
        raise Failure(f"--report: {path} is a folder; give it a file's name", 4)


def save_report(path: Path, writer: Writer) -> None:
    """Write the report to a file so that a reader sees the old one or the new one whole, and nothing between."""
    try:
        if path.exists() and not path.is_file():  # a pipe or a device cannot be replaced
            with path.open("w", encoding="ascii") as stream:
                writer(stream)
            return
        target = path.resolve()
        temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        try:
            with temporary.open("x", encoding="ascii") as stream:
                writer(stream)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise Failure(f"the report could not be written to {path}: {error.strerror}", 1) from error


def complain(settings: Settings, failure: Failure) -> None:
    """Say what is wrong: for people on standard error, and in the report form that was asked for."""
    message, problems = str(failure), failure.problems
    if settings.output is Output.JSON:
        from reconciler.report.json.common import write_failure

        publish(lambda stream: write_failure(failure.exit_code, message, problems, stream, failure.more))
    elif settings.output is Output.MARKDOWN:
        from reconciler.report.markdown import problems_markdown

        publish(lambda stream: stream.write(problems_markdown(problems, message)))
    elif settings.output is Output.GITHUB:
        from reconciler.report.github import problem_commands

        publish_text(problem_commands(problems, message, in_repository))
        return  # the annotations stand in the same log
    say(settings, failure)


def say(settings: Settings, failure: Failure) -> None:
    """Say what is wrong on standard error alone, as text or as log lines."""
    problems = failure.problems
    if settings.log_format is LogFormat.JSON:
        _log(settings, failure)
    else:
        shown, with_source = (SHOWN, _source_line) if sys.stderr.isatty() else (len(problems), None)
        tell(*problem_lines(problems[:shown], "error", None if failure.unwritten else with_source))
        if len(problems) > shown:
            tell(line((f"… and {len(problems) - shown:,} more; --output json shows all", Style.DIM)))
        tell(line(("error: ", Style.DELETE), str(failure)))
        if failure.more:
            tell(EMPTY, *(line("  ", (text, Style.STRONG)) for text in failure.more))


def warn(settings: Settings, warnings: Sequence[Problem]) -> None:
    """Say what is doubtful in the desired state, where the report does not."""
    if settings.output is not Output.TEXT or settings.quiet:
        return
    if settings.log_format is LogFormat.JSON:
        for problem in warnings:
            _log_problem("warning", problem)
    else:
        tell(*problem_lines(warnings, "warning"))


def caution(settings: Settings, message: str) -> None:
    """Say on standard error what does not keep the command from its work."""
    if settings.quiet:
        return
    if settings.log_format is LogFormat.JSON:
        import structlog

        structlog.get_logger().warning(message)
    else:
        tell(line(("warning: ", Style.WAIT), message))


def inform(settings: Settings, message: str) -> None:
    """Say on standard error how far it is."""
    if settings.quiet:
        return
    if settings.log_format is LogFormat.JSON:
        import structlog

        structlog.get_logger().info(message)
    else:
        tell(line(message))


def in_repository(file: str) -> str:
    """A file as GitHub knows it: from the top of the repository, not from the folder the command ran in."""
    top = os.environ.get("GITHUB_WORKSPACE")
    path = Path.cwd() / file
    return str(path.relative_to(top)) if top and path.is_relative_to(top) else file


def _log(settings: Settings, failure: Failure) -> None:
    import structlog

    logs.configure(settings)  # a failure may come before the command has
    for problem in failure.problems:
        _log_problem("error", problem)
    structlog.get_logger().error(str(failure), exit_code=failure.exit_code)


def _log_problem(level: str, problem: Problem) -> None:
    import structlog

    at = problem.at
    structlog.get_logger().log(
        logging.getLevelName(level.upper()),
        problem.message,
        file=at.file,
        line=at.line,
        column=at.column,
        mend=problem.mend,
    )


def _source_line(at: Position) -> str | None:
    try:
        with Path(at.file).open(encoding="utf-8-sig") as stream:
            return next((text for number, text in enumerate(stream, 1) if number == at.line), None)
    except (OSError, UnicodeDecodeError):
        return None
