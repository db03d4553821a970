"""Names of torrents in the texts of a log."""

from __future__ import annotations

import pytest

from reconciler.model.server_log import LogEntry


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ('Torrent removed. Torrent: "film"', "film", True),
        ("'film' was removed from the transfer list and hard disk.", "film", True),
        ("„film“ wurde entfernt", "film", True),
        ("« film »", "film", True),
        ("film", "film", True),
        ('Torrent removed. Torrent: "film 2"', "film", False),
        ('Torrent removed. Torrent: "film.mkv"', "film", False),
        ('Torrent removed. Torrent: "my film"', "film", False),
        ('Torrent: "film 2", then "film"', "film", True),
        ('Torrent: "other"', "film", False),
        ('Torrent: ""', "", False),
    ],
)
def test_a_name_counts_only_as_a_whole(text: str, name: str, expected: bool) -> None:
    assert LogEntry(1, False, text).has_name(name) is expected
