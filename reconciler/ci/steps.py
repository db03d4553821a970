"""The steps of the action, in their order. Each returns its exit code; a step that has nothing to do says why.

A pull request without secrets is validated and compared, and planned only with a saved snapshot. One with secrets is
planned, unless it changes the file that says where the secrets may go.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from reconciler.ci.comment import build_comment, make_marker
from reconciler.ci.comments import CommentApi, CommentError
from reconciler.ci.git import MissingCommit, find_base_commit, has_path_at, is_changed_since
from reconciler.ci.job import CiJob
from reconciler.report.github import render_warning
from reconciler.report.sanitize import format_code_span
from reconciler.report.text.lines import make_line, render_plain

_CHANGES_EXIT_CODE: Final = 2  # of --detailed-exitcode
# of `diff`: changes; the guard would refuse; the earlier state is invalid
_INFORMING_EXIT_CODES: Final = frozenset({2, 3, 4})


def validate(job: CiJob) -> int:
    """Check the desired state offline."""
    shutil.rmtree(job.folder)  # what an earlier use of the action in this job has left
    job.folder.mkdir(mode=0o700)
    return job.run_reconcile("validate", *_lock_options(job), "validate", "-f", job.file)


def diff(job: CiJob) -> int:
    """Show what the change of the files does. It informs: what the guard would refuse is for the plan to fail on."""
    note = "No comparison with an earlier state"
    try:
        base = find_base_commit(job.event, job.workspace)
    except MissingCommit as missing:
        job.add_note(note, str(missing))
        return 0
    if not has_path_at(job.workspace, base, job.file):
        job.add_note(note, f"{job.file} is new")
        return 0
    code = job.run_reconcile("diff", "diff", f"git:{base}:./{job.file}", job.file)
    return 0 if code in _INFORMING_EXIT_CODES else code


def plan(job: CiJob) -> int:
    """Show what a run would do: against the instances, or against a saved snapshot."""
    if reason := _find_plan_obstacle(job):
        job.write_page("plan", f"### reconcile: no plan\n\n{reason}\n")
        print(render_plain(make_line(f"No plan: {reason}")), flush=True)  # noqa: T201
        return 0
    if job.applies:
        print("No plan: this job applies it, and reports what it does.", flush=True)  # noqa: T201
        return 0
    live = ["--live", job.live] if job.live else []
    arguments = [*_lock_options(job), "-f", job.file, "--dry-run", "--detailed-exitcode", *live]
    code = job.run_reconcile("plan", *arguments, "--report", str(job.plan_report))
    job.set_output("exit-code", str(code))
    job.set_output("plan-hash", _read_plan_hash(job.plan_report))
    job.set_output("report", str(job.plan_report))
    return 0 if code == _CHANGES_EXIT_CODE else code


def comment(job: CiJob) -> int:
    """Write the comment on the pull request, or say in the job summary why there is none. Never fails the job."""
    number = job.event.pull_request
    if number is None or not job.is_on("INPUT_COMMENT"):
        return 0
    note = "No comment on this pull request, this summary has the whole report"
    if job.event.restriction:
        job.add_note(note, job.event.restriction)
        return 0
    pages = [page for page in map(job.read_page, ("diff", "plan")) if page] or [job.read_page("validate")]
    try:
        api = CommentApi(job.environ, job.event.repository)
        api.write_comment(number, make_marker(job.key), build_comment(job, pages))
    except CommentError as error:
        print(render_warning(f"no comment on this pull request: {error}"), flush=True)  # noqa: T201
        job.add_note(note, str(error))
    return 0


def apply(job: CiJob) -> int:
    """Apply the desired state, in a job of the default branch."""
    return job.run_reconcile("apply", *_lock_options(job), "-f", job.file) if job.applies else 0


STEPS: Final[Mapping[str, Callable[[CiJob], int]]] = MappingProxyType(
    {step.__name__: step for step in (validate, diff, plan, comment, apply)}
)


def _find_plan_obstacle(job: CiJob) -> str:
    """Return the reason why this job makes no plan, as a sentence, or ""."""
    event = job.event
    if not event.can_plan:
        return f"The event {event.name} may come with files of others, so this job uses no secrets."
    if event.restriction and not job.live:
        return (
            f"This job cannot read the instances: {event.restriction}. With `live:`, a plan is made from a saved "
            "snapshot; without it, after the merge."
        )
    relied_on = {"secrets-for": job.secrets_for, "live": job.live} if event.pull_request is not None else {}
    try:
        changed = [name for name, path in relied_on.items() if path and _is_changed(job, path)]
    except MissingCommit as missing:
        reason = format_code_span(str(missing))
        return f"It is not known if this pull request changes the files that a plan relies on: {reason}"
    if changed:
        return f"This pull request changes the file of `{changed[0]}:`, so the plan is made after the merge."
    return ""


def _is_changed(job: CiJob, path: str) -> bool:
    """Return True if the pull request changes the file. Others are not part of it. Raises `MissingCommit`."""
    named = Path(job.workspace, path)
    base = find_base_commit(job.event, job.workspace)
    return any(
        is_changed_since(job.workspace, base, str(place.relative_to(job.workspace)))
        for place in (Path(os.path.normpath(named)), named.resolve())
        if place.is_relative_to(job.workspace)
    )


def _lock_options(job: CiJob) -> list[str]:
    return ["--secrets-for", job.secrets_for] if job.secrets_for else []


def _read_plan_hash(report: Path) -> str:
    """Return the hash of the plan in a report, or "" if the run made none."""
    try:
        return str(json.loads(report.read_text(encoding="utf-8")).get("plan_hash", ""))
    except (OSError, ValueError):
        return ""
