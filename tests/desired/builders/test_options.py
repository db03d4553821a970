"""Options from YAML: units, defaults, and what the model gets of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.desired.context import InvalidValue
from reconciler.desired.schema import options as rules
from reconciler.model.files import FileRule, Priority
from reconciler.model.units import minutes_text, rate_text, ratio_text
from tests.support.desired_yaml import BUNNY, HEAD, SINTEL, load_text


@given(st.integers(0, rules.MAX_RATE))
def test_a_rate_that_is_shown_reads_as_the_same(rate: int) -> None:
    assert rules.parse_rate(rate_text(rate)) == rate


@given(st.integers(-2, rules.MAX_MINUTES))
def test_a_time_that_is_shown_reads_as_the_same(minutes: int) -> None:
    assert rules.parse_minutes(minutes_text(minutes)) == minutes


@given(st.sampled_from((-2, -1)) | st.integers(0, rules.MAX_RATIO * 1000).map(lambda n: round(n / 1000, 3)))
def test_a_ratio_that_is_shown_reads_as_the_same(ratio: float) -> None:
    assert rules.parse_ratio(ratio_text(ratio)) == ratio


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("5 MiB/s", 5 << 20),
        ("5MiB/s", 5 << 20),
        ("1.5 MiB/s", 3 << 19),
        ("100 kB/s", 100_000),
        ("1 GB/s", 10**9),
        ("1 B/s", 1),
        ("0.5 KiB/s", 512),
        ("unlimited", 0),
    ],
)
def test_rates(text: str, rate: int) -> None:
    assert rules.parse_rate(text) == rate


@pytest.mark.parametrize(
    ("text", "minutes"), [("90m", 90), ("14d", 20160), ("1h30m", 90), ("0m", 0), ("120s", 2), ("365d", 525600)]
)
def test_times(text: str, minutes: int) -> None:
    assert rules.parse_minutes(text) == minutes


@pytest.mark.parametrize("text", ["", "5", "5 MiBs", "5 /s", "MiB/s", "-5 MiB/s", "5 KB/s", "5 mb/s", "2 GiB/s"])
def test_what_is_no_rate(text: str) -> None:
    with pytest.raises(InvalidValue) as error:
        rules.parse_rate(text)
    assert error.value.hint


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
    one, two = load_text(
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
    assert dict(one.options) == {"download_limit": 1024, "share_limits.ratio": 2}
    assert one.trackers == ()
    assert dict(two.options) == {}
    assert two.trackers == ("http://t.example",)


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
