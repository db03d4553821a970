"""The text of the comment on a pull request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from reconciler.ci.job import CiJob
from reconciler.report.markdown import cut_markdown
from reconciler.report.sanitize import escape_html

MAX_BODY_LENGTH: Final = 65_536  # characters: GitHub refuses a longer one
_FOOT_LENGTH: Final = 1_000  # characters, at most


def make_marker(key: str) -> str:
    """Return the line by which a comment is found again. It is not shown."""
    return f"<!-- reconcile-action {key} -->"


def build_comment(job: CiJob, pages: Sequence[str]) -> str:
    """Return the reports of the steps as one comment. What does not fit is counted."""
    head, foot = make_marker(job.key), _render_foot(job)
    room = MAX_BODY_LENGTH - len(head) - len(foot) - len(pages) - 2
    sections = []
    for index, page in enumerate(pages):
        sections.append(cut_markdown(page, room // (len(pages) - index)))
        room -= len(sections[-1])
    return "\n".join([head, *sections, foot])


def _render_foot(job: CiJob) -> str:
    """Return the desired state, the commit and a link to the job, which has the whole report."""
    commit = job.event.head or job.environ.get("GITHUB_SHA", "")
    server, run = job.environ.get("GITHUB_SERVER_URL", ""), job.environ.get("GITHUB_RUN_ID", "")
    link = f"{server}/{quote(job.event.repository)}/actions/runs/{quote(run)}" if server and run else ""
    more = f' · <a href="{escape_html(link)}">job</a>' if link else ""
    return f"<sub><code>{escape_html(job.file)}</code> at <code>{escape_html(commit)}</code>{more}</sub>"[:_FOOT_LENGTH]
