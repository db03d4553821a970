"""`filePrio` becomes a rule for each file, which matches it and no other."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

import pytest
from starlette.exceptions import HTTPException

from reconciler.model.files import FileRule, Priority
from reconciler.model.infohash import InfoHashes
from reconciler.model.rows import InstanceUnavailable, LiveRows, Reply
from reconciler.model.torrent_file import TorrentFile, identify_torrent
from reconciler.web.gateway.file_priorities import make_exact_glob, make_priority_change
from tests.support.gateway_torrents import make_entry, make_known
from tests.support.magnets import make_infohash
from tests.support.torrents import make_torrent

FILES: list[dict[str, Any]] = [
    {"index": 0, "name": "film/a [2024].mkv"},
    {"index": 1, "name": "film/a*.nfo"},
    {"index": 2, "name": "film/what?.txt"},
    {"name": "film/sub/a*.nfo"},
]


class FixedRows:
    """Answers every question with the same."""

    def __init__(self, reply: Reply | None) -> None:
        self._reply = reply

    def ask(self, instance: str, endpoint: str, parameters: Mapping[str, str]) -> Reply:
        """Return the reply, or be unavailable."""
        assert (instance, endpoint, set(parameters)) == ("home", "torrents/files", {"hash"})
        if self._reply is None:
            raise InstanceUnavailable("no connection")
        return self._reply


def change(fields: Mapping[str, str], reply: Reply | None = None, instance: str | None = "home", **keys: Any) -> Any:
    """Return the change that the call makes."""
    entry = make_entry(1, **keys)
    known = make_known(1, entry, instance=instance)
    return make_priority_change(fields, known, cast("LiveRows", FixedRows(reply)))(known, entry)


REPLY = Reply(200, json.dumps(FILES).encode())


def test_a_rule_for_each_file_comes_before_the_others_and_replaces_those_for_the_same() -> None:
    assert change({"id": "0|3", "priority": "0"}, REPLY) == {
        "files": [
            {"match": "/film/a [[]2024].mkv", "priority": "skip"},
            {"match": "/film/sub/a[*].nfo", "priority": "skip"},
        ]
    }
    rules = (FileRule("/film/a[*].nfo", Priority.SKIP), FileRule("*", Priority.HIGH))
    assert change({"id": "1", "priority": "7"}, REPLY, files=rules) == {
        "files": [{"match": "/film/a[*].nfo", "priority": "maximal"}, {"match": "*", "priority": "high"}]
    }


def test_the_glob_of_a_file_matches_no_other() -> None:
    names = [str(file["name"]) for file in FILES] + ["film/ab.nfo", "film/whatx.txt", "film/a 2.mkv", "x/film/a*.nfo"]
    for name in names:
        rule = FileRule(make_exact_glob(name), Priority.SKIP)
        assert [other for other in names if rule.matches(other)] == [name]


@pytest.mark.parametrize(
    ("fields", "reply", "status", "text"),
    [
        ({"id": "0", "priority": "x"}, REPLY, 400, "Priority must be an integer"),
        ({"id": "0", "priority": "4"}, REPLY, 400, "Priority is not valid"),
        ({"id": "0|x", "priority": "1"}, REPLY, 400, "File IDs must be integers"),
        ({"id": "9", "priority": "1"}, REPLY, 409, "File ID is not valid"),
        ({"id": "-1", "priority": "1"}, REPLY, 409, "File ID is not valid"),
        ({"id": "0", "priority": "1"}, Reply(200, b"[]"), 409, "Torrent's metadata has not yet downloaded"),
        ({"id": "0", "priority": "1"}, Reply(404, b"Not Found"), 409, "Torrent's metadata has not yet downloaded"),
        ({"id": "0", "priority": "1"}, Reply(200, b"[1"), 409, "The files of the torrent cannot be read now."),
        ({"id": "0", "priority": "1"}, Reply(200, b"[1]"), 409, "The files of the torrent cannot be read now."),
        ({"id": "0", "priority": "1"}, None, 409, "The files of the torrent cannot be read now."),
    ],
)
def test_what_is_refused(fields: dict[str, str], reply: Reply | None, status: int, text: str) -> None:
    with pytest.raises(HTTPException) as caught:
        change(fields, reply)
    assert (caught.value.status_code, caught.value.detail) == (status, text)


def test_the_files_of_a_torrent_that_is_nowhere_yet_are_not_known() -> None:
    with pytest.raises(HTTPException) as caught:
        change({"id": "0", "priority": "1"}, REPLY, instance=None)
    assert caught.value.status_code == 409


def make_declared_file(read: Callable[[], bytes] = lambda: make_torrent(1)) -> TorrentFile:
    return TorrentFile("x.torrent", InfoHashes(v1=make_infohash(1)), "x", 1, read)


def test_the_files_of_an_upload_that_no_instance_lists_yet_are_known() -> None:
    source = replace(make_declared_file(), infohashes=identify_torrent(make_torrent(1)).infohashes)
    fields = {"id": "0", "priority": "7"}
    rules = change(fields, instance=None, source=source)
    assert rules == {"files": [{"match": "/torrent-1", "priority": "maximal"}]}
    for keys in ({"source": source, "options": {"content_layout": "subfolder"}}, {"source": make_declared_file()}):
        with pytest.raises(HTTPException, match="409"):
            change(fields, instance=None, **keys)
