"""Deltas lead to the same torrents as a full reply, and keep the objects that did not change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.snapshot import SharedAmount
from reconciler.qbittorrent.convert import is_stop_intent_hidden
from reconciler.qbittorrent.deltas import (
    NotADelta,
    TorrentsById,
    apply_delta,
    convert_full_reply,
    filter_delta,
    is_equivalent,
    set_stop_intent,
)
from reconciler.qbittorrent.schemas import MAIN_DATA_ADAPTER, MainData
from tests.support.instances import OPTIONS_ROW
from tests.support.strategies import Choices, numbers

Rows = dict[str, dict[str, Any]]

KEYS = [letter * 40 for letter in "abcdef"]
STATES = ["stoppedDL", "stoppedUP", "stalledDL", "uploading", "moving", "missingFiles", "checkingUP", "new in 6.0"]

NEWER: dict[str, Sequence[Any]] = {
    "comment": ("", "c"),
    "share_limit_action": ("Default", "RemoveWithContent", "New"),
    "share_limits_mode": ("Default", "MatchAll"),
}
FIELDS: dict[str, Sequence[Any]] = {
    "name": ("", "x", "ü"),
    "state": STATES,
    "category": ("", "linux"),
    "tags": ("", "a", "a, b", "reconcile:home"),
    "save_path": ("/d", "/e/", "C:\\d"),
    "auto_tmm": (False, True),
    "progress": (None, 0, 0.5, 1),
    "size": (0, 9),
    "content_path": ("", "/d/x", "/d/y/"),
    "total_size": (-1, 9),
    "magnet_uri": ("magnet:?xt=a", "magnet:?xt=a&tr=http%3A%2F%2Ft", "magnet:?xt=a&ws=http://w"),
    **dict.fromkeys(("force_start", "seq_dl", "f_l_piece_prio", "super_seeding"), (False, True)),
    **dict.fromkeys(("dl_limit", "up_limit"), (0, -1, 5)),
    "ratio_limit": (None, -2, 1.5),
    **dict.fromkeys(("seeding_time_limit", "inactive_seeding_time_limit"), (-2, -1, 9)),
    "download_path": ("", "/i"),
    **NEWER,
    "dlspeed": range(10),
    "eta": range(10),
}


def rows(key: str) -> st.SearchStrategy[dict[str, Any]]:
    """Generate rows of one torrent, always of the same kind: v1, v2 or hybrid."""
    v1 = f"{key[:8]}{'0' * 32}" if key > "d" else key
    hashes = {"infohash_v1": "" if key > "e" else v1, "infohash_v2": f"{key}{'1' * 24}" if key > "d" else ""}

    def build(number: int) -> dict[str, Any]:
        choices = Choices(number)
        return hashes | {name: choices.pick(values) for name, values in FIELDS.items()}

    return numbers().map(build)


worlds = st.lists(st.sampled_from(KEYS), unique=True).flatmap(
    lambda keys: st.fixed_dictionaries({k: rows(k) for k in keys})
)


def reply(**fields: Any) -> MainData:
    """Parse a reply."""
    return MAIN_DATA_ADAPTER.validate_python({"rid": 1, **fields})


def full(world: Rows) -> MainData:
    """Build a full reply."""
    return reply(full_update=True, torrents=world)


def delta(old: Rows, new: Rows) -> MainData:
    """Build the delta after the reply of `old`: of each torrent the values that differ."""
    changes = {
        key: {name: value for name, value in row.items() if key not in old or old[key][name] != value}
        for key, row in new.items()
    }
    return reply(
        torrents={key: change for key, change in changes.items() if change},
        torrents_removed=[key for key in old if key not in new],
    )


def known(torrents: TorrentsById) -> TorrentsById:
    """Return the torrents, with stopped ones for states that hide the intent."""
    hidden = [key for key, torrent in torrents.items() if is_stop_intent_hidden(torrent.state)]
    return set_stop_intent(torrents, hidden, hidden, {})


@given(st.lists(worlds, min_size=1, max_size=5))
def test_deltas_lead_to_the_torrents_of_a_full_reply(steps: list[Rows]) -> None:
    torrents: TorrentsById = convert_full_reply(full(steps[0]))
    for old, new in pairwise(steps):
        before, torrents = torrents, apply_delta(torrents, delta(old, new))
        whole = convert_full_reply(full(new))
        assert known(torrents) == known(whole)
        assert (torrents == before) == (torrents is before)
        assert all(torrents[key] is before[key] for key in torrents if before.get(key) == torrents[key])


@given(worlds, st.data())
def test_speeds_and_times_change_nothing(world: Rows, data: st.DataObject) -> None:
    torrents = convert_full_reply(full(world))
    noisy = {key: {**row, "dlspeed": 10, "eta": data.draw(st.integers(0, 9))} for key, row in world.items()}
    assert apply_delta(torrents, delta(world, noisy)) is torrents
    assert (
        apply_delta(torrents, reply(server_state={"dht_nodes": 3}, tags=["x"], trackers={"http://t": KEYS})) is torrents
    )


@given(worlds)
def test_the_stop_intent_is_kept_where_the_state_hides_it(world: Rows) -> None:
    torrents = known(convert_full_reply(full(world)))
    named = apply_delta(torrents, reply(torrents={key: {"name": "new"} for key in world}))
    assert {key: torrent.stopped for key, torrent in named.items()} == {k: t.stopped for k, t in torrents.items()}


@given(worlds, worlds)
def test_some_torrents_can_be_updated_alone(old: Rows, new: Rows) -> None:
    few = KEYS[::2]
    some = {key: torrent for key, torrent in convert_full_reply(full(old)).items() if key in few}
    left = {key: torrent for key, torrent in convert_full_reply(full(new)).items() if key in some}
    assert known(apply_delta(some, filter_delta(delta(old, new), some))) == known(left)


WHOLE = {
    "infohash_v1": KEYS[0],
    "infohash_v2": "",
    "name": "x",
    "state": "stoppedDL",
    "category": "",
    "tags": "",
    "save_path": "/d",
    "auto_tmm": False,
    "progress": 0,
    "size": 0,
    "content_path": "",
    **OPTIONS_ROW,
    "inactive_seeding_time_limit": -2,
    "download_path": "",
}


def test_a_new_torrent_with_missing_fields_is_no_delta() -> None:
    for missing in WHOLE:
        row = {name: value for name, value in WHOLE.items() if name != missing}
        with pytest.raises(NotADelta):
            apply_delta({}, reply(torrents={KEYS[0]: row}))
        with pytest.raises(NotADelta):
            convert_full_reply(reply(torrents={KEYS[0]: row}))
    with pytest.raises(NotADelta):
        apply_delta({}, reply(torrents={KEYS[0]: {"dlspeed": 3}}))


def test_a_torrent_with_another_id_is_no_delta() -> None:
    torrents = convert_full_reply(reply(torrents={KEYS[0]: WHOLE}))
    v2 = KEYS[1] + "1" * 24
    with pytest.raises(NotADelta):
        apply_delta(torrents, reply(torrents={KEYS[1]: {**WHOLE, "infohash_v2": v2}}))
    with pytest.raises(NotADelta):
        apply_delta(torrents, reply(torrents={KEYS[0]: {"infohash_v2": v2}}))
    gone = reply(torrents={KEYS[1]: {**WHOLE, "infohash_v2": v2}}, torrents_removed=[KEYS[0]])
    assert list(apply_delta(torrents, gone)) == [KEYS[1]], "the removal is reported too"


def test_progress_and_hidden_intent_make_no_difference() -> None:
    (torrent,) = convert_full_reply(reply(torrents={KEYS[0]: {**WHOLE, "state": "moving"}})).values()
    stopped = known({torrent.id: torrent})[torrent.id]
    (further,) = convert_full_reply(reply(torrents={KEYS[0]: {**WHOLE, "state": "moving", "progress": 1}})).values()
    assert is_equivalent(torrent, stopped) and is_equivalent(torrent, further) and stopped != torrent != further
    for name, value in (
        ("name", "y"),
        ("state", "stoppedDL"),
        ("tags", "a"),
        ("save_path", "/e"),
        ("size", 1),
        ("force_start", True),
    ):
        (other,) = convert_full_reply(reply(torrents={KEYS[0]: {**WHOLE, "state": "moving", name: value}})).values()
        assert not is_equivalent(torrent, other)


def test_a_check_hides_the_stop_intent_that_was_known_before() -> None:
    """A check makes a stopped torrent run, so the server's filter no longer knows it."""

    def read(state: str) -> TorrentsById:
        return convert_full_reply(reply(torrents={KEYS[0]: {**WHOLE, "state": state}}))

    def check(before: TorrentsById) -> bool | None:
        torrents = set_stop_intent(read("checkingDL"), [KEYS[0]], (), before)
        return torrents[KEYS[0]].is_meant_stopped

    assert check({}) is None
    assert check(read("stoppedDL")) is True
    assert check(read("downloading")) is False
    checked_once = set_stop_intent(read("checkingDL"), [KEYS[0]], (), read("stoppedDL"))
    assert check(checked_once) is True
    (moving,) = set_stop_intent(read("moving"), [KEYS[0]], (), read("stoppedDL")).values()
    assert moving.is_meant_stopped is False  # the filter knows it


def test_the_shared_amount_is_kept_while_a_torrent_stays_stopped_with_the_same_limits() -> None:
    """Deltas do not contain it."""
    (torrent,) = convert_full_reply(reply(torrents={KEYS[0]: {**WHOLE, "state": "stoppedUP"}})).values()
    known_torrent = replace(torrent, shared=SharedAmount(1.0, 60, -1, -1))

    def change(**values: Any) -> SharedAmount | None:
        torrents = apply_delta({KEYS[0]: known_torrent}, reply(torrents={KEYS[0]: values}))
        return torrents[KEYS[0]].shared

    assert change(tags="a") == known_torrent.shared
    assert change(state="uploading") is None
    assert change(ratio_limit=3.0) is None
