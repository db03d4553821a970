"""The options of a torrent on each version, with an add and afterwards."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from reconciler.model.errors import RejectedError, UnsupportedError
from reconciler.model.fields.options import OPTIONS
from reconciler.model.fields.registry import can_set_at_add
from reconciler.model.files import Priority
from reconciler.model.links import find_missing_urls, parse_link_urls
from reconciler.model.snapshot import LiveTorrent, ShareLimits
from reconciler.model.versions import (
    ADD_WEB_SEEDS,
    BULK_ADD_TRACKERS,
    DOWNLOAD_PATH,
    MISSING_TRACKER_REMOVAL,
    SAVE_PATH_AS_DOWNLOAD_PATH,
)
from tests.support.conformance_subject import STOPPED, ConformanceSubject

VALUES: dict[str, Any] = {
    "sequential": True,
    "first_last_piece_first": True,
    "download_limit": 1000,
    "upload_limit": 5 << 20,
    "share_limits.ratio": 1.5,
    "share_limits.seeding_time": 90,
    "share_limits.inactive_seeding_time": -1,
    "share_limits.action": "remove-with-content",
    "download_path": "/tmp/incomplete",
}


def read_value(subject: ConformanceSubject, key: str, field: str) -> Any:
    """Return the value of a field on the instance."""
    return OPTIONS[field].read(subject.read_torrent(key))


def wait_for_value(subject: ConformanceSubject, key: str, field: str, wanted: Any) -> None:
    """Wait until the field has this value."""
    subject.wait_until([key], lambda torrents: OPTIONS[field].is_same(OPTIONS[field].read(torrents[0]), wanted))


def test_a_new_torrent_has_default_options(subject: ConformanceSubject) -> None:
    (key,) = subject.add_torrents()
    for field, option in OPTIONS.items():
        default = read_value(subject, key, field)
        assert default == (option.default if default is not None else None), field
        assert (default is not None) == subject.build.has(option.capability) or field == "comment", field


@pytest.mark.parametrize("field", sorted(VALUES))
def test_an_option_goes_with_an_add(subject: ConformanceSubject, field: str) -> None:
    if not can_set_at_add(field, subject.target.api_version):
        return
    options = replace(STOPPED, extra_options=((field, VALUES[field]),), save_path=subject.new_path())
    (key,) = subject.add_torrents(options=options)
    assert read_value(subject, key, field) == VALUES[field]
    others = {
        name
        for name in OPTIONS
        if name != field and read_value(subject, key, name) not in (None, OPTIONS[name].default)
    }
    assert others == set()


def test_a_forced_start_goes_with_an_add_from_5_1_on(subject: ConformanceSubject) -> None:
    if not can_set_at_add("force_start", subject.target.api_version):
        return
    (key,) = subject.add_torrents(options=replace(STOPPED, stopped=False, extra_options=(("force_start", True),)))
    wait_for_value(subject, key, "force_start", True)


def test_create_only_options_are_accepted(subject: ConformanceSubject) -> None:
    more = (("content_layout", "no-subfolder"), ("skip_checking", True), ("stop_condition", "files-checked"))
    (key,) = subject.add_torrents(options=replace(STOPPED, extra_options=more))
    assert subject.read_torrent(key).stopped


def test_no_download_path_goes_with_an_add(subject: ConformanceSubject) -> None:
    if can_set_at_add("download_path", subject.target.api_version):
        (key,) = subject.add_torrents(options=replace(STOPPED, extra_options=(("download_path", ""),)))
        assert read_value(subject, key, "download_path") == ""


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("download_limit", (1, 1000, 2**31 - 2, 0)),
        ("upload_limit", (1, 1000, 2**31 - 2, 0)),
        ("super_seeding", (True, False)),
        ("comment", (" two\nlines ", "")),
        ("auto_tmm", (True, False)),
    ],
)
def test_an_option_is_set(subject: ConformanceSubject, field: str, values: tuple[Any, ...]) -> None:
    first, second = subject.add_torrents(2)
    for wanted in values:
        if not subject.build.has(OPTIONS[field].capability):
            with pytest.raises(UnsupportedError):
                subject.target.set_option([first], field, wanted)
            continue
        subject.target.set_option([first, secrets.token_hex(20)], field, wanted)
        wait_for_value(subject, first, field, wanted.strip() if isinstance(wanted, str) else wanted)
        assert read_value(subject, second, field) == OPTIONS[field].default


@pytest.mark.parametrize("field", ["sequential", "first_last_piece_first"])
def test_a_toggle_changes_only_the_given_torrents(subject: ConformanceSubject, field: str) -> None:
    ids = subject.add_torrents(3)
    subject.target.toggle_option(ids[:2], field)
    assert [read_value(subject, key, field) for key in ids] == [True, True, False]
    subject.target.toggle_option(ids[1:], field)
    assert [read_value(subject, key, field) for key in ids] == [True, False, True]


def test_share_limits_are_set_together(subject: ConformanceSubject) -> None:
    ids = subject.add_torrents(2)
    share = subject.read_torrent(ids[0]).options.share
    wanted = replace(share, ratio=9999, seeding_time=525600)
    if share.inactive_seeding_time is not None:
        wanted = replace(wanted, inactive_seeding_time=0)
    if share.action is not None:
        wanted = replace(wanted, action="enable-super-seeding")
    subject.target.set_share_limits(ids, wanted)
    assert [torrent.options.share for torrent in subject.target.read_torrents(ids)] == [wanted, wanted]
    subject.target.set_share_limits(ids[:1], share)
    assert subject.read_torrent(ids[0]).options.share == share


def test_share_limits_that_a_version_lacks_are_ignored(subject: ConformanceSubject) -> None:
    (key,) = subject.add_torrents()
    subject.target.set_share_limits([key], ShareLimits(0, 0, 0, "stop", "MatchAll"))
    share = subject.read_torrent(key).options.share
    assert (share.ratio, share.seeding_time) == (0, 0)
    assert share.inactive_seeding_time in (None, 0)
    assert share.action in (None, "stop")
    assert share.mode in (None, "MatchAll")


def test_setting_and_ending_a_forced_start_both_start(subject: ConformanceSubject) -> None:
    (key,) = subject.add_torrents()
    subject.target.set_option([key], "force_start", True)
    subject.wait_until([key], lambda torrents: torrents[0].options.force_start and not torrents[0].stopped)
    subject.target.stop_torrents([key])
    subject.wait_until([key], lambda torrents: torrents[0].stopped and not torrents[0].options.force_start)
    subject.target.set_option([key], "force_start", False)
    subject.wait_until([key], lambda torrents: not torrents[0].stopped)


def test_a_plain_start_ends_a_forced_one(subject: ConformanceSubject) -> None:
    (key,) = subject.add_torrents()
    subject.target.set_option([key], "force_start", True)
    wait_for_value(subject, key, "force_start", True)
    subject.target.start_torrents([key])
    wait_for_value(subject, key, "force_start", False)


def test_automatic_management_moves_to_the_category_and_manual_management_stays_there(
    subject: ConformanceSubject,
) -> None:
    path = subject.new_path()
    (key,) = subject.add_torrents(
        options=replace(STOPPED, category=subject.new_category(path), save_path=subject.new_path())
    )
    subject.target.set_option([key], "auto_tmm", True)
    subject.wait_until([key], lambda torrents: (torrents[0].auto_tmm, torrents[0].save_path) == (True, path))
    subject.target.set_option([key], "auto_tmm", False)
    subject.wait_until([key], lambda torrents: (torrents[0].auto_tmm, torrents[0].save_path) == (False, path))


def test_a_download_path_is_set_and_removed(subject: ConformanceSubject) -> None:
    save_path, path = subject.new_path(), subject.new_path()
    (key,) = subject.add_torrents(options=replace(STOPPED, save_path=save_path))
    if not subject.build.has(DOWNLOAD_PATH):
        with pytest.raises(UnsupportedError):
            subject.target.set_option([key], "download_path", path)
        return
    subject.target.set_option([key], "download_path", path)
    wait_for_value(subject, key, "download_path", path)
    subject.target.set_option([key], "download_path", "")
    wait_for_value(subject, key, "download_path", "")
    assert subject.read_torrent(key).save_path == save_path


def test_a_removed_download_path_stays_behind_after_a_move_on_new_versions(subject: ConformanceSubject) -> None:
    save_path = subject.new_path()
    (key,) = subject.add_torrents(options=replace(STOPPED, save_path=save_path))
    if not subject.build.has(DOWNLOAD_PATH):
        return
    subject.target.set_option([key], "download_path", subject.new_path())
    subject.target.set_option([key], "download_path", "")
    subject.target.set_location([key], subject.new_path())
    subject.wait_until([key], lambda torrents: torrents[0].save_path != save_path)
    assert read_value(subject, key, "download_path") == (
        save_path if subject.build.has(SAVE_PATH_AS_DOWNLOAD_PATH) else ""
    )


def test_a_download_path_is_ignored_under_automatic_management(subject: ConformanceSubject) -> None:
    if not subject.build.has(DOWNLOAD_PATH):
        return
    (key,) = subject.add_torrents(
        options=replace(STOPPED, auto_tmm=True, category=subject.new_category(subject.new_path()))
    )
    before = subject.read_torrent(key)
    subject.target.set_option([key], "download_path", subject.new_path())
    assert subject.read_torrent(key) == before


TRACKERS = ["http://T.example:80/pass/announce?x=1&y=a%20b", "udp://T3.example:1337", "https://torrent.example/ü"]


def has_urls(torrent: LiveTorrent, field: str, urls: list[str]) -> bool:
    """True if the torrent has all these URLs."""
    return not find_missing_urls(urls, torrent.links, field)


def test_trackers_are_added(subject: ConformanceSubject) -> None:
    first, second = subject.add_torrents(2)
    subject.target.add_trackers([first], TRACKERS[:1])
    subject.target.add_trackers([first], TRACKERS)
    subject.wait_until([first], lambda torrents: has_urls(torrents[0], "trackers", TRACKERS))
    assert len(subject.read_torrent(first).links.split("&tr=")) == 1 + len(TRACKERS), (
        "a present tracker is not added again"
    )
    assert subject.read_torrent(second).links == ""


def test_trackers_are_removed_by_the_spelling_of_the_server(subject: ConformanceSubject) -> None:
    (key,) = subject.add_torrents()
    subject.target.add_trackers([key], TRACKERS)
    subject.wait_until([key], lambda torrents: has_urls(torrents[0], "trackers", TRACKERS))
    first, *others = parse_link_urls(subject.read_torrent(key).links, "trackers")
    subject.target.remove_trackers(key, others)
    subject.wait_until([key], lambda torrents: parse_link_urls(torrents[0].links, "trackers") == [first])
    if subject.build.has(MISSING_TRACKER_REMOVAL):
        subject.target.remove_trackers(key, others)
    else:
        with pytest.raises(RejectedError):
            subject.target.remove_trackers(key, others)
    if subject.build.has(BULK_ADD_TRACKERS):
        subject.target.remove_trackers(secrets.token_hex(20), others)
        return
    with pytest.raises(RejectedError) as refusal:
        subject.target.remove_trackers(secrets.token_hex(20), others)
    assert refusal.value.http_status == 404


def test_trackers_are_added_to_many_at_once_from_5_2_on(subject: ConformanceSubject) -> None:
    if subject.build.has(BULK_ADD_TRACKERS):
        ids = subject.add_torrents(3)
        subject.target.add_trackers(ids, TRACKERS)
        subject.wait_until(ids, lambda torrents: all(has_urls(torrent, "trackers", TRACKERS) for torrent in torrents))


WEB_SEEDS = ["http://w.example/a%20b?x=1&y=2", "https://w.example/c%7Cd"]


def test_web_seeds_are_added(subject: ConformanceSubject) -> None:
    (key,) = subject.add_torrents()
    if not subject.build.has(ADD_WEB_SEEDS):
        with pytest.raises(UnsupportedError):
            subject.target.add_web_seeds(key, WEB_SEEDS)
        return
    subject.target.add_web_seeds(key, WEB_SEEDS)
    subject.wait_until([key], lambda torrents: has_urls(torrents[0], "web_seeds", WEB_SEEDS))
    with pytest.raises(RejectedError) as refusal:
        subject.target.add_web_seeds(secrets.token_hex(20), WEB_SEEDS)
    assert refusal.value.http_status == 404


def test_without_metadata_there_are_no_files(subject: ConformanceSubject) -> None:
    (key,) = subject.add_torrents()
    assert not subject.read_torrent(key).has_metadata
    assert subject.target.read_files([key, secrets.token_hex(20)]) == {}
    for infohash, status in ((key, 409), (secrets.token_hex(20), 404)):
        with pytest.raises(RejectedError) as refusal:
            subject.target.set_file_priority(infohash, [0], Priority.SKIP)
        assert refusal.value.http_status == status


def test_hundreds_at_once(subject: ConformanceSubject) -> None:
    ids = subject.add_torrents(300)
    subject.target.set_option(ids, "download_limit", 7)
    subject.target.toggle_option(ids, "sequential")
    subject.target.set_share_limits(ids, replace(subject.read_torrent(ids[0]).options.share, ratio=3))
    wanted = (7, True, 3)
    subject.wait_until(
        ids,
        lambda torrents: all(
            (o.download_limit, o.sequential, o.share.ratio) == wanted for o in (torrent.options for torrent in torrents)
        ),
    )
    subject.target.delete_torrents(ids, False)


@pytest.mark.parametrize("ids", [[], ["all"]])
def test_no_option_is_ever_set_for_every_torrent(subject: ConformanceSubject, ids: list[str]) -> None:
    calls: tuple[Callable[[], None], ...] = (
        lambda: subject.target.set_option(ids, "download_limit", 1),
        lambda: subject.target.toggle_option(ids, "sequential"),
        lambda: subject.target.set_share_limits(ids, ShareLimits()),
        lambda: subject.target.add_trackers(ids, TRACKERS),
    )
    for call in calls:
        with pytest.raises(ValueError, match="ids"):
            call()
