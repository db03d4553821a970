"""Skipped files on qBittorrent before 4.4, which would be moved away from other torrents."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.plan import PlanInput, make_plan
from tests.support.planner_inputs import OWNER_TAG, make_desired_state, make_snapshot, make_v1_hash, render_plan_lines
from tests.support.strategies import NOW

SKIP = [{"match": "*.nfo", "priority": "skip"}]
OURS: dict[str, Any] = {
    "hash": "a",
    "name": "film",
    "tags": [OWNER_TAG],
    "save_path": "/d",
    "files": ["normal film/a.mkv", "normal film/b.nfo"],
}
TWIN: dict[str, Any] = {"hash": "b", "name": "film", "save_path": "/d"}


def plan_lines(case: dict[str, Any], version: str = "4.2.5") -> list[str]:
    live = make_snapshot(case["live"], {}, version=version)
    return render_plan_lines(make_plan(PlanInput(make_desired_state(case), {"box": live}, now=NOW)).instances[0])


def test_priorities_that_would_move_files_of_another_torrent_are_blocked_and_the_rest_goes_on() -> None:
    case = {"desired": [{"hash": "a", "files": SKIP, "paused": True}], "live": [OURS, TWIN]}
    assert plan_lines(case) == ["update film paused=True", "update film files=skip film/b.nfo (blocked)"]
    live = make_snapshot(case["live"], {}, version="4.2.5")
    reason = make_plan(PlanInput(make_desired_state(case), {"box": live})).instances[0].actions[-1].reason
    assert reason.startswith("qBittorrent v4.2.5 moves skipped files into a folder .unwanted, and ")
    assert f"{make_v1_hash('b')[:10]} may use them; 4.3 and later leave them" in reason


@pytest.mark.parametrize("version", ["4.5.2", "5.1.0", "5.3.0"])
def test_later_versions_leave_the_files_where_they_are(version: str) -> None:
    case = {"desired": [{"hash": "a", "files": SKIP}], "live": [OURS, TWIN]}
    assert plan_lines(case, version) == ["update film files=skip film/b.nfo"]


def test_files_that_nobody_else_uses_are_skipped() -> None:
    case = {"desired": [{"hash": "a", "files": SKIP}], "live": [OURS, {**TWIN, "name": "other"}]}
    assert plan_lines(case) == ["update film files=skip film/b.nfo"]


def test_a_new_name_of_either_hides_no_files_that_are_known() -> None:
    """The name stands for the path of the content, which 4.2 does not report; the files and the size say more."""
    for ours, twin in (({"name": "X"}, {}), ({}, {"name": "X", "size": 9}), ({"name": "X"}, {"name": "Y", "size": 9})):
        case = {"desired": [{"hash": "a", "files": SKIP}], "live": [{**OURS, "size": 9, **ours}, {**TWIN, **twin}]}
        (line,) = plan_lines(case)
        assert line.endswith(" files=skip film/b.nfo (blocked)")


def test_files_of_a_torrent_that_this_plan_deletes_are_skipped_once_it_is_gone() -> None:
    """Deletions come last, and one may be dropped: until then the torrent needs its files."""
    twin = {**TWIN, "tags": [OWNER_TAG]}
    case = {"desired": [{"hash": "a", "files": SKIP}], "live": [OURS, twin]}
    assert plan_lines(case) == ["update film files=skip film/b.nfo (deferred)", "delete film owner=null"]
    entry = {"hash": "1:v1", "source": "torrent", "name": "film", "save_path": "/d", "files": SKIP}
    (add, _) = plan_lines({"desired": [entry], "live": [twin]})
    assert add.startswith("add film ") and add.endswith(" (deferred)")
    for staying in ({**TWIN, "hash": "c"}, {**twin, "hash": "c", "tags": [OWNER_TAG, "reconcile:protect"]}):
        assert "update film files=skip film/b.nfo (blocked)" in plan_lines({**case, "live": [OURS, twin, staying]})
    assert "update film files=skip film/b.nfo (blocked)" in plan_lines({**case, "quarantine": 7})


def test_an_add_into_the_data_of_another_torrent_is_blocked() -> None:
    entry = {"hash": "1:v1", "source": "torrent", "name": "film", "save_path": "/d", "files": SKIP}
    (line,) = plan_lines({"desired": [entry], "live": [TWIN]})
    assert line.startswith("add film ") and line.endswith(" (blocked)")
    (line,) = plan_lines({"desired": [entry], "live": [{**TWIN, "save_path": "/e"}]})
    assert not line.endswith(" (blocked)")
