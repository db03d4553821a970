"""The explanation of one torrent: its reasons, its recent runs, and unknown or ambiguous names."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from reconciler.model.desired import DesiredState
from reconciler.model.errors import AuthenticationError
from reconciler.model.explanation import Explanation
from reconciler.model.history import PastAction, PastRun
from reconciler.model.plan import ObjectKind, Outcome, Verb
from reconciler.model.run import RunMode
from reconciler.queries.explain import compare_fields, explain_torrent
from reconciler.queries.torrent_lookup import AmbiguousTorrent
from reconciler.report.json.explanation import write_explanation
from reconciler.report.text.explanation import render_candidates, render_explanation
from reconciler.report.text.lines import render_plain
from reconciler.retry import utc_now
from reconciler.testing.memory import MemoryInstance
from tests.support.fake_retry import fake_context
from tests.support.planner_inputs import (
    make_desired_state,
    make_desired_torrent,
    make_live_torrent,
    make_snapshot,
    parse_hashes,
)


def explained(desired: DesiredState, boxes: Mapping[str, MemoryInstance], text: str, **more: Any) -> Explanation:
    context = fake_context(lambda instance, stop: boxes[instance.name], utc=utc_now)
    return explain_torrent(desired, text, (), context, **more)


def box_of(case: Mapping[str, Any]) -> MemoryInstance:
    snapshot = make_snapshot(case["live"], case.get("categories"))
    box = MemoryInstance()
    box.torrents = {torrent.id: torrent for torrent in snapshot.torrents}
    box.live_categories = dict(snapshot.categories)
    return box


CASE: dict[str, Any] = {
    "guard": {"max_delete": 0},
    "desired": [
        {"hash": "a", "category": "linux", "tags": ["x"]},
        {"hash": "b", "category": "films"},
        {"hash": "c", "category": "films"},
        {"hash": "d"},
        {"hash": "g+g2", "state": "absent"},
    ],
    "live": [
        {"hash": "a", "name": "Debian", "category": "films", "tags": ["reconcile:home", "y"], "size": 2**30},
        {"hash": "b", "name": "Theirs", "tags": ["reconcile:work"]},
        {"hash": "c", "name": "Ignored", "tags": ["reconcile:ignore"]},
        {"hash": "e", "name": "Undeclared", "tags": ["reconcile:home"]},
        {"hash": "f", "name": "Foreign"},
        {"hash": "f2", "name": "Foreign"},
        {"hash": "g2", "name": "Unwanted"},
    ],
}


def explain_as_text(text: str) -> str:
    explanation = explained(make_desired_state(CASE), {"box": box_of(CASE)}, text)
    stream = io.StringIO()
    write_explanation(explanation, stream)
    assert json.loads(stream.getvalue())["infohash"] == explanation.infohash
    return "\n".join(render_plain(line) for line in render_explanation(explanation))


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        (
            "Debian",
            [
                "declared  desired.yaml:1:1",
                "stalledDL · 0 % · 1.0 GiB",
                "ours (reconcile:home)",
                "~ update: category and tags differ",
                "category: films → linux",
                "refused: nothing is executed on this instance",
                "category   linux        films       differs",
                "save_path  not managed  /downloads",
            ],
        ),
        ("theirs", ["another owner: reconcile:work", '! blocked: it belongs to the owner "work"']),
        ("Ignored", ["left alone: it has the tag reconcile:ignore", "category   films        (none)      differs"]),
        ("d", ["live      not here", "+ add: not on the instance"]),
        ("Undeclared", ["declared  nowhere", "- delete: no longer declared", "2 deletions are more than max_delete 0"]),
        (str(parse_hashes("f").v1), ["declared  nowhere", "neither declared nor ours, so never touched"]),
        ("Unwanted", ["absent: the torrent should not be here", "- delete: declared absent"]),
    ],
)
def test_explain_names_the_reason(text: str, phrases: list[str]) -> None:
    said = explain_as_text(text)
    for phrase in phrases:
        assert phrase in said, said


def test_unknown_and_ambiguous_names() -> None:
    with pytest.raises(AmbiguousTorrent, match='no declared or live torrent matches "Debina"') as error:
        explain_as_text("Debina")
    assert [candidate.name for candidate in error.value.candidates] == ["Debian"]
    assert render_candidates(error.value.candidates)[0].endswith("desired.yaml:1:1, box")
    with pytest.raises(AmbiguousTorrent, match='"Foreign" matches 2 torrents') as error:
        explain_as_text("Foreign")
    assert {candidate.infohash for candidate in error.value.candidates} == {parse_hashes("f").v1, parse_hashes("f2").v2}


def test_explain_lists_recent_runs_from_the_journal() -> None:
    box, desired = box_of(CASE), make_desired_state(CASE)
    noon, change = datetime(2026, 11, 20, 12, tzinfo=UTC), "category: none -> linux"
    tried = PastAction(
        "box", Verb.UPDATE, ObjectKind.TORRENT, "Debian", parse_hashes("a").v1, change, Outcome.FAILED, "full"
    )
    runs = [PastRun(1, "home", noon, 0.5, RunMode.APPLY, "command", "sha256:0", 1, (), (tried,))]
    explanation = explained(
        desired,
        {"box": box},
        "Debian",
        recent_runs=lambda torrent: runs if torrent == parse_hashes("a").v1 else [],
    )
    said = [render_plain(line) for line in render_explanation(explanation)]
    assert said[-3] == "recent runs"
    assert said[-1].split()[2:] == f"box ! {change} failed: full".split()
    stream = io.StringIO()
    write_explanation(explanation, stream)
    assert json.loads(stream.getvalue())["recent_runs"][0]["actions"][0]["error"] == "full"


@pytest.mark.parametrize("text", ["Gone", "00000000000000000000000000000000000000e9", "0000000000"])
def test_a_torrent_of_the_past_is_explained_by_the_journal(text: str) -> None:
    noon, infohash = datetime(2026, 11, 20, 12, tzinfo=UTC), "00000000000000000000000000000000000000e9"
    deleted = PastAction("box", Verb.DELETE, ObjectKind.TORRENT, "Gone", infohash, "", Outcome.APPLIED, None)
    runs = [PastRun(1, "home", noon, 0.5, RunMode.APPLY, "command", "sha256:0", 0, (), (deleted,))]
    explanation = explained(make_desired_state(CASE), {"box": box_of(CASE)}, text, recent_runs=lambda _: runs)
    said = [render_plain(line) for line in render_explanation(explanation)]
    assert said[0] == f"Gone   {infohash}"
    assert "neither declared nor live on box" in said
    assert said[-1].split()[2:] == ["box", "-", "delete"]


def test_a_category_of_the_past_is_no_torrent() -> None:
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    made = PastAction("box", Verb.ADD, ObjectKind.CATEGORY, "Gone", None, "", Outcome.APPLIED, None)
    runs = [PastRun(1, "home", noon, 0.5, RunMode.APPLY, "command", "sha256:0", 0, (), (made,))]
    with pytest.raises(AmbiguousTorrent, match='no declared or live torrent matches "Gone"'):
        explained(make_desired_state(CASE), {"box": box_of(CASE)}, "Gone", recent_runs=lambda _: runs)


def test_explain_reports_an_instance_that_cannot_be_read() -> None:
    box = box_of(CASE)
    box.fail_next(5, AuthenticationError("box: the credentials were refused"))
    explanation = explained(make_desired_state(CASE), {"box": box}, "d")
    assert explanation.exit_code == 1
    said = "\n".join(render_plain(line) for line in render_explanation(explanation))
    assert "auth_failed" in said and "the credentials were refused" in said and "declared  desired.yaml:4:1" in said
    box.fail_next(5, AuthenticationError("box: the credentials were refused"))
    with pytest.raises(AmbiguousTorrent, match="box could not be read"):
        explained(make_desired_state(CASE), {"box": box}, "zzz")


def test_explain_covers_each_member_of_a_group() -> None:
    case = {
        "groups": {"g": {"strategy": "failover", "members": ["a", "b", "c"]}},
        "instances": ["a", "b", "c"],
        "desired": [{"hash": "x", "instance": "g"}],
    }
    boxes = {name: MemoryInstance() for name in "abc"}
    boxes["a"].fail_next(5, AuthenticationError("a: the credentials were refused. Correct them"))
    explanation = explained(make_desired_state(case), boxes, "x")
    said = [render_plain(line) for line in render_explanation(explanation)]
    assert re.fullmatch(
        r"pending   g: waits until .*: a may have it and is down since .* UTC: the credentials were refused; "
        "it goes to b then",
        said[1],
    )
    of_each = [line.removeprefix("  group     ") for line in said if line.startswith("  group ")]
    assert of_each == [
        "g (failover): unknown until the instance can be read",
        "g (failover): not placed on this member",
        "g (failover): not placed on this member",
    ]


def test_a_comparison_shows_main_fields_always_and_options_only_if_set() -> None:
    entry = make_desired_torrent({"hash": "a", "category": "linux", "upload_limit": 1024}, 1)
    live = make_live_torrent({"hash": "a", "category": "films", "sequential": True})
    shown = {row.field: (row.declared, row.live, row.differs) for row in compare_fields(entry, live)}
    assert shown["category"] == ("linux", "films", True)
    assert shown["save_path"] == (None, "/downloads", False)
    assert shown["upload_limit"] == (1024, 0, True)
    assert shown["sequential"] == (None, True, False)
    assert "download_limit" not in shown, "it is neither declared nor set"


def test_an_absent_or_unmatched_entry_differs_in_nothing() -> None:
    entry, live = make_desired_torrent({"hash": "a", "category": "x"}, 1), make_live_torrent({"hash": "a"})
    for comparison in (compare_fields(replace(entry, absent=True), live), compare_fields(entry, None)):
        assert [row.field for row in comparison if row.differs] == []
    assert {row.field: row.live for row in compare_fields(entry, None)}["save_path"] is None


def test_a_torrent_that_does_not_work_is_explained() -> None:
    case = {"desired": [{"hash": "a"}], "live": [{"hash": "a", "state": "missingFiles", "tags": ["reconcile:home"]}]}
    explanation = explained(make_desired_state(case), {"box": box_of(case)}, "a")
    assert any(
        "fault" in line and "its files are missing" in line
        for line in map(render_plain, render_explanation(explanation))
    )
    stream = io.StringIO()
    write_explanation(explanation, stream)
    assert json.loads(stream.getvalue())["instances"][0]["fault"]["kind"] == "missing_files"
