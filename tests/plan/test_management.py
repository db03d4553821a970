"""Changes of a path name the torrents whose automatic management they must not end."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.model.plan import SetPreference, UpdateCategory
from reconciler.plan.management import keep_management
from reconciler.plan.match import Match
from tests.support.planner_inputs import CONTEXT, OWNER_TAG, make_desired_torrent, make_live_torrent

EDIT = UpdateCategory("films", "save_path differs")


def _match(letter: str, *, live: dict[str, Any] | None = None, **declared: Any) -> Match:
    row = {"hash": letter, "auto_tmm": True, "category": "films", "tags": [OWNER_TAG], **(live or {})}
    entry = make_desired_torrent({"hash": letter, "auto_tmm": True, **declared}, 1)
    return Match(entry, (make_live_torrent(row),))


def _list_kept(*matches: Match, decision: UpdateCategory | SetPreference = EDIT) -> list[str]:
    (kept,) = keep_management([decision], matches, CONTEXT)
    assert isinstance(kept, UpdateCategory | SetPreference)
    names = {match.live.id: match.live.name for match in matches if match.live}
    return [names[torrent_id] for torrent_id in kept.automatic_ids]


def test_torrents_of_a_category_and_its_subcategories_stay_automatic() -> None:
    inside = _match("b", live={"category": "films/new"})
    outside = _match("c", live={"category": "filmsets"})
    assert _list_kept(_match("a"), inside, outside) == ["a", "b"]


@pytest.mark.parametrize(
    "match",
    [
        _match("a", auto_tmm=None),
        _match("a", auto_tmm=False),
        _match("a", ignore_changes=["auto_tmm"]),
        _match("a", state="absent"),
        _match("a", live={"auto_tmm": False}),
        _match("a", live={"tags": ["reconcile:work"]}),
        _match("a", live={"tags": [OWNER_TAG, "reconcile:ignore"]}),
    ],
)
def test_only_what_is_ours_and_declared_and_automatic_is_kept(match: Match) -> None:
    assert _list_kept(match) == []


def test_the_default_path_keeps_every_automatic_torrent_and_other_preferences_none() -> None:
    path = SetPreference("save_path", "value differs", value="/new")
    assert _list_kept(_match("a"), _match("b", live={"category": ""}), decision=path) == ["a", "b"]
    other = SetPreference("max_active_downloads", "value differs", value=5)
    decisions = [other]
    assert keep_management(decisions, [_match("a")], CONTEXT) is decisions
