"""The event of a job."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.ci.event import ActionError, read_event
from tests.support.action import BASE, HEAD, make_pull_request


def read(folder: Path, name: str, payload: Any, **variables: str) -> Any:
    """Return the event that a runner describes in this way."""
    file = folder / "event.json"
    file.write_text(json.dumps(payload))
    return read_event(
        {
            "GITHUB_EVENT_NAME": name,
            "GITHUB_EVENT_PATH": str(file),
            "GITHUB_REPOSITORY": "home/torrents",
            "GITHUB_REF": "refs/heads/main",
            **variables,
        }
    )


def test_a_pull_request_of_the_same_repository(tmp_path: Path) -> None:
    event = read(tmp_path, "pull_request", make_pull_request())
    assert (event.pull_request, event.base, event.head, event.restriction) == (7, BASE, HEAD, "")
    assert event.can_plan and not event.can_apply


@pytest.mark.parametrize("source", ["stranger/torrents", None])
def test_a_fork_is_restricted_and_so_is_one_that_was_deleted(tmp_path: Path, source: str | None) -> None:
    assert "it comes from a fork" in read(tmp_path, "pull_request", make_pull_request(source)).restriction


def test_dependabot_is_restricted(tmp_path: Path) -> None:
    event = read(tmp_path, "pull_request", make_pull_request(), GITHUB_ACTOR="dependabot[bot]")
    assert "it comes from Dependabot" in event.restriction


@pytest.mark.parametrize(
    ("name", "ref", "expected"),
    [
        ("push", "refs/heads/main", (True, True)),
        ("schedule", "refs/heads/main", (True, True)),
        ("workflow_dispatch", "refs/heads/main", (True, True)),
        ("push", "refs/heads/main2", (True, False)),
        ("push", "refs/tags/main", (True, False)),
        ("merge_group", "refs/heads/main", (True, False)),
        ("workflow_run", "refs/heads/main", (False, False)),
        ("issue_comment", "refs/heads/main", (False, False)),
    ],
)
def test_only_the_default_branch_is_applied(tmp_path: Path, name: str, ref: str, expected: tuple[bool, bool]) -> None:
    event = read(tmp_path, name, {"repository": {"default_branch": "main"}}, GITHUB_REF=ref)
    assert (event.can_plan, event.can_apply) == expected
    assert not read(tmp_path, name, {}, GITHUB_REF="refs/heads/").can_apply


def test_the_commit_before_a_push_and_before_a_merge_group(tmp_path: Path) -> None:
    assert read(tmp_path, "push", {"before": BASE}).base == BASE
    assert read(tmp_path, "merge_group", {"merge_group": {"base_sha": BASE}}).base == BASE
    for before in ("0" * 40, None, 5, "--upload-pack=x", f"{BASE}\n"):
        assert read(tmp_path, "push", {"before": before}).base == ""


def test_pull_request_target_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ActionError, match="Use on: pull_request"):
        read(tmp_path, "pull_request_target", make_pull_request())


def test_an_event_without_its_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ActionError, match="the event of this job could not be read"):
        read_event({"GITHUB_EVENT_NAME": "push", "GITHUB_EVENT_PATH": str(tmp_path / "none")})
    payloads: list[Any] = [[], {}, {"pull_request": {"number": "7"}}]
    for payload in payloads:
        with pytest.raises(ActionError, match="names no pull request"):
            read(tmp_path, "pull_request", payload)
