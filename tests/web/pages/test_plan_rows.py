"""The rows of a plan: what comes first, and that each says what the text report says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model.plan import Outcome
from reconciler.model.run import Run
from reconciler.report.text.lines import render_plain
from reconciler.report.text.run import render_run
from reconciler.web.pages.plan_rows import PlanRow, build_row, list_items, map_links
from tests.support.example_runs import CASES, applied, faulty, placed, planned


def list_rows(run: Run) -> list[PlanRow]:
    """Return all rows of a plan."""
    return [build_row(item, map_links(run)) for item in list_items(run)]


def describe(run: Run) -> list[str]:
    """Return kind, label and name of each row."""
    rows = (build_row(item, {}) for item in list_items(run))
    return [
        f"{item.kind}: {row.label} {row.name}" for item, row in zip(list_items(run), rows, strict=True) if item.outcome
    ]


def test_deletions_and_moves_are_first_and_the_gravest_of_them_leads() -> None:
    assert describe(planned())[:6] == [
        "deletions: delete older.iso",
        "deletions: delete old.iso",
        "deletions: update going.iso",
        "deletions: delete unused",
        "moves: update Tears of Steel",
        "changes: update, blocked Cosmos Laundromat",
    ]


def test_what_failed_is_before_what_is_done() -> None:
    run = planned()
    instance = run.instances[1]
    results = tuple(
        replace(result, outcome=Outcome.FAILED) if result.action.name == "unused" else result
        for result in instance.results
    )
    changed = replace(run, instances=(replace(instance, results=results),))
    assert describe(changed)[:2] == ["deletions: delete, failed unused", "deletions: delete older.iso"]


def test_a_row_has_fields_with_old_and_new_values() -> None:
    rows = {row.name: row for row in list_rows(planned())}
    assert rows["Tears of Steel"].changes == (("tags", "+iso -a"), ("save_path", "/d → /d/films"))
    assert rows["Tears of Steel"].warning == "moves data"
    assert rows["Sintel"].changes == (("category", "films"), ("tags", "free, open"), ("paused", "false"))
    assert rows["proxy_password"].changes == (("value", "(secret) → (secret)"),)
    assert (rows["older.iso"].warning, rows["older.iso"].size) == ("with its data", "5.0 MiB")
    assert rows["old.iso"].note == "no longer declared; no other seed is known"
    assert rows["Cosmos Laundromat"].problem == "its files are missing"
    assert rows["Sintel"].source == "desired.yaml:20:5"


def test_what_is_no_action_has_a_row_too() -> None:
    labels = [(row.label, row.name, row.problem) for row in list_rows(faulty()) if row.label == "fault"]
    assert labels[0] == ("fault", "Sintel", "qBittorrent reports an error")
    pending = [row for row in list_rows(placed()) if row.label == "pending"]
    assert pending and pending[0].place == "resilient" and "waits until" in pending[0].problem
    assert [row.note for row in list_rows(planned()) if row.label == "spared"] == ["it has the tag reconcile:protect"]


@pytest.mark.parametrize("case", ["planned", "applied", "placed", "faulty", "accepted", "unhealthy"])
def test_the_words_are_those_of_the_text_report(case: str) -> None:
    run = CASES[case]()
    report = " ".join(" ".join(render_plain(line) for line in render_run(run, "reconcile")).split())
    for row in list_rows(run):
        for text in (row.note, row.problem, row.placement, row.source, *(text for _, text in row.changes)):
            assert " ".join(text.split()) in report
        assert row.warning.upper() in report


def test_a_created_torrent_has_its_link() -> None:
    links = [row.link for row in list_rows(applied()) if row.link]
    magnets = [content.magnet for instance in applied().instances for content in instance.content]
    assert links == [magnet for magnet in magnets if magnet]
