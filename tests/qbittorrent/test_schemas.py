"""The shapes of replies: an incomplete row and a senseless value are errors, never a guess."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from reconciler.model.content import CreationSpec, CreatorTask, TaskState
from reconciler.qbittorrent.schemas import (
    CATEGORY_ROWS_ADAPTER,
    FILE_ROWS_ADAPTER,
    MAIN_DATA_ADAPTER,
    TASK_ROWS_ADAPTER,
    TORRENT_ROWS_ADAPTER,
    LazyAdapter,
    convert_creator_task,
    convert_share_limit_action,
)
from tests.support.instances import OPTIONS_ROW

ROW: dict[str, Any] = {
    **OPTIONS_ROW,
    "hash": "a" * 40,
    "name": "T",
    "state": "uploading",
    "category": "",
    "tags": "",
    "save_path": "/data",
    "auto_tmm": False,
    "progress": 1.0,
    "size": 5,
}
TASK = '{"taskID": "t1", "sourcePath": "/data/a/", "pieceSize": 0, "private": false, "status": %s, "progress": %s}'


def test_a_torrent_row_keeps_only_used_fields() -> None:
    assert TORRENT_ROWS_ADAPTER.validate_json(json.dumps([{**ROW, "completion_on": 1}])) == [ROW]
    assert TORRENT_ROWS_ADAPTER.validate_json(json.dumps([{**ROW, "progress": None}])) == [{**ROW, "progress": None}]


@pytest.mark.parametrize("field", sorted(ROW))
def test_a_row_without_a_field_of_every_version_is_an_error(field: str) -> None:
    row = {name: value for name, value in ROW.items() if name != field}
    with pytest.raises(ValidationError):
        TORRENT_ROWS_ADAPTER.validate_json(json.dumps([ROW, row]))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("progress", 1e308),
        ("progress", float("nan")),
        ("ratio_limit", float("inf")),
        ("size", -2),
        ("size", 2**63),
        ("dl_limit", 2**63),
        ("hash", "A" * 40),
        ("hash", "a" * 64),
        ("infohash_v2", "a" * 40),
        ("auto_tmm", "false"),
        ("name", None),
    ],
)
def test_a_value_that_no_server_can_mean_is_an_error(field: str, value: object) -> None:
    with pytest.raises(ValidationError):
        TORRENT_ROWS_ADAPTER.validate_json(json.dumps([{**ROW, field: value}]))


def test_the_other_fields_of_a_category_are_kept_for_its_edit() -> None:
    rows = CATEGORY_ROWS_ADAPTER.validate_json('{"a": {"savePath": "/a", "ratio_limit": 2}}')
    assert rows == {"a": {"savePath": "/a", "ratio_limit": 2}}
    with pytest.raises(ValidationError):
        CATEGORY_ROWS_ADAPTER.validate_json('{"a": {"ratio_limit": 2}}')


def test_a_delta_has_only_what_changed_but_always_its_number() -> None:
    assert MAIN_DATA_ADAPTER.validate_json('{"rid": 2, "torrents": {"%s": {"size": 1}}}' % ("a" * 40)) == {
        "rid": 2,
        "torrents": {"a" * 40: {"size": 1}},
    }
    with pytest.raises(ValidationError):
        MAIN_DATA_ADAPTER.validate_json("{}")
    with pytest.raises(ValidationError):
        MAIN_DATA_ADAPTER.validate_json('{"rid": 2, "torrents": {"all": {"size": 1}}}')


@pytest.mark.parametrize("index", ["-1", "2147483648", "1.5"])
def test_a_file_index_has_at_most_31_bits_and_no_sign(index: str) -> None:
    with pytest.raises(ValidationError):
        FILE_ROWS_ADAPTER.validate_json(f'[{{"name": "a", "priority": 1, "index": {index}}}]')


@pytest.mark.parametrize(
    ("status", "progress", "state", "percent"),
    [
        ('"Finished"', "100", TaskState.FINISHED, 100.0),
        ('"Failed"', "0.5", TaskState.FAILED, 0.5),
        ('"Paused"', "0", TaskState.RUNNING, 0.0),  # a state of a later version
    ],
)
def test_a_task_is_converted_with_a_normalized_path(
    status: str, progress: str, state: TaskState, percent: float
) -> None:
    rows = TASK_ROWS_ADAPTER.validate_json(f"[{TASK % (status, progress)}]")
    assert convert_creator_task(rows[0]) == CreatorTask("t1", CreationSpec("/data/a", ""), state, percent)


def test_a_progress_too_large_for_a_float_is_an_error() -> None:
    task = TASK % ('"Running"', "1" + "0" * 400)
    with pytest.raises(ValidationError, match="too large"):
        TASK_ROWS_ADAPTER.validate_json(f"[{task}]")


def test_the_empty_urls_between_tiers_are_no_trackers() -> None:
    task = {**json.loads(TASK % ('"Queued"', "0")), "trackers": ["http://t", "", "http://u"], "urlSeeds": [""]}
    creation = convert_creator_task(TASK_ROWS_ADAPTER.validate_json(json.dumps([task]))[0]).creation
    assert (creation.trackers, creation.web_seeds) == (("http://t", "http://u"), ())


def test_an_action_at_a_share_limit_has_our_name_unless_it_is_unknown() -> None:
    assert convert_share_limit_action("RemoveWithContent") == "remove-with-content"
    assert convert_share_limit_action("Sleep") == "Sleep"
    assert convert_share_limit_action(None) is None


def test_an_adapter_is_built_by_its_first_reply_and_once() -> None:
    built: list[object] = []

    class Shape:
        @classmethod
        def __get_pydantic_core_schema__(cls, _source: object, handler: Any) -> Any:
            built.append(cls)
            return handler(int)

    adapter: LazyAdapter[int] = LazyAdapter(Shape)
    assert built == []
    assert [adapter.validate_json("1"), adapter.validate_python(2)] == [1, 2]
    assert built == [Shape]
