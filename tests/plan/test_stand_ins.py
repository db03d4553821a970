"""Stand-ins: every entry gets a torrent that only its declaration identifies."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.model.fields.names import STOP_CONDITION
from reconciler.model.torrent_file import TorrentFileError
from reconciler.plan.stand_ins import build_url_stand_in, fill_stand_ins, is_stand_in, without_stop_conditions
from tests.support.planner_inputs import make_desired_state


def fill(*rows: dict[str, Any]) -> list[Any]:
    """Return the entries of a desired state with their stand-ins."""
    return list(fill_stand_ins(make_desired_state({"desired": list(rows)})).torrents)


def test_content_is_identified_by_its_path_and_its_instance() -> None:
    made, same, moved, elsewhere = fill(
        {"content": "/data/a", "name": "A"},
        {"content": "/data/a", "name": "B"},
        {"content": "/data/b", "name": "C"},
        {"content": "/data/a", "name": "D", "instance": "other"},
    )
    assert made.infohash == same.infohash
    assert len({made.infohash, moved.infohash, elsewhere.infohash}) == 3
    assert is_stand_in(made)


def test_a_reference_is_the_torrent_of_its_content() -> None:
    made, borrowed = fill({"content": "/data/a", "name": "A"}, {"content_of": "A", "instance": "other"})
    assert borrowed.infohash == made.infohash


def test_an_infohash_gets_a_source_and_stays_itself() -> None:
    (entry,) = fill({"hash": "a", "source": "infohash"})
    assert entry.source.infohashes == entry.infohashes
    assert not is_stand_in(entry)


def test_a_url_is_a_torrent_of_its_own_that_shows_nothing_of_the_url_but_its_host() -> None:
    first, second = (build_url_stand_in(f"https://user:pw@t.example/{key}/x.torrent") for key in ("s3cr3t", "other"))
    assert first.infohashes != second.infohashes
    assert first.name == "torrent from t.example"
    with pytest.raises(TorrentFileError):
        first.read_bytes()


def test_stop_conditions_are_left_out_where_they_are_over() -> None:
    desired = make_desired_state({"desired": [{"hash": "a", "stop_condition": "metadata-received"}]})
    assert STOP_CONDITION in desired.torrents[0].create_only
    assert STOP_CONDITION not in without_stop_conditions(desired).torrents[0].create_only
