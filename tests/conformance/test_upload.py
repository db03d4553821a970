"""Torrents that were added by .torrent files have exactly the options that were sent."""

from __future__ import annotations

import secrets
from dataclasses import replace

import pytest

from reconciler.model.errors import RejectedError
from reconciler.model.infohash import InfoHashes
from reconciler.model.metainfo import parse_metainfo
from reconciler.model.snapshot import AddOptions
from reconciler.model.versions import V2_TORRENTS
from tests.support.conformance_subject import STOPPED, ConformanceSubject, make_v1_magnet
from tests.support.odd_torrents import ACCEPTED, REFUSED, make_odd_torrent
from tests.support.torrents import TORRENT_KINDS, TorrentKind, make_torrent


def make_files(count: int = 1, kind: TorrentKind = "v1") -> dict[str, bytes]:
    """Make new .torrent files, by infohash."""
    files = [make_torrent(secrets.randbits(60), kind) for _ in range(count)]
    return {str(parse_metainfo(data).infohashes): data for data in files}


def read_infohashes(data: bytes) -> InfoHashes:
    """Return the infohashes of a .torrent file."""
    return parse_metainfo(data).infohashes


def test_every_option_arrives(subject: ConformanceSubject) -> None:
    files, path = make_files(3), subject.new_path()
    category = subject.new_category(subject.new_path())
    options = AddOptions(True, False, category, path, ("reconcile:home", "b c"), "A näme")
    subject.target.add_torrent_files(files, options)
    tags = frozenset(options.tags) if subject.target.can_tag_at_add else frozenset()
    expected = {(category, path, "A näme", tags, True, 20_000)}
    subject.wait_until(
        list(files),
        lambda torrents: (
            len(torrents) == 3
            and {
                (torrent.category, torrent.save_path, torrent.name, torrent.tags, torrent.stopped, torrent.size)
                for torrent in torrents
            }
            == expected
        ),
    )


def test_the_default_name_is_that_of_the_file(subject: ConformanceSubject) -> None:
    data = make_torrent(secrets.randbits(60), name="Grüße.bin")
    (key,) = read_infohashes(data).ids
    subject.target.add_torrent_files({"x.torrent": data}, replace(STOPPED, stopped=False))
    subject.wait_until(
        [key], lambda torrents: [(torrent.name, torrent.stopped) for torrent in torrents] == [("Grüße.bin", False)]
    )


def test_automatic_management_uses_the_path_of_the_category(subject: ConformanceSubject) -> None:
    (key, data), path = make_files().popitem(), subject.new_path()
    subject.target.add_torrent_files({key: data}, AddOptions(True, True, subject.new_category(path)))
    subject.wait_until(
        [key], lambda torrents: [(torrent.auto_tmm, torrent.save_path) for torrent in torrents] == [(True, path)]
    )


@pytest.mark.parametrize("kind", ["v1", "hybrid"])
def test_a_duplicate_is_no_error_and_changes_nothing(subject: ConformanceSubject, kind: TorrentKind) -> None:
    ((_, data),) = make_files(1, kind).items()
    ids = read_infohashes(data).ids
    subject.target.add_torrent_files({"a": data}, STOPPED)
    subject.wait_until(ids, lambda torrents: len(torrents) == 1 and torrents[0].state != "checkingResumeData")
    before = subject.target.read_torrents(ids)
    other = AddOptions(False, False, subject.new_category(""), subject.new_path(), ("x",), "other")
    subject.target.add_torrent_files({"b": data}, other)
    subject.target.add_magnets([make_v1_magnet(str(read_infohashes(data).v1))], other)
    assert subject.target.read_torrents(ids) == before


def test_duplicates_do_not_block_the_others(subject: ConformanceSubject) -> None:
    files = make_files(3)
    old = dict(list(files.items())[:1])
    subject.target.add_torrent_files(old, STOPPED)
    subject.target.add_torrent_files(files, STOPPED)
    subject.wait_until(list(files), lambda torrents: len(torrents) == 3)


@pytest.mark.parametrize("kind", TORRENT_KINDS)
def test_the_ids_of_every_kind(subject: ConformanceSubject, kind: TorrentKind) -> None:
    ((_, data),) = make_files(1, kind).items()
    hashes, libtorrent_2 = read_infohashes(data), subject.build.has(V2_TORRENTS)
    if kind == "v2" and not libtorrent_2:
        with pytest.raises(RejectedError) as refusal:
            subject.target.add_torrent_files({"a": data}, STOPPED)
        assert refusal.value.http_status == 415
        return
    subject.target.add_torrent_files({"a": data}, STOPPED)
    shown = hashes if libtorrent_2 else InfoHashes(hashes.v1)
    subject.wait_until(
        hashes.ids,
        lambda torrents: [(torrent.id, torrent.infohashes) for torrent in torrents] == [(shown.ids[0], shown)],
    )


def test_an_invalid_file_is_refused(subject: ConformanceSubject) -> None:
    with pytest.raises(RejectedError) as refusal:
        subject.target.add_torrent_files({"a.torrent": b"junk"}, STOPPED)
    assert refusal.value.http_status == 415


def test_odd_files_are_accepted_under_the_infohash_of_their_bytes(subject: ConformanceSubject) -> None:
    files = {name: make_odd_torrent(secrets.randbits(60), change) for name, change in ACCEPTED.items()}
    named = {f"{number}.torrent": data for number, data in enumerate(files.values())}
    subject.target.add_torrent_files(named, STOPPED)
    expected = {str(read_infohashes(data).v1) for data in files.values()}
    subject.wait_until(list(expected), lambda torrents: {torrent.id for torrent in torrents} == expected)


@pytest.mark.parametrize("oddity", REFUSED)
def test_odd_files_that_we_refuse_are_refused_there_too(subject: ConformanceSubject, oddity: str) -> None:
    data = make_odd_torrent(secrets.randbits(60), REFUSED[oddity])
    with pytest.raises(RejectedError) as refusal:
        subject.target.add_torrent_files({"a.torrent": data}, STOPPED)
    assert refusal.value.http_status == 415


def test_an_invalid_file_blocks_at_most_the_others_of_its_request(subject: ConformanceSubject) -> None:
    files = make_files(4)
    with pytest.raises(RejectedError) as refusal:
        subject.target.add_torrent_files({**files, "bad": b"junk"}, STOPPED)
    assert refusal.value.http_status == 415
    subject.target.add_torrent_files(files, STOPPED)
    subject.wait_until(list(files), lambda torrents: len(torrents) == 4)


def test_hundreds_at_once(subject: ConformanceSubject) -> None:
    files = make_files(300)
    subject.target.add_torrent_files(files, replace(STOPPED, tags=("many",)))
    subject.wait_until(list(files), lambda torrents: len(torrents) == 300)


def test_an_upload_without_files_is_an_error(subject: ConformanceSubject) -> None:
    with pytest.raises(ValueError, match="nothing"):
        subject.target.add_torrent_files({}, STOPPED)
