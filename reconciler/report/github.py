"""A run as GitHub's log and annotations: the plan in a group, then a note at each place of the YAML that leads to a
change, a warning or an error where something went wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.model.plan import Kind, Outcome
from reconciler.model.position import Position, Problem
from reconciler.model.run import ActionResult, InstanceResult, Run, Status
from reconciler.report.phrases import change_text, shout, sign, told, told_value, without_name
from reconciler.report.sanitize import annotation_message, annotation_property
from reconciler.report.summary import sentence
from reconciler.report.text.lines import plain
from reconciler.report.text.run import run_lines

SHOWN: Final = 10  # of each level: GitHub shows no more for one step
_LEVELS: Final = ("error", "warning", "notice")
_BAD: Final = {Outcome.FAILED: "error", Outcome.BLOCKED: "error", Outcome.DROPPED: "warning"}

Locate = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class _Note:
    level: str
    title: str
    message: tuple[str, ...]
    at: Position | None = None


def run_commands(run: Run, command: str, locate: Locate) -> Iterator[str]:
    """The lines to print. `locate` turns a file's name into its path in the repository."""
    yield "::group::reconcile: " + annotation_message(sentence(run))
    yield from (plain(one) for one in run_lines(run, command))
    yield "::endgroup::"
    notes = [*_warnings(run.warnings), *(note for instance in run.instances for note in _instance(instance, run))]
    notes += (_Note("warning", f"{one.group}: pending {one.name}", (one.reason,), one.source) for one in run.pending)
    yield from _commands(notes, locate)
    yield sentence(run)


def problem_commands(problems: Sequence[Problem], error: str, locate: Locate) -> Iterator[str]:
    """An invalid desired state: an error at each place."""
    notes = [_Note("error", "invalid desired state", (_said(problem),), problem.at) for problem in problems]
    yield from _commands(notes or [_Note("error", "reconcile", (error,))], locate)
    yield error


def warning_commands(warnings: Sequence[Problem], locate: Locate) -> Iterator[str]:
    """What a valid desired state leaves doubtful: a warning at each place."""
    return _commands(list(_warnings(warnings)), locate)


def _said(problem: Problem) -> str:
    return problem.message + (f". {problem.mend}" if problem.mend else "")


def _warnings(warnings: Iterable[Problem]) -> Iterator[_Note]:
    return (_Note("warning", "desired state", (_said(problem),), problem.at) for problem in warnings)


def _instance(instance: InstanceResult, run: Run) -> Iterator[_Note]:
    if instance.status not in (Status.OK, Status.SUSPENDED):
        yield _Note(
            "error", f"{instance.name}: {instance.status}", (without_name(instance.name, instance.error or ""),)
        )
    if instance.verdict.refused:
        approve = f"To approve exactly this plan: --accept-plan {run.plan_hash}"
        yield _Note("error", f"{instance.name}: refused by the guard", (*instance.verdict.reasons, approve))
    yield from (_action(instance.name, result) for result in instance.results)


def _action(instance: str, result: ActionResult) -> _Note:
    action, outcome = result.action, result.outcome
    loud = shout(action, outcome)
    level = _BAD.get(outcome) or ("warning" if loud or outcome is Outcome.DEFERRED else "notice")
    _, word, _ = sign(action, outcome)
    what = action.name if action.kind is Kind.TORRENT else f"{action.kind} {action.name}"
    parts = [action.reason, loud, *(_change(result)), result.error or ""]
    return _Note(level, f"{instance}: {word} {what}", tuple(part for part in parts if part), action.source)


def _change(result: ActionResult) -> Iterator[str]:
    for change in told(result.action):
        yield (
            f"{change.field}: {told_value(change.field, change.after)}"
            if change.before is None
            else change_text(change)
        )


def _commands(notes: Sequence[_Note], locate: Locate) -> Iterator[str]:
    """The first of each level, the worst level first."""
    for level in _LEVELS:
        ours = [note for note in notes if note.level == level]
        for note in ours[:SHOWN]:
            yield _command(note, locate)
        if len(ours) > SHOWN:
            yield f"… and {len(ours) - SHOWN:,} more of this kind; --output json shows all"


def _command(note: _Note, locate: Locate) -> str:
    properties = [f"title={annotation_property(note.title)}"]
    if note.at:
        file = annotation_property(locate(note.at.file))
        properties = [f"file={file}", f"line={note.at.line}", f"col={note.at.column}", *properties]
    return f"::{note.level} {','.join(properties)}::{annotation_message(*note.message)}"
