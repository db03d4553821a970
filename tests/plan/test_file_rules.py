"""File rules that match nothing are warnings: those of an entry by itself, defaults over all torrents."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model.files import FileRule, Priority
from reconciler.model.position import Position, Problem
from reconciler.plan import PlanInput, make_plan
from reconciler.plan.file_rules import find_unmatched_rules
from reconciler.plan.match import Match
from tests.support.planner_inputs import make_desired_state, make_desired_torrent, make_live_torrent, make_snapshot

DEFAULT = Position("desired.yaml", 9, 9)
FILES = ["normal T/film.mkv", "normal T/Sample/s.mkv"]


def make_match(*globs: str, files: list[str] | None = FILES, default: bool = False, **row: object) -> Match:
    """An entry with these rules, and its live torrent with these files; None: without metadata."""
    entry = make_desired_torrent({"hash": "a", **row}, 3)
    rules = tuple(FileRule(glob, Priority.SKIP, DEFAULT if default else None) for glob in globs)
    live = make_live_torrent({"hash": "a", **({} if files is None else {"files": files})})
    return Match(replace(entry, files=rules), (live,))


def test_a_rule_of_an_entry_that_matches_no_file_is_a_warning() -> None:
    assert find_unmatched_rules([make_match("sample/**", "*.mkv")]) == (
        Problem(
            Position("desired.yaml", 3, 1),
            "W005",
            'the rule "sample/**" matches no file of "a"',
            'Globs are case-sensitive, and the torrent has "T/Sample/s.mkv"',
        ),
    )


@pytest.mark.parametrize(
    "match",
    [
        make_match("*.nfo", files=None),
        make_match("*.nfo", hash="7:v1", source="torrent"),
        make_match("*.nfo", ignore_changes=["files"]),
        make_match("*.mkv", "s.mkv"),
        Match(make_match("*.nfo").entry),
    ],
)
def test_a_rule_counts_only_where_the_files_are_known_here_and_managed(match: Match) -> None:
    assert find_unmatched_rules([match]) == ()


def test_a_default_is_a_warning_only_if_it_matches_no_file_of_any_torrent() -> None:
    others = make_match("*.nfo", "*.txtt", files=["normal b.nfo"], default=True, hash="7:v1", source="torrent")
    matches = [make_match("*.nfo", "*.txtt", default=True), others]
    assert find_unmatched_rules(matches) == (
        Problem(DEFAULT, "W005", 'the rule "*.txtt" matches no file of 2 torrents that it applies to'),
    )


def test_the_plan_contains_the_warnings() -> None:
    desired = make_desired_state({"desired": [{"hash": "a", "files": [{"match": "*.nfo", "priority": "skip"}]}]})
    live = make_snapshot([{"hash": "a", "files": FILES}], None, None, "5.1.0")
    assert [problem.message for problem in make_plan(PlanInput(desired, {"box": live})).warnings] == [
        'the rule "*.nfo" matches no file of "a"'
    ]
