"""A change that depends on a torrent depends on what it is like now."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from reconciler.model.rows import Reply
from reconciler.web.gateway.fresh_rows import refresh_torrents
from tests.support.catalogues import StubRows, make_row
from tests.support.gateway_torrents import make_entry, make_known
from tests.support.magnets import make_infohash

KNOWN = make_known(1, make_entry(1), {"tags": "old"})
FRESH = {**make_row("a"), "hash": make_infohash(1), "tags": "new, reconcile:me", "save_path": "/data/x"}


def make_rows(*listed: Any) -> StubRows:
    return StubRows(replies={"torrents/info": Reply(200, json.dumps(listed).encode())})


def path_map_of(instance: str) -> Mapping[str, str]:
    return {"/data": f"/mnt/{instance}"}


def test_each_instance_is_asked_once_and_what_is_on_none_stays_as_it_is() -> None:
    rows = make_rows(FRESH)
    other, pending = make_known(2, make_entry(2), instance="box"), make_known(3, make_entry(3), instance=None)
    fresh = refresh_torrents([KNOWN, make_known(4), other, pending], rows, path_map_of)
    assert (fresh[0].row["tags"], fresh[0].row["save_path"]) == ("new", "/mnt/home/x")
    assert fresh[2:] == [other, pending]
    assert [(instance, form["hashes"].count("|")) for instance, _, form in rows.asked] == [("home", 1), ("box", 0)]


def test_what_is_declared_counts_as_in_every_row() -> None:
    known = make_known(1, make_entry(1, paused=True), {"tags": "old"})
    (fresh,) = refresh_torrents([known], make_rows({**FRESH, "state": "uploading"}), path_map_of)
    assert fresh.row["state"] == "stoppedUP"


@pytest.mark.parametrize("rows", [StubRows(), make_rows(), make_rows({}, 5), make_rows({**FRESH, "tags": None})])
def test_an_instance_that_does_not_answer_leaves_the_last_known_row(rows: StubRows) -> None:
    assert refresh_torrents([KNOWN], rows, path_map_of) == [KNOWN]
