"""The event that started a job, as the runner describes it in variables and in a JSON file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from reconciler.model.lazy_dataclass import dataclass

_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_PLAN_EVENTS: Final = frozenset({"pull_request", "push", "schedule", "workflow_dispatch", "merge_group"})
_APPLY_EVENTS: Final = frozenset({"push", "schedule", "workflow_dispatch"})


class ActionError(Exception):
    """The action cannot do its work here; the message says what to change."""


@dataclass(frozen=True, slots=True)
class JobEvent:
    """The event of a job. `base` and `head` are commits; `base` is the one to compare with, or "".

    `restriction`: why the job has no secrets and may not write, as a clause, or "".
    """

    name: str
    repository: str
    base: str = ""
    head: str = ""
    pull_request: int | None = None
    restriction: str = ""
    is_default_branch: bool = False

    @property
    def can_plan(self) -> bool:
        """True if the files are from this repository, or from a pull request that is known to be one."""
        return self.name in _PLAN_EVENTS

    @property
    def can_apply(self) -> bool:
        """True if the files are those of the default branch."""
        return self.is_default_branch and self.name in _APPLY_EVENTS


def read_event(environ: Mapping[str, str]) -> JobEvent:
    """Return the event that the variables of a runner describe. Raises `ActionError`."""
    name = environ.get("GITHUB_EVENT_NAME", "")
    if name == "pull_request_target":
        raise ActionError(
            "this action does not run on pull_request_target, which gives the secrets of the repository to a job with "
            "the files of a fork. Use on: pull_request"
        )
    payload = _read_payload(environ.get("GITHUB_EVENT_PATH", ""))
    repository = environ.get("GITHUB_REPOSITORY", "")
    if name == "pull_request":
        return _read_pull_request(payload, repository, environ.get("GITHUB_ACTOR", ""))
    default_branch = _dig(payload, "repository", "default_branch")
    group = "merge_group" if name == "merge_group" else ""
    return JobEvent(
        name,
        repository,
        _commit(_dig(payload, group, "base_sha") if group else payload.get("before")),
        is_default_branch=bool(default_branch) and environ.get("GITHUB_REF") == f"refs/heads/{default_branch}",
    )


def _read_pull_request(payload: Mapping[str, Any], repository: str, actor: str) -> JobEvent:
    number = _dig(payload, "pull_request", "number")
    if not isinstance(number, int):
        raise ActionError("the event names no pull request. Is GITHUB_EVENT_PATH the file of the runner?")
    return JobEvent(
        "pull_request",
        repository,
        _commit(_dig(payload, "pull_request", "base", "sha")),
        _commit(_dig(payload, "pull_request", "head", "sha")),
        number,
        _restriction_text(_dig(payload, "pull_request", "head", "repo", "full_name"), repository, actor),
    )


def _restriction_text(source: object, repository: str, actor: str) -> str:
    if source != repository:
        return "it comes from a fork, and such a job gets no secrets and a token that can only read"
    if actor == "dependabot[bot]":
        return "it comes from Dependabot, and such a job gets no secrets and a token that can only read"
    return ""


def _read_payload(path: str) -> Mapping[str, Any]:
    try:
        payload = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ActionError(f"the event of this job could not be read from GITHUB_EVENT_PATH: {error}") from error
    return payload if isinstance(payload, dict) else {}


def _dig(value: Any, *keys: str) -> Any:
    """Return the value below these keys, or None."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _commit(value: object) -> str:
    """Return a commit, or "" for anything else, such as the zeros that stand before the first commit of a branch."""
    text = value if isinstance(value, str) else ""
    return text if _COMMIT.match(text) and text.strip("0") else ""
