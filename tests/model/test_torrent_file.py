"""Bytes of .torrent files, which are checked again when they are sent."""

from __future__ import annotations

import pytest

from reconciler.model.torrent_file import TorrentFile, TorrentFileError, identify_torrent
from tests.support.torrents import make_torrent


def make_torrent_file(data: bytes, data_now: bytes) -> TorrentFile:
    """Return the file of `data`, whose bytes have become `data_now`."""
    metainfo = identify_torrent(data)
    return TorrentFile("/t/a.torrent", metainfo.infohashes, metainfo.name, len(data), lambda: data_now)


def test_unchanged_bytes_are_returned() -> None:
    data = make_torrent(1)
    assert make_torrent_file(data, data).read_bytes() == data


def test_another_tracker_leaves_the_same_torrent() -> None:
    other_tracker = make_torrent(1, trackers=["https://tracker.example/announce"])
    assert make_torrent_file(make_torrent(1), other_tracker).read_bytes() == other_tracker


def test_a_file_that_became_another_torrent_is_refused() -> None:
    with pytest.raises(TorrentFileError, match="is now another torrent"):
        make_torrent_file(make_torrent(1), make_torrent(2)).read_bytes()


def test_bytes_that_are_no_torrent_are_an_error() -> None:
    with pytest.raises(TorrentFileError):
        identify_torrent(b"<html>")
    with pytest.raises(TorrentFileError):
        make_torrent_file(make_torrent(1), b"").read_bytes()


def test_a_file_is_compared_by_its_torrent_and_shows_no_location() -> None:
    first, second = make_torrent_file(make_torrent(1), b"1"), make_torrent_file(make_torrent(1), b"2")
    assert first == second
    assert "/t/a.torrent" not in repr(first)
