"""Entries that are created from content, or refer to such content, resolve to live torrents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from reconciler.model.desired import DesiredState
from reconciler.model.plan import Outcome
from reconciler.model.snapshot import Snapshot
from reconciler.model.torrent_file import TorrentFileError
from reconciler.plan.resolve import (
    TO_BE_CREATED,
    UnresolvedEntry,
    could_be,
    data_damaged_reason,
    data_moved_reason,
    is_local,
    resolve_entries,
)
from tests.support.planner_inputs import (
    OWNER_TAG,
    make_content_entry,
    make_creator_task,
    make_desired_state,
    make_live_torrent,
    make_snapshot,
    make_torrent_file,
    make_v1_hash,
    parse_hashes,
)

FILM: dict[str, Any] = {"content": "/data/film", "name": "film", "instance": "attic"}
COPY: dict[str, Any] = {"content_of": "film", "instance": "box"}
AT_FILM: dict[str, Any] = {"tags": [OWNER_TAG], "content_path": "/data/film", "is": "whole"}


def _make_desired(*rows: Mapping[str, Any], **case: Any) -> DesiredState:
    return make_desired_state({"desired": list(rows), **case})


def _make_attic(live_rows: Sequence[Mapping[str, Any]], *tasks: Mapping[str, Any]) -> dict[str, Snapshot]:
    return {"attic": replace(make_snapshot(live_rows), creator_tasks=tuple(map(make_creator_task, tasks)))}


def test_content_means_the_only_torrent_of_ours_at_its_path() -> None:
    foreign = {"hash": "b", "content_path": "/data/film"}
    resolved = resolve_entries(_make_desired(FILM), _make_attic([{"hash": "a", **AT_FILM}, foreign]))
    (entry,) = resolved.desired.torrents
    assert entry.infohashes == parse_hashes("a")
    assert resolved.unresolved == {}


def test_several_torrents_at_its_path_block_the_entry() -> None:
    desired = _make_desired(FILM)
    resolved = resolve_entries(desired, _make_attic([{"hash": "a", **AT_FILM}, {"hash": "b", **AT_FILM}]))
    ids = " and ".join(sorted([make_v1_hash("a"), make_v1_hash("b")]))
    assert resolved.unresolved == {
        desired.torrents[0].position: UnresolvedEntry(
            f"2 torrents of ours have their content there, {ids}; remove all but one in qBittorrent", Outcome.BLOCKED
        )
    }
    assert resolved.desired.torrents[0].infohashes is None


def test_a_torrent_that_another_entry_names_is_not_taken() -> None:
    desired = _make_desired(FILM, {"hash": "a", "instance": "attic"})
    resolved = resolve_entries(desired, _make_attic([{"hash": "a", **AT_FILM}]))
    assert resolved.unresolved == {desired.torrents[0].position: TO_BE_CREATED}


@pytest.mark.parametrize(
    ("task", "unresolved"),
    [
        (None, TO_BE_CREATED),
        ({"state": "running", "progress": 40}, UnresolvedEntry("it is being hashed: 40 %", Outcome.DEFERRED)),
        ({"state": "queued"}, UnresolvedEntry("it waits for its turn to be hashed", Outcome.DEFERRED)),
        ({"state": "failed", "error": "no space"}, TO_BE_CREATED),
        ({"state": "running", "content": "/data/other"}, TO_BE_CREATED),
    ],
)
def test_content_without_a_torrent_is_created_unless_a_task_does_so(
    task: dict[str, Any] | None, unresolved: UnresolvedEntry
) -> None:
    desired = _make_desired(FILM)
    tasks = [{"content": "/data/film", **task}] if task else []
    assert resolve_entries(desired, _make_attic([], *tasks)).unresolved == {desired.torrents[0].position: unresolved}


def test_content_means_the_torrent_that_a_finished_task_created() -> None:
    desired, task = _make_desired(FILM), {"content": "/data/film", "made": "7:hybrid"}
    resolved = resolve_entries(desired, _make_attic([], task))
    (entry,) = resolved.desired.torrents
    assert (entry.infohashes, entry.source) == (parse_hashes("7:hybrid"), make_torrent_file("7:hybrid"))
    assert resolved.tasks[entry.position].id == "task-1"


def test_an_unusable_result_of_a_task_blocks_the_entry() -> None:
    snapshot = make_snapshot([])
    task = replace(make_creator_task({"content": "/data/film"}), file=TorrentFileError("no torrent"))
    desired = _make_desired(FILM)
    resolved = resolve_entries(desired, {"attic": replace(snapshot, creator_tasks=(task,))})
    assert resolved.unresolved == {
        desired.torrents[0].position: UnresolvedEntry(
            "what was made from it cannot be used: no torrent", Outcome.BLOCKED
        )
    }


def test_a_reference_takes_the_torrent_its_file_and_its_peer_from_the_source_instance() -> None:
    file, live_id = make_torrent_file("7:v1"), make_v1_hash("a")
    attic = replace(
        make_snapshot([{"hash": "a", **AT_FILM}]),
        exported_files={live_id: file},
        peer_addresses={live_id: "192.0.2.1:6881"},
    )
    resolved = resolve_entries(_make_desired(FILM, COPY), {"attic": attic, "box": make_snapshot([])})
    copy = resolved.desired.torrents[1]
    assert (copy.infohashes, copy.source) == (parse_hashes("a"), file)
    assert resolved.peers == {copy.position: "192.0.2.1:6881"}
    assert resolved.unavailable == {}


def test_a_local_peer_is_used_only_by_an_instance_on_the_same_machine() -> None:
    attic = replace(make_snapshot([{"hash": "a", **AT_FILM}]), peer_addresses={make_v1_hash("a"): "127.0.0.1:6881"})
    snapshots = {"attic": attic, "box": make_snapshot([])}
    local = resolve_entries(_make_desired(FILM, COPY, url="http://localhost:8080"), snapshots)
    remote = resolve_entries(_make_desired(FILM, COPY, url="http://192.0.2.9:8080"), snapshots)
    assert (list(local.peers.values()), list(remote.peers.values())) == (["127.0.0.1:6881"], [])


def test_a_reference_whose_file_cannot_be_exported_is_unavailable() -> None:
    attic = make_snapshot([{"hash": "a", **AT_FILM}])
    failing = replace(attic, exported_files={make_v1_hash("a"): TorrentFileError("HTTP 409")})
    for snapshot, reason in (
        (attic, "its .torrent file could not be read from attic"),
        (failing, "its .torrent file could not be read from attic: HTTP 409"),
    ):
        resolved = resolve_entries(_make_desired(FILM, COPY), {"attic": snapshot})
        assert list(resolved.unavailable.values()) == [reason]
        assert resolved.desired.torrents[1].source is None


def test_a_reference_waits_for_its_content_and_for_an_unread_instance() -> None:
    desired = _make_desired(FILM, COPY)
    position = desired.torrents[1].position
    assert resolve_entries(desired, _make_attic([])).unresolved[position] == UnresolvedEntry(
        '"film" is not there on attic yet; a later run adds it', Outcome.DEFERRED
    )
    unread = resolve_entries(desired, {"box": make_snapshot([])})
    assert unread.unresolved == {
        position: UnresolvedEntry(
            '"film" is made on attic, which was not read: which torrent it is cannot be known now', Outcome.DEFERRED
        )
    }


def test_an_unresolved_entry_may_mean_what_has_its_tag_or_its_name() -> None:
    entry = make_content_entry(FILM, 1, [])
    reference = make_content_entry(COPY, 2, [FILM])
    by_name, by_path = {"name": "film"}, {"content_path": "/elsewhere/film"}
    by_tag, by_other_tag = {"tags": ["reconcile:content"]}, {"tags": ["reconcile:content-of"]}
    for row, is_entry, is_reference in (
        (by_name, True, True),
        (by_path, True, True),
        (by_tag, True, False),
        (by_other_tag, False, True),
        ({}, False, False),
    ):
        live_torrent = make_live_torrent({"hash": "a", **row})
        assert (could_be(entry, live_torrent), could_be(reference, live_torrent)) == (is_entry, is_reference)


def test_a_torrent_with_its_data_elsewhere_cannot_be_managed() -> None:
    entry = make_content_entry(FILM, 1, [])
    assert data_moved_reason(entry, make_live_torrent({"hash": "a", "content_path": "/data/film/"})) is None
    reason = data_moved_reason(entry, make_live_torrent({"hash": "a", "content_path": "/moved/film"}))
    assert reason is not None
    assert reason.startswith("the torrent that it creates exists already, with its data at /moved/film; ")


@pytest.mark.parametrize(
    ("row", "share"),
    [
        ({"is": "whole"}, None),
        ({"is": "half"}, "50.0% of it is as it was"),
        ({"is": "whole", "state": "missingFiles"}, "its files are missing"),
        ({"is": "half", "state": "checkingUP"}, None),
        ({"is": "half", "state": "moving"}, None),
    ],
)
def test_data_that_has_changed_since_the_creation_is_reported(row: dict[str, Any], share: str | None) -> None:
    live_torrent = make_live_torrent({"hash": "a", **row})
    reason = data_damaged_reason(make_content_entry(FILM, 1, []), live_torrent)
    assert (reason is None) if share is None else (reason is not None and f": {share}. " in reason)
    assert data_damaged_reason(make_content_entry(COPY, 2, [FILM]), live_torrent) is None


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("127.0.0.1:1", True),
        ("localhost:1", True),
        ("[::1]:1", True),
        ("192.0.2.1:1", False),
        ("[2001:db8::1]:1", False),
    ],
)
def test_only_loopback_addresses_are_local(address: str, local: bool) -> None:
    assert is_local(address) is local
