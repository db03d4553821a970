"""The rows of the format."""

from __future__ import annotations

from reconciler.model.snapshot import LiveOptions, LiveTorrent, ShareLimits
from reconciler.saved.snapshot_rows import OptionRow, SavedTorrent


def test_every_field_of_a_torrent_has_its_place_in_the_format() -> None:
    elsewhere = {"infohashes": "v1", "links": "trackers", "files": "files"}
    fields = {elsewhere.get(name, name) for name in LiveTorrent.__slots__}
    assert fields <= SavedTorrent.__annotations__.keys()
    renamed = {"action": "share_action", "mode": "share_mode"}
    options = {name for name in LiveOptions.__slots__ if name != "share"}
    assert options | {renamed.get(name, name) for name in ShareLimits.__slots__} == OptionRow.__annotations__.keys()
