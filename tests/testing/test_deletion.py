"""Deletions in memory leave the entries of a real log."""

from __future__ import annotations

import pytest

from reconciler.testing.memory import MemoryInstance
from tests.support.planner_inputs import make_live_torrent


@pytest.mark.parametrize(("version", "count"), [("4.5.2", 1), ("5.3.0", 2)])
def test_the_log_names_the_torrent_once_for_each_step(version: str, count: int) -> None:
    box = MemoryInstance(version)
    torrent = make_live_torrent({"hash": "a", "name": "film", "has_metadata": True})
    box.torrents[torrent.id] = torrent
    box.delete_torrents([torrent.id], delete_files=True)
    entries = box.read_log(-1)
    assert [entry.has_name("film") for entry in entries] == [True] * count
    assert box.read_log(entries[-1].id) == []
