"""The `reconcile:*` tags: owners, the kill switch and quarantines."""

from __future__ import annotations

from datetime import date

import pytest

from reconciler.model.tags import (
    Quarantine,
    build_owner_tag,
    extract_quarantines,
    has_been_running,
    is_reserved_tag,
    parse_owners,
    read_held_state,
    select_user_tags,
)


def test_owners_are_sorted_and_marks_are_no_owners() -> None:
    tags = frozenset(
        {
            *("linux", "reconcile:protect", "reconcile:ignore", "reconcile:quarantine:2026-01-01", "reconcile:held"),
            *("reconcile:held:forced", "reconcile:content", "reconcile:content-of", "reconcile:zoe", "reconcile:adam"),
        }
    )
    assert parse_owners(tags) == ("adam", "zoe")
    assert parse_owners(frozenset({build_owner_tag("team-a")})) == ("team-a",)


def test_a_word_that_only_begins_like_a_mark_is_an_owner() -> None:
    assert parse_owners(frozenset({"reconcile:protected", "reconcile:heldx"})) == ("heldx", "protected")


def test_user_tags_are_all_tags_without_the_prefix() -> None:
    assert select_user_tags(frozenset({"linux", "reconcile", "reconcile:adam", "Reconcile:x"})) == {
        "linux",
        "reconcile",
        "Reconcile:x",
    }
    assert is_reserved_tag("reconcile:")


def test_a_forced_start_wins_over_a_running_state_of_the_kill_switch() -> None:
    assert read_held_state({"reconcile:held"}) == "running"
    assert read_held_state({"reconcile:held", "reconcile:held:forced"}) == "forced"
    assert read_held_state({"held"}) is None


def test_a_quarantine_lasts_its_days_and_the_rest_of_today() -> None:
    quarantine = Quarantine.start(date(2026, 2, 27), 2, was_stopped=True)
    assert quarantine == Quarantine(date(2026, 3, 1), was_stopped=True)
    assert str(quarantine) == "2026-03-01:stopped"
    assert str(Quarantine.start(date(2026, 2, 27), 0, was_stopped=False)) == "2026-02-27"


@pytest.mark.parametrize("text", ["2026-03-01", "2026-03-01:stopped"])
def test_a_quarantine_is_read_as_it_is_written(text: str) -> None:
    quarantine = Quarantine.parse(text)
    assert quarantine == Quarantine(date(2026, 3, 1), text.endswith(":stopped"))
    assert str(quarantine) == text


@pytest.mark.parametrize("text", ["", "2026-02-30", "20260301", "2026-W09-7", "2026-03-01:", "2026-03-01:stopped:x"])
def test_a_quarantine_without_a_canonical_date_is_none(text: str) -> None:
    assert Quarantine.parse(text) is None


def test_one_stopped_mark_among_several_quarantines_keeps_a_torrent_stopped() -> None:
    texts = extract_quarantines(
        frozenset({"reconcile:quarantine:2026-03-02:stopped", "x", "reconcile:quarantine:2026-03-01"})
    )
    assert texts == ("2026-03-01", "2026-03-02:stopped")
    assert not has_been_running(texts)
    assert has_been_running(["2026-03-01"])
