"""A torrent that was added by a link has exactly the options that were sent."""

from __future__ import annotations

import secrets
from dataclasses import replace

from reconciler.model.links import TRACKERS, append_links, parse_link_urls
from reconciler.model.snapshot import AddOptions
from reconciler.model.versions import LINK_TRACKER_FILTER
from tests.support.conformance_subject import STOPPED, ConformanceSubject, make_v1_magnet


def test_every_option_arrives(subject: ConformanceSubject) -> None:
    path = subject.new_path()
    options = AddOptions(
        stopped=True,
        auto_tmm=False,
        category=subject.new_category(subject.new_path()),
        save_path=path,
        tags=("reconcile:home", "b c"),
        name="A name",
    )
    (key,) = subject.add_torrents(options=options)
    torrent = subject.read_torrent(key)
    assert (torrent.category, torrent.save_path, torrent.name) == (options.category, path, "A name")
    assert torrent.stopped
    assert not torrent.auto_tmm
    assert torrent.tags == (frozenset(options.tags) if subject.target.can_tag_at_add else frozenset())


def test_tags_can_be_added_after_an_add(subject: ConformanceSubject) -> None:
    ids = subject.add_torrents(3)
    subject.target.add_tags(ids, ["reconcile:home", "x"])
    subject.wait_until(ids, lambda torrents: all(torrent.tags == {"reconcile:home", "x"} for torrent in torrents))


def test_a_torrent_can_be_added_running(subject: ConformanceSubject) -> None:
    (key,) = subject.add_torrents(options=AddOptions(stopped=False, auto_tmm=False))
    assert not subject.read_torrent(key).stopped


def test_the_stop_intent_shows_from_the_first_moment(subject: ConformanceSubject) -> None:
    # the state of a new torrent is checkingResumeData for a moment, which hides the intent
    hashes = [secrets.token_hex(20) for _ in range(50)]
    subject.target.add_magnets([make_v1_magnet(key) for key in hashes], STOPPED)
    subject.wait_until(hashes, lambda torrents: all(torrent.stopped for torrent in torrents) and len(torrents) == 50)


def test_automatic_management_puts_it_where_its_category_is(subject: ConformanceSubject) -> None:
    path = subject.new_path()
    category = subject.new_category(path)
    (key,) = subject.add_torrents(options=AddOptions(stopped=True, auto_tmm=True, category=category))
    assert (subject.read_torrent(key).auto_tmm, subject.read_torrent(key).save_path) == (True, path)


def test_a_category_without_a_path_means_a_folder_of_its_name(subject: ConformanceSubject) -> None:
    (plain,) = subject.add_torrents()
    category = subject.new_category("")
    (key,) = subject.add_torrents(options=AddOptions(stopped=True, auto_tmm=True, category=category))
    assert subject.read_torrent(key).save_path == f"{subject.read_torrent(plain).save_path}/{category}"


def test_manual_management_ignores_the_path_of_the_category(subject: ConformanceSubject) -> None:
    (plain,) = subject.add_torrents()
    category = subject.new_category(subject.new_path())
    (key,) = subject.add_torrents(options=AddOptions(stopped=True, auto_tmm=False, category=category))
    assert subject.read_torrent(key).save_path == subject.read_torrent(plain).save_path


def test_a_duplicate_is_no_error_and_changes_nothing(subject: ConformanceSubject) -> None:
    (key,) = subject.add_torrents(options=replace(STOPPED, category=subject.new_category("")))
    before = subject.read_torrent(key)
    other = AddOptions(stopped=False, auto_tmm=False, save_path=subject.new_path(), tags=("x",), name="other")
    subject.target.add_magnets([make_v1_magnet(key)], replace(other, category=subject.new_category("")))
    assert subject.read_torrent(key) == before


def test_duplicates_do_not_block_the_others_of_their_batch(subject: ConformanceSubject) -> None:
    (old,) = subject.add_torrents()
    new = secrets.token_hex(20)
    subject.target.add_magnets([make_v1_magnet(old), make_v1_magnet(new), make_v1_magnet(new)], STOPPED)
    subject.wait_until([old, new], lambda torrents: len(torrents) == 2)


def test_a_missing_category_is_created_without_a_path(subject: ConformanceSubject) -> None:
    (key,) = subject.add_torrents(options=replace(STOPPED, category=subject.new_category()))
    assert subject.target.read_categories()[subject.read_torrent(key).category].save_path == ""


def test_a_category_with_an_invalid_name_is_ignored(subject: ConformanceSubject) -> None:
    (key,) = subject.add_torrents(options=replace(STOPPED, category="a//b"))
    assert subject.read_torrent(key).category == ""
    assert "a//b" not in subject.target.read_categories()


def test_the_default_name_is_that_of_the_magnet_or_the_hash(subject: ConformanceSubject) -> None:
    named, bare = secrets.token_hex(20), secrets.token_hex(20)
    subject.target.add_magnets([make_v1_magnet(named, "Some.Name"), make_v1_magnet(bare)], STOPPED)
    subject.wait_until([named, bare], lambda torrents: {torrent.name for torrent in torrents} == {"Some.Name", bare})


def test_5_3_drops_the_websocket_trackers_of_a_link(subject: ConformanceSubject) -> None:
    key, udp, websocket = secrets.token_hex(20), "udp://u.example:1/a", "wss://w.example"
    link = append_links(make_v1_magnet(key), [websocket, udp], [])
    subject.target.add_magnets([link], STOPPED)
    subject.wait_until([key], lambda torrents: len(torrents) == 1)
    kept = [udp] if subject.build.has(LINK_TRACKER_FILTER) else [websocket, udp]
    assert parse_link_urls(subject.read_torrent(key).links, TRACKERS) == kept


def test_spaces_around_a_name_are_stripped(subject: ConformanceSubject) -> None:
    (key,) = subject.add_torrents(options=replace(STOPPED, name="  a b "))
    assert subject.read_torrent(key).name == "a b"


def test_hundreds_at_once(subject: ConformanceSubject) -> None:
    ids = subject.add_torrents(700, replace(STOPPED, tags=("many",), category=subject.new_category("")))
    assert {torrent.id for torrent in subject.target.read_snapshot().torrents} >= set(ids)
    assert len(subject.target.read_torrents([*ids, secrets.token_hex(20)])) == 700
