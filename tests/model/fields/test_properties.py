"""The properties of a torrent."""

from __future__ import annotations

from dataclasses import replace

from reconciler.model.desired import DesiredTags
from reconciler.model.fields.entry_values import list_differences
from reconciler.model.fields.names import PAUSED, SAVE_PATH, SHARE_LIMITS, STOP_CONDITION, TAGS
from reconciler.model.fields.properties import PROPERTIES
from reconciler.model.fields.registry import is_applied
from reconciler.model.plan import AddTorrent, Change, UpdateTorrent
from reconciler.model.snapshot import SharedAmount
from reconciler.model.tags import HELD_TAG
from tests.support.field_examples import TORRENT, make_entry

ADD, UPDATE = AddTorrent("a", ""), UpdateTorrent("a", "")


def test_an_add_that_is_being_checked_counts_as_stopped() -> None:
    """It stops when its data has been checked. A stop that was sent shows at once."""
    stop, checked = Change(PAUSED, None, True), replace(TORRENT, state="checkingDL")
    assert is_applied(stop, checked, ADD)
    assert not is_applied(stop, checked, UPDATE)
    assert not is_applied(stop, TORRENT, ADD)


def test_an_add_with_a_stop_condition_counts_as_stopped() -> None:
    stop = Change(PAUSED, None, True)
    assert is_applied(stop, TORRENT, replace(ADD, changes=(Change(STOP_CONDITION, None, "metadata-received"),)))
    assert not is_applied(stop, TORRENT, replace(ADD, changes=(Change(STOP_CONDITION, None, "none"),)))


def test_a_declared_limit_that_is_reached_explains_a_stop() -> None:
    stopped = replace(TORRENT, stopped=True, shared=SharedAmount(2.0, 60, -1, -1))
    entry = make_entry(paused=False, options={f"{SHARE_LIMITS}.ratio": 2.0})
    assert [name for name, *_ in list_differences(entry, stopped) if name == PAUSED] == []
    higher = make_entry(paused=False, options={f"{SHARE_LIMITS}.ratio": 3.0})
    assert [name for name, *_ in list_differences(higher, stopped) if name == PAUSED] == [PAUSED]


def test_tags_of_people_stay_unless_the_entry_has_all() -> None:
    live = replace(TORRENT, tags=frozenset({"iso", "reconcile:me"}))
    assert list_differences(make_entry(tags=DesiredTags(frozenset({"new"}))), live) == [
        (TAGS, ("iso",), ("iso", "new"))
    ]
    assert list_differences(make_entry(tags=DesiredTags(frozenset({"new"}), only=True)), live) == [
        (TAGS, ("iso",), ("new",))
    ]


def test_data_is_at_its_path_when_it_no_longer_moves() -> None:
    change = Change(SAVE_PATH, "/old", "/data/")
    assert is_applied(change, TORRENT, UPDATE), "a separator at the end makes no difference"
    assert not is_applied(change, replace(TORRENT, state="moving"), UPDATE)
    assert not is_applied(change, replace(TORRENT, save_path="/old"), UPDATE)


def test_an_import_declares_no_stop_of_the_kill_switch() -> None:
    read_import = PROPERTIES[PAUSED].import_value
    assert read_import
    assert read_import(TORRENT) is None
    assert read_import(replace(TORRENT, stopped=True)) is True
    assert read_import(replace(TORRENT, stopped=True, tags=frozenset({HELD_TAG}))) is None
