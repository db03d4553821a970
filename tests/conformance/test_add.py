"""What an add promises: exactly the options that were sent, once the torrent shows."""

from __future__ import annotations

import secrets
from dataclasses import replace

from reconciler.model.snapshot import AddOptions
from tests.support.conformance_subject import STOPPED, Subject, magnet


def test_every_option_arrives(subject: Subject) -> None:
    path = subject.path()
    options = AddOptions(
        stopped=True,
        auto_tmm=False,
        category=subject.category(subject.path()),
        save_path=path,
        tags=("reconcile:home", "b c"),
        name="A name",
    )
    (key,) = subject.added(options=options)
    torrent = subject.one(key)
    assert (torrent.category, torrent.save_path, torrent.name) == (options.category, path, "A name")
    assert torrent.stopped
    assert not torrent.auto_tmm
    assert torrent.tags == (frozenset(options.tags) if subject.target.can_tag_at_add else frozenset())


def test_tags_can_follow_where_an_add_takes_none(subject: Subject) -> None:
    ids = subject.added(3)
    subject.target.add_tags(ids, ["reconcile:home", "x"])
    subject.eventually(ids, lambda found: all(t.tags == {"reconcile:home", "x"} for t in found))


def test_a_torrent_can_be_added_running(subject: Subject) -> None:
    (key,) = subject.added(options=AddOptions(stopped=False, auto_tmm=False))
    assert not subject.one(key).stopped


def test_the_stop_intent_shows_from_the_first_moment(subject: Subject) -> None:
    # the state of a new torrent is checkingResumeData for a moment, which says nothing about it
    hashes = [secrets.token_hex(20) for _ in range(50)]
    subject.target.add_magnets([magnet(key) for key in hashes], STOPPED)
    subject.eventually(hashes, lambda found: all(t.stopped for t in found) and len(found) == 50)


def test_automatic_management_puts_it_where_its_category_is(subject: Subject) -> None:
    path = subject.path()
    category = subject.category(path)
    (key,) = subject.added(options=AddOptions(stopped=True, auto_tmm=True, category=category))
    assert (subject.one(key).auto_tmm, subject.one(key).save_path) == (True, path)


def test_a_category_without_a_path_means_a_folder_of_its_name(subject: Subject) -> None:
    (plain,) = subject.added()
    category = subject.category("")
    (key,) = subject.added(options=AddOptions(stopped=True, auto_tmm=True, category=category))
    assert subject.one(key).save_path == f"{subject.one(plain).save_path}/{category}"


def test_manual_management_ignores_the_path_of_the_category(subject: Subject) -> None:
    (plain,) = subject.added()
    category = subject.category(subject.path())
    (key,) = subject.added(options=AddOptions(stopped=True, auto_tmm=False, category=category))
    assert subject.one(key).save_path == subject.one(plain).save_path


def test_a_duplicate_is_no_error_and_changes_nothing(subject: Subject) -> None:
    (key,) = subject.added(options=replace(STOPPED, category=subject.category("")))
    before = subject.one(key)
    other = AddOptions(stopped=False, auto_tmm=False, save_path=subject.path(), tags=("x",), name="other")
    subject.target.add_magnets([magnet(key)], replace(other, category=subject.category("")))
    assert subject.one(key) == before


def test_duplicates_do_not_keep_the_others_of_their_batch_out(subject: Subject) -> None:
    (old,) = subject.added()
    new = secrets.token_hex(20)
    subject.target.add_magnets([magnet(old), magnet(new), magnet(new)], STOPPED)
    subject.eventually([old, new], lambda found: len(found) == 2)


def test_a_category_that_is_missing_comes_into_being_without_a_path(subject: Subject) -> None:
    (key,) = subject.added(options=replace(STOPPED, category=subject.category()))
    assert subject.target.read_categories()[subject.one(key).category].save_path == ""


def test_a_category_of_a_bad_name_is_left_out(subject: Subject) -> None:
    (key,) = subject.added(options=replace(STOPPED, category="a//b"))
    assert subject.one(key).category == ""
    assert "a//b" not in subject.target.read_categories()


def test_without_a_name_it_is_called_as_the_magnet_says_or_by_its_hash(subject: Subject) -> None:
    named, bare = secrets.token_hex(20), secrets.token_hex(20)
    subject.target.add_magnets([magnet(named, "Some.Name"), magnet(bare)], STOPPED)
    subject.eventually([named, bare], lambda found: {t.name for t in found} == {"Some.Name", bare})


def test_spaces_around_a_name_go(subject: Subject) -> None:
    (key,) = subject.added(options=replace(STOPPED, name="  a b "))
    assert subject.one(key).name == "a b"


def test_hundreds_at_once(subject: Subject) -> None:
    ids = subject.added(700, replace(STOPPED, tags=("many",), category=subject.category("")))
    assert {t.id for t in subject.target.read_snapshot().torrents} >= set(ids)
    assert len(subject.target.read_torrents([*ids, secrets.token_hex(20)])) == 700
