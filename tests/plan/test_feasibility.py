"""Feasibility of changes: now, later, or after a person has acted."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.model.plan import Change, Outcome
from reconciler.plan.feasibility import (
    blocker_of,
    is_moved_by_category,
    needs_data_move,
    needs_metadata_first,
    split_feasible,
    split_feasible_add,
    unsupported_at_add,
)
from tests.support.planner_inputs import make_desired_torrent, make_live_torrent, make_snapshot

START = Change("paused", True, False)
STOP = Change("paused", False, True)
MOVE = Change("save_path", "/downloads", "/d")


def test_an_old_server_blocks_only_the_fields_that_it_lacks_with_one_reason() -> None:
    comment, seeds = Change("comment", "", "x"), Change("web_seeds", (), ("http://h",))
    live_torrent, snapshot = make_live_torrent({"hash": "a"}), make_snapshot([], version="4.5.2")
    free, held = split_feasible((MOVE, comment, seeds), live_torrent, snapshot, metadata_first=False)
    assert free == (MOVE,)
    reason = "unsupported: qBittorrent v4.5.2 cannot set comment (5.2 and later can) and web_seeds (5.1 and later can)"
    assert held == [((comment, seeds), Outcome.BLOCKED, reason)]


def test_a_path_of_another_platform_is_blocked() -> None:
    windows_path = Change("save_path", "/downloads", "C:\\data")
    snapshot = make_snapshot([{"hash": "b"}])
    free, held = split_feasible((windows_path,), make_live_torrent({"hash": "a"}), snapshot, metadata_first=False)
    assert free == ()
    assert [(changes, hold) for changes, hold, _ in held] == [((windows_path,), Outcome.BLOCKED)]


def test_a_stop_waits_for_the_metadata() -> None:
    snapshot = make_snapshot([])
    waiting, complete = make_live_torrent({"hash": "a"}), make_live_torrent({"hash": "a", "has_metadata": True})
    assert split_feasible((STOP,), waiting, snapshot, metadata_first=True) == (
        (),
        [((STOP,), Outcome.DEFERRED, "it waits for its metadata; it is stopped once that has arrived")],
    )
    assert split_feasible((STOP,), complete, snapshot, metadata_first=True) == ((STOP,), [])
    assert split_feasible((STOP,), waiting, snapshot, metadata_first=False) == ((STOP,), [])


def test_an_add_sets_fields_that_its_link_carries_on_every_version() -> None:
    seeds, snapshot = Change("web_seeds", None, ("http://h",)), make_snapshot([], version="4.2.5")
    server = snapshot.version, snapshot.api_version
    assert split_feasible_add((seeds,), *server, carried_fields=("web_seeds",)) == ((seeds,), [])
    free, held = split_feasible_add((seeds,), *server, carried_fields=())
    assert (free, [hold for _, hold, _ in held]) == ((), [Outcome.BLOCKED])


@pytest.mark.parametrize(
    ("declared", "version", "needed"),
    [
        ({"paused": True, "stop_condition": "metadata-received"}, "5.1.0", True),
        ({"paused": True, "files": [{"match": "*.nfo", "priority": "skip"}]}, "5.1.0", True),
        ({"paused": True, "files": [{"match": "*.nfo", "priority": "skip"}]}, "4.2.5", False),
        ({"paused": True}, "5.1.0", False),
        ({"files": [{"match": "*.nfo", "priority": "skip"}]}, "5.1.0", False),
        ({"hash": "1:v1", "source": "torrent", "paused": True, "stop_condition": "metadata-received"}, "5.1.0", False),
    ],
)
def test_a_paused_magnet_runs_for_its_metadata_only_if_something_needs_it(
    declared: dict[str, Any], version: str, needed: bool
) -> None:
    entry = make_desired_torrent({"hash": "a", **declared}, 1)
    assert needs_metadata_first(entry, make_snapshot([], version=version)) is needed


def test_a_field_of_adds_that_the_server_lacks_prevents_the_add() -> None:
    layout, comment = Change("content_layout", None, "subfolder"), Change("comment", None, "x")
    assert unsupported_at_add([layout, comment], make_snapshot([], version="4.2.5")) == (
        "unsupported: qBittorrent v4.2.5 cannot set content_layout subfolder (4.3.2 and later can)"
    )
    assert unsupported_at_add([layout], make_snapshot([], version="5.1.0")) is None
    assert unsupported_at_add([comment], make_snapshot([], version="4.2.5")) is None


def test_a_new_category_moves_data_only_under_lasting_automatic_management() -> None:
    category, manual = Change("category", "", "c"), Change("auto_tmm", True, False)
    automatic = make_live_torrent({"hash": "a", "auto_tmm": True, "is": "whole"})
    assert is_moved_by_category([category], automatic)
    assert not is_moved_by_category([category, manual], automatic)
    assert not is_moved_by_category([category], make_live_torrent({"hash": "a", "is": "whole"}))
    assert needs_data_move([category], automatic)
    assert not needs_data_move([category, manual], automatic)


def test_only_existing_data_is_moved_and_only_incomplete_data_follows_the_download_path() -> None:
    download_path = Change("download_path", "", "/i")
    assert needs_data_move([MOVE], make_live_torrent({"hash": "a", "is": "whole"}))
    assert not needs_data_move([MOVE], make_live_torrent({"hash": "a"}))
    assert needs_data_move([download_path], make_live_torrent({"hash": "a", "is": "half"}))
    assert not needs_data_move([download_path], make_live_torrent({"hash": "a", "is": "whole"}))


def test_a_path_waits_while_data_is_moved() -> None:
    moving = make_live_torrent({"hash": "a", "state": "moving"})
    assert blocker_of(MOVE, moving) == (
        Outcome.DEFERRED,
        "its data is being moved; the path is set when that has ended",
    )
    assert blocker_of(Change("name", "a", "b"), moving) is None
    assert blocker_of(Change("category", "", "c"), moving) is None, "without automatic management it moves nothing"


def test_a_torrent_without_its_files_is_not_started() -> None:
    missing = make_live_torrent({"hash": "a", "state": "missingFiles"})
    for change in (START, Change("force_start", False, True)):
        blocker = blocker_of(change, missing)
        assert blocker is not None
        assert blocker[0] is Outcome.BLOCKED
    assert blocker_of(STOP, missing) is None
    assert blocker_of(START, make_live_torrent({"hash": "a"})) is None


def test_priorities_of_files_wait_for_the_metadata() -> None:
    change = Change("files", None, ("skip *.nfo",))
    assert blocker_of(change, make_live_torrent({"hash": "a"})) == (
        Outcome.DEFERRED,
        "its files are not known before its metadata has arrived",
    )
    assert blocker_of(change, make_live_torrent({"hash": "a", "stopped": True})) == (
        Outcome.DEFERRED,
        "its files are not known before its metadata has arrived, which does not arrive while it is stopped",
    )


def test_what_depends_on_the_stop_intent_waits_until_a_check_is_over() -> None:
    checked = make_live_torrent({"hash": "a", "state": "checkingDL"})
    for change in (STOP, Change("quarantine", ("2026-12-01",), ())):
        blocker = blocker_of(change, checked)
        assert blocker is not None
        assert blocker[0] is Outcome.DEFERRED
        assert blocker[1].startswith("it is being checked, which hides whether it is stopped")
        assert blocker_of(change, make_live_torrent({"hash": "a"})) is None
    assert blocker_of(MOVE, checked) is None
    stopped = make_live_torrent({"hash": "a", "state": "checkingDL", "stopped": True})
    assert blocker_of(START, stopped) is None  # its check goes on only if it runs


def test_a_start_that_the_server_would_undo_at_once_is_contested() -> None:
    at_limit = make_live_torrent({"hash": "a", "stopped": True, "shared": (2.0, 0, 1.0, -1)})
    free, held = split_feasible((MOVE, START), at_limit, make_snapshot([]), metadata_first=False)
    assert free == (MOVE,)
    ((changes, hold, reason),) = held
    assert (changes, hold) == ((START,), Outcome.DEFERRED)
    assert reason.startswith("contested: it has reached a share limit of the server")
    raised = (Change("share_limits.ratio", 1.0, 3.0), START)
    assert split_feasible(raised, at_limit, make_snapshot([]), metadata_first=False) == (raised, [])
    below_limit = make_live_torrent({"hash": "a", "stopped": True, "shared": (0.5, 0, 1.0, -1)})
    assert split_feasible((START,), below_limit, make_snapshot([]), metadata_first=False) == ((START,), [])
