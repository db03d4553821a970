"""Words, symbols and values that several reports share."""

from __future__ import annotations

import pytest

from reconciler.model.plan import Change, DeleteCategory, FieldValue, Outcome, Verb
from reconciler.report.phrases import (
    change_text,
    dim_suffix,
    format_value,
    outcome_symbol,
    strip_instance_prefix,
    subject_text,
    verb_symbol,
    visible_changes,
    warning_label,
)
from reconciler.report.text.lines import Style
from tests.support.example_runs import make_torrent_action


def test_a_success_shows_its_verb_and_any_other_outcome_itself() -> None:
    addition = make_torrent_action(Verb.ADD, "x", "r", number=1)
    assert verb_symbol(addition, Outcome.PLANNED) == ("+", "add", Style.ADD)
    assert verb_symbol(addition, Outcome.APPLIED) == ("+", "added", Style.ADD)
    assert verb_symbol(addition, Outcome.DEFERRED) == ("*", "deferred", Style.CHANGE)
    assert outcome_symbol(Verb.DELETE, Outcome.APPLIED) == ("-", Style.DELETE)
    assert outcome_symbol(Verb.ADD, Outcome.FAILED) == ("!", Style.DELETE)
    assert outcome_symbol(Verb.ADD, Outcome.DROPPED) == ("x", Style.CHANGE)


def test_a_torrent_is_shown_by_its_short_infohash_and_a_setting_by_its_kind() -> None:
    assert subject_text(make_torrent_action(Verb.ADD, "x", "r", number=0xABC)) == "0000000abc"
    assert subject_text(DeleteCategory("films", "r")) == "category"


def test_deleted_data_quarantines_and_moves_have_a_warning() -> None:
    quarantine = Change("quarantine", (), ("2026-11-28",))
    labels = [
        warning_label(action, Outcome.PLANNED)
        for action in (
            make_torrent_action(Verb.DELETE, "x", "r", number=1, delete_files=True),
            make_torrent_action(Verb.UPDATE, "x", "r", quarantine, number=1),
            make_torrent_action(Verb.UPDATE, "x", "r", number=1, disruptive=True),
            make_torrent_action(Verb.DELETE, "x", "r", number=1),
        )
    ]
    assert labels == ["with its data", "into quarantine", "moves data", ""]


def test_the_owner_is_hidden_unless_it_changes_from_another_owner() -> None:
    category, stolen = Change("category", "", "films"), Change("owner", "work", "home")
    added, deleted = Change("owner", None, "home"), Change("owner", "home", None)
    action = make_torrent_action(Verb.ADOPT, "x", "r", added, category, deleted, stolen, number=1)
    assert visible_changes(action) == [category, stolen]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (Change("category", "linux", "films"), "category: linux → films"),
        (Change("category", "", "films"), "category: (none) → films"),
        (Change("paused", None, False), "paused: (none) → false"),
        (Change("tags", ("a", "b"), ("b", "c")), "tags: +c -a"),
        (
            Change("trackers", ("https://t/***",), ("https://t/***", "udp://u")),
            "trackers: +https://t/*** +udp://u -https://t/***",
        ),
        (Change("download_limit", 0, 5_242_880), "download_limit: unlimited → 5 MiB/s"),
        (Change("files", None, ("skip a.nfo", "high c d.mkv")), "files: skip a.nfo; high c d.mkv"),
        (Change("files", (), tuple(f"skip {n}" for n in range(15))), "files: skip 0, 1, 2 and 12 more"),
    ],
)
def test_a_change_in_words(change: Change, expected: str) -> None:
    assert change_text(change) == expected


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("tags", (), "(none)"),
        ("tags", ("a", "b"), "a, b"),
        ("value", 0, "0"),
        ("value", False, "false"),
        ("files", ("skip a", "skip b"), "skip a, b"),
    ],
)
def test_a_value_in_words(field: str, value: FieldValue, expected: str) -> None:
    assert format_value(field, value) == expected


def test_only_the_own_name_of_an_instance_is_removed_from_its_error() -> None:
    assert strip_instance_prefix("home", "home: timed out") == "timed out"
    assert strip_instance_prefix("home", "homer: timed out") == "homer: timed out"
    assert strip_instance_prefix("home", "timed out at home: 5 s") == "timed out at home: 5 s"


def test_a_suffix_skips_empty_parts() -> None:
    assert dim_suffix("a", "", "b") == ("   a · b", Style.DIM)
    assert dim_suffix("", "") == ("", Style.DIM)
