"""The calls for options, trackers, web seeds and file priorities, as they are sent."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.model.errors import RejectedError
from reconciler.model.files import LiveFile, Priority
from reconciler.model.snapshot import AddOptions, ShareLimits
from reconciler.qbittorrent.api_options import build_add_arguments, check_ids
from tests.support.instances import json_answer, text_answer
from tests.support.stub_sessions import open_stub_session

KEY, OTHER_KEY, V2_KEY = "a" * 40, "b" * 40, "c" * 64
FILE_ROWS = '[{"name": "a.mkv", "priority": 1, "index": 0}, {"name": "b.nfo", "priority": 0, "index": 1}]'
FILES = (LiveFile(0, "a.mkv", Priority.NORMAL), LiveFile(1, "b.nfo", Priority.SKIP))


def test_ids_are_v1_or_v2_infohashes() -> None:
    assert check_ids([KEY, V2_KEY]) == [KEY, V2_KEY]


@pytest.mark.parametrize(
    "ids",
    [
        *([], ["all"], [""], [KEY, "all"], [KEY.upper()], [KEY + "|" + KEY], [KEY + "\n"]),
        *([KEY[1:], KEY + "a"], [KEY, "g" * 40], ["\u0661" * 40], [KEY[1:] + "|"]),
    ],
)
def test_ids_that_could_mean_other_torrents_are_refused(ids: list[str]) -> None:
    with pytest.raises(ValueError, match="non-empty collection of infohashes"):
        check_ids(ids)


@pytest.mark.parametrize(
    ("extra_options", "arguments"),
    [
        ((), {"stop_condition": "None"}),
        ((("stop_condition", "files-checked"),), {"stop_condition": "FilesChecked"}),
        (
            (("share_limits.action", "remove-with-content"), ("content_layout", "no-subfolder")),
            {"stop_condition": "None", "share_limit_action": "RemoveWithContent", "content_layout": "NoSubfolder"},
        ),
        ((("force_start", True), ("upload_limit", 5)), {"stop_condition": "None", "forced": True, "upload_limit": 5}),
        ((("download_path", "/i"),), {"stop_condition": "None", "download_path": "/i"}),
        (
            (("download_path", ""),),
            {"stop_condition": "None", "download_path": None, "use_download_path": False},
        ),
    ],
)
def test_an_add_always_has_a_stop_condition_and_the_words_of_the_web_api(
    extra_options: Any, arguments: dict[str, Any]
) -> None:
    assert build_add_arguments(AddOptions(False, False, extra_options=extra_options)) == arguments


def test_files_come_with_the_list_since_5_2_and_one_torrent_at_a_time_before() -> None:
    answers = {
        "torrents/info": json_answer(f'[{{"hash": "{KEY}", "files": {FILE_ROWS}}}, {{"hash": "{OTHER_KEY}"}}]'),
        "torrents/files": json_answer(FILE_ROWS),
    }
    with open_stub_session("2.11.8", answers) as (session, requests):
        assert session.read_files([KEY, OTHER_KEY]) == {KEY: FILES}
    assert requests == [("torrents/info", {"hashes": f"{KEY}|{OTHER_KEY}", "includeFiles": "true"})]
    with open_stub_session("2.11.7", answers) as (session, requests):
        assert session.read_files([KEY]) == {KEY: FILES}
    assert requests == [("torrents/files", {"hash": KEY})]


def test_a_refusal_other_than_a_missing_torrent_is_an_error() -> None:
    answers = {"torrents/files": text_answer("", 409)}
    with open_stub_session("2.11.7", answers) as (session, _), pytest.raises(RejectedError):
        session.read_files([KEY])


def test_limits_that_are_unknown_are_sent_as_those_of_the_server() -> None:
    limits = ShareLimits(ratio=1.5, seeding_time=60, action="enable-super-seeding")
    with open_stub_session("2.16.2", {"torrents/setShareLimits": text_answer("")}) as (session, requests):
        session.set_share_limits([KEY], limits)
    assert requests == [
        (
            "torrents/setShareLimits",
            {
                "hashes": KEY,
                "ratioLimit": "1.5",
                "seedingTimeLimit": "60",
                "inactiveSeedingTimeLimit": "-2",
                "shareLimitAction": "EnableSuperSeeding",
                "shareLimitsMode": "Default",
            },
        )
    ]


def test_web_seeds_are_encoded_because_the_server_splits_the_list_first() -> None:
    with open_stub_session("2.11.4", {"torrents/addWebSeeds": text_answer("")}) as (session, requests):
        session.add_web_seeds(KEY, ["http://a.example/x|y", "http://b.example/%20"])
    urls = "http%3A%2F%2Fa.example%2Fx%7Cy|http%3A%2F%2Fb.example%2F%2520"
    assert requests == [("torrents/addWebSeeds", {"hash": KEY, "urls": urls})]


@pytest.mark.parametrize("urls", [[], [""], ["http://a b"], ["http://a\nhttp://b"], ["http://a\x7f"]])
def test_urls_that_the_server_would_misread_are_not_sent(urls: list[str]) -> None:
    with open_stub_session("2.11.4", {}) as (session, requests):
        with pytest.raises(ValueError, match="without spaces"):
            session.add_trackers([KEY], urls)
        with pytest.raises(ValueError, match="without spaces"):
            session.add_web_seeds(KEY, urls)
    assert requests == []


def test_priorities_are_sent_as_numbers_with_sorted_indexes() -> None:
    with open_stub_session("2.11.4", {"torrents/filePrio": text_answer("")}) as (session, requests):
        session.set_file_priority(KEY, {10, 2}, Priority.MAXIMAL)
    assert requests == [("torrents/filePrio", {"hash": KEY, "id": "2|10", "priority": "7"})]
