"""Past runs as text and as JSON."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

from reconciler.model.history import ActionCount, PastAction, PastInstance, PastRun
from reconciler.model.plan import ObjectKind, Outcome, Verb
from reconciler.model.run import RunMode, Status
from reconciler.report.history import MAX_ACTIONS, past_run_json, render_history, summarize_past_run, write_history
from reconciler.report.text.lines import render_plain
from tests.support.example_runs import make_infohash

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ADDED = PastAction(
    "home", Verb.ADD, ObjectKind.TORRENT, "Sintel", make_infohash(1), "category: films", Outcome.APPLIED, None
)
FAILED = PastAction("home", Verb.DELETE, ObjectKind.CATEGORY, "films", None, "", Outcome.FAILED, None)
RUN = PastRun(1, "home", NOON, 0.5, RunMode.APPLY, "command", "sha256:0", 0, (), (ADDED,))


def render_texts(*runs: PastRun) -> list[str]:
    """The lines of the text report."""
    return [render_plain(line) for line in render_history(runs, "/state/journal.db")]


def test_a_run_in_a_few_words() -> None:
    counts = (
        ActionCount(Verb.ADD, ObjectKind.TORRENT, Outcome.APPLIED, 1200),
        ActionCount(Verb.UPDATE, ObjectKind.TORRENT, Outcome.APPLIED, 2),
        ActionCount(Verb.ADD, ObjectKind.CATEGORY, Outcome.APPLIED, 1),
        ActionCount(Verb.ADD, ObjectKind.TORRENT, Outcome.FAILED, 1),
        ActionCount(Verb.DELETE, ObjectKind.CATEGORY, Outcome.DROPPED, 3),
    )
    assert summarize_past_run(replace(RUN, counts=counts)) == (
        "1,200 added, 2 changed, 1 setting changed, 3 dropped, 1 failed"
    )
    assert summarize_past_run(RUN) == "nothing changed"


def test_an_empty_history_names_the_journal() -> None:
    assert render_texts() == ["No matching runs in the journal: /state/journal.db"]


def test_a_run_is_a_line_with_a_table_of_its_actions() -> None:
    head, *table = render_texts(replace(RUN, exit_code=1, actions=(ADDED, FAILED)))
    assert head.endswith("  1 done · 1 not done · 0.5 s · trigger: command · exit code 1 · owner home")
    assert [line.split() for line in table] == [
        ["torrent", "instance", "infohash", "what", "problem"],
        ["+", "Sintel", "home", "0000000001", "category:", "films"],
        ["!", "category", "films", "home", "-", "delete", "failed:", "unknown", "reason"],
    ]


def test_runs_are_separated_by_an_empty_line_and_instances_show_their_problem() -> None:
    down = PastInstance("attic", Status.UNREACHABLE, "attic: connection refused")
    lines = render_texts(replace(RUN, instances=(down, PastInstance("den", Status.BANNED, None)), actions=()), RUN)
    assert lines[1:4] == ["  attic: connection refused", "  den: banned", ""]


def test_a_run_with_many_actions_is_cut() -> None:
    lines = render_texts(replace(RUN, actions=(ADDED,) * (MAX_ACTIONS + 3)))
    assert sum("Sintel" in line for line in lines) == MAX_ACTIONS
    assert lines[-1] == "  … and 3 more   --output json shows all"
    assert "more" not in "".join(render_texts(replace(RUN, actions=(ADDED,) * MAX_ACTIONS)))


def test_a_run_as_json_has_its_time_in_utc_and_every_action() -> None:
    began = datetime(2026, 11, 20, 14, tzinfo=timezone(timedelta(hours=2)))
    down = PastInstance("attic", Status.UNREACHABLE, "connection refused")
    assert past_run_json(replace(RUN, started_at=began, seconds=0.12345, instances=(down,))) == {
        "began": "2026-11-20T12:00:00.000Z",
        "seconds": 0.123,
        "owner": "home",
        "mode": "apply",
        "trigger": "command",
        "plan_hash": "sha256:0",
        "exit_code": 0,
        "instances": [{"name": "attic", "status": "unreachable", "error": "connection refused"}],
        "actions": [
            {
                "instance": "home",
                "verb": "add",
                "kind": "torrent",
                "infohash": make_infohash(1),
                "name": "Sintel",
                "changes": "category: films",
                "outcome": "applied",
                "error": None,
            }
        ],
    }


def test_the_json_document_holds_all_runs_and_actions() -> None:
    stream = io.StringIO()
    write_history([replace(RUN, exit_code=1, actions=(ADDED,) * 50), RUN], stream)
    document = json.loads(stream.getvalue())
    assert (document["format_version"], document["exit_code"]) == (1, 0), "the exit code of the command, not of a run"
    assert [len(run["actions"]) for run in document["runs"]] == [50, 1]
