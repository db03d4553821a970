"""The local .torrent files, read again only after a change."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler import file_fingerprint
from reconciler.desired.torrent_files import TorrentFileCache, is_url
from reconciler.model.torrent_file import MissingTorrentFileError, TorrentFileError
from tests.support.torrents import make_torrent


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("http://a/1.torrent", True),
        ("HTTPS://a/1.torrent", True),
        ("ftp://a/1.torrent", False),
        ("http:/a", False),
        ("/data/http://a", False),
        ("", False),
    ],
)
def test_only_http_and_https_locations_are_urls(location: str, expected: bool) -> None:
    assert is_url(location) is expected


def test_a_file_has_its_path_name_and_length_and_can_be_read_again(tmp_path: Path) -> None:
    path, data = tmp_path / "a.torrent", make_torrent(1)
    path.write_bytes(data)
    file = TorrentFileCache().get(str(path))
    assert (file.location, file.name, file.length) == (str(path), "torrent-1", len(data))
    assert file.read_bytes() == data


def test_a_file_that_is_another_torrent_by_now_is_not_sent(tmp_path: Path) -> None:
    path = tmp_path / "a.torrent"
    path.write_bytes(make_torrent(1))
    file = TorrentFileCache().get(str(path))
    path.write_bytes(make_torrent(2))
    with pytest.raises(TorrentFileError, match="it has changed since it was read and is now another torrent"):
        file.read_bytes()


def test_a_missing_file_differs_from_an_unusable_one(tmp_path: Path) -> None:
    cache = TorrentFileCache()
    with pytest.raises(MissingTorrentFileError, match="there is no such file"):
        cache.get(str(tmp_path / "a.torrent"))
    with pytest.raises(TorrentFileError, match="Is a directory") as unusable:
        cache.get(str(tmp_path))
    assert not isinstance(unusable.value, MissingTorrentFileError)
    with pytest.raises(TorrentFileError, match="its path is not usable"):
        cache.get("a\0b")


def test_what_has_not_changed_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, torrents = tmp_path / "a.torrent", TorrentFileCache()
    path.write_bytes(make_torrent(1))
    assert torrents.get(str(path)) is not torrents.get(str(path)), "it may be written again within the same moment"
    monkeypatch.setattr(file_fingerprint, "MIN_FILE_AGE", 0.0)
    first = torrents.get(str(path))
    assert torrents.get(str(path)) is first
    before = path.stat()
    path.write_bytes(make_torrent(2))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert torrents.get(str(path)).name == "torrent-2", "of the same size and, as it says, the same age"
    path.unlink()
    with pytest.raises(TorrentFileError, match="no such file"):
        torrents.get(str(path))
