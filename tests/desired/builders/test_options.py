"""Options of entries: defaults, replacement, and the values that the model gets."""

from __future__ import annotations

from pathlib import Path

from reconciler.model.files import FileRule, Priority
from tests.support.desired_yaml import BUNNY, HEAD, SINTEL, load_text


def test_every_option_arrives_in_the_units_of_qbittorrent(tmp_path: Path) -> None:
    (torrent,) = load_text(
        tmp_path,
        f"""{HEAD}torrents:
  - magnet: {SINTEL}
    download_path: /inc/
    save_path: /data
    force_start: true
    sequential: false
    download_limit: 1 KiB/s
    upload_limit: unlimited
    share_limits: {{ratio: global, seeding_time: 1d, action: enable-super-seeding}}
    files: [{{match: "*.nfo", priority: skip}}, {{match: "**", priority: maximal}}]
    trackers: ["http://t.example/a", "HTTP://T.example:80/a", "udp://u.example:1"]
    web_seeds: ["http://w.example/a%20b"]
    comment: |
      two
      lines
    content_layout: original
    skip_checking: false
    stop_condition: none
    ignore_changes: [comment, name]
""",
    ).torrents
    assert dict(torrent.options) == {
        "download_path": "/inc",
        "force_start": True,
        "sequential": False,
        "download_limit": 1024,
        "upload_limit": 0,
        "share_limits.ratio": -2,
        "share_limits.seeding_time": 1440,
        "share_limits.action": "enable-super-seeding",
        "comment": "two\nlines",
    }
    assert dict(torrent.create_only) == {"content_layout": "original", "skip_checking": False, "stop_condition": "none"}
    assert torrent.files == (FileRule("*.nfo", Priority.SKIP), FileRule("**", Priority.MAXIMAL))
    assert torrent.trackers == ("http://t.example/a", "udp://u.example:1"), "each meaning once"
    assert torrent.ignore_changes == {"comment", "name"}


def test_a_torrents_own_options_replace_the_defaults_and_null_undoes_them(tmp_path: Path) -> None:
    first, second = load_text(
        tmp_path,
        f"""{HEAD}defaults:
  download_limit: 1 KiB/s
  share_limits: {{ratio: 1, seeding_time: 1d}}
  trackers: ["http://t.example"]
torrents:
  - {{magnet: "{SINTEL}", share_limits: {{ratio: 2}}, trackers: []}}
  - {{magnet: "{BUNNY}", download_limit: null, share_limits: null}}
""",
    ).torrents
    assert dict(first.options) == {"download_limit": 1024, "share_limits.ratio": 2}
    assert first.trackers == ()
    assert dict(second.options) == {}
    assert second.trackers == ("http://t.example",)


def test_options_of_defaults_mean_nothing_to_what_is_declared_absent(tmp_path: Path) -> None:
    (torrent,) = load_text(
        tmp_path,
        f"""{HEAD}defaults: {{sequential: true, auto_tmm: true}}
torrents:
  - {{magnet: "{SINTEL}", state: absent, delete_files: true}}
""",
    ).torrents
    assert (dict(torrent.options), torrent.delete_files) == ({}, True)


def test_without_options_nothing_is_managed(tmp_path: Path) -> None:
    (torrent,) = load_text(tmp_path, f"{HEAD}torrents: [{{magnet: '{SINTEL}'}}]\n").torrents
    assert not torrent.options
    assert not torrent.create_only
    assert torrent.delete_files is None


def test_passkeys_are_in_no_repr(tmp_path: Path) -> None:
    desired = load_text(
        tmp_path, f"{HEAD}torrents: [{{magnet: '{SINTEL}', trackers: ['http://t.example/hunter2/announce']}}]\n"
    )
    assert "hunter2" not in repr(desired)
