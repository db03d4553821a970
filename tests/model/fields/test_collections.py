"""Trackers, web seeds and files: what an entry declares is a minimum."""

from __future__ import annotations

from dataclasses import replace

from reconciler.model.fields.collections import file_text, find_entry_excess, find_trackers_to_remove
from reconciler.model.fields.entry_values import iter_special_changes
from reconciler.model.fields.names import FILES
from reconciler.model.fields.registry import is_applied
from reconciler.model.files import FileRule, LiveFile, Priority
from reconciler.model.links import TRACKERS, WEB_SEEDS, append_links, extract_links
from reconciler.model.magnet import parse_magnet
from reconciler.model.plan import AddTorrent, Change, UpdateTorrent
from tests.support.field_examples import TORRENT, make_entry

LINK = "magnet:?xt=urn:btih:" + "a" * 40
OLD, NEW, OTHER = "https://t.example/old", "https://t.example/new", "https://other.example/announce"
LIVE = replace(TORRENT, links=extract_links(append_links(LINK, [OLD, OTHER], [])))


def test_a_tracker_replaces_others_of_its_host_and_leaves_the_rest() -> None:
    entry = make_entry(trackers=(NEW,))
    assert find_entry_excess(entry, LIVE) == (OLD,)
    assert find_entry_excess(make_entry(trackers=(NEW,), only_trackers=True), LIVE) == (OLD, OTHER)
    (change,) = iter_special_changes(entry, LIVE)
    assert change.field == TRACKERS
    assert list(iter_special_changes(make_entry(trackers=(OLD,)), LIVE)) == []


def test_trackers_are_applied_when_the_new_are_there_and_the_old_are_not() -> None:
    change = Change(TRACKERS, (OLD,), (NEW,))
    update = UpdateTorrent("a", "", added_urls={TRACKERS: (NEW,)}, removed_trackers=(OLD,))
    assert not is_applied(change, LIVE, update)
    assert find_trackers_to_remove(update, LIVE) == (OLD,)
    assert is_applied(change, replace(LIVE, links=extract_links(append_links(LINK, [NEW, OTHER], []))), update)


def test_a_magnet_link_may_bring_trackers_of_its_own() -> None:
    change = Change(TRACKERS, (), (NEW,))
    live = replace(LIVE, links=extract_links(append_links(LINK, [NEW, OLD], [])))
    add = AddTorrent("a", "", added_urls={TRACKERS: (NEW,)})
    assert find_trackers_to_remove(add, live) == (OLD,)
    assert not is_applied(change, live, add)
    assert is_applied(change, live, replace(add, source=parse_magnet(LINK)))
    assert not is_applied(change, live, replace(add, source=parse_magnet(LINK), only_trackers=True))


def test_web_seeds_are_added_and_never_removed() -> None:
    entry = make_entry(web_seeds=("https://seed.example/x",))
    (change,) = iter_special_changes(entry, LIVE)
    assert (change.field, change.before) == (WEB_SEEDS, ())


def test_priorities_are_compared_once_the_files_are_known() -> None:
    entry = make_entry(files=(FileRule("*.nfo", Priority.SKIP),))
    nfo, video = LiveFile(0, "a.nfo", Priority.NORMAL), LiveFile(1, "a.mkv", Priority.NORMAL)
    assert list(iter_special_changes(entry, TORRENT)) == [Change(FILES, None, ("skip *.nfo",))]
    (change,) = iter_special_changes(entry, replace(TORRENT, files=(nfo, video)))
    assert change == Change(FILES, (file_text(nfo, Priority.NORMAL),), (file_text(nfo, Priority.SKIP),))
    update, skipped = UpdateTorrent("a", ""), replace(nfo, priority=Priority.SKIP)
    assert not is_applied(change, replace(TORRENT, files=(nfo, video)), update)
    assert is_applied(change, replace(TORRENT, files=(skipped, video)), update)
    assert not is_applied(change, TORRENT, update), "unknown"
