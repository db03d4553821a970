"""The valid part of an invalid document, in which a load looks for more problems."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from reconciler.desired.salvage import salvage_document
from reconciler.desired.schema.document import DOCUMENT_ADAPTER
from tests.support.desired_yaml import SINTEL


def list_errors(data: Any) -> list[ErrorDetails]:
    with pytest.raises(ValidationError) as raised:
        DOCUMENT_ADAPTER.validate_python(data)
    return raised.value.errors(include_url=False)


@pytest.mark.parametrize(
    ("data", "salvaged"),
    [
        ({"version": 2, "policy": "sync"}, {"version": 1, "policy": "sync"}),
        ({"version": 1, "policy": "synk"}, {"version": 1}),
        ({"version": 1, "unknown": [], "suspend": True}, {"version": 1, "suspend": True}),
        (
            {"version": 1, "guard": {"max_delete": -1, "max_delete_files": 5}},
            {"version": 1, "guard": {"max_delete_files": 5}},
        ),
        ({"version": 1, "categories": {"a//b": {}, "c": {}}}, {"version": 1, "categories": {"c": {}}}),
        (
            {"version": 1, "defaults": {"tags": ["a", 1, "b"], "paused": True}},
            {"version": 1, "defaults": {"tags": ["a", "b"], "paused": True}},
        ),
        (
            {"version": 1, "instances": {"home": {"url": 8080, "password": [1]}}},
            {"version": 1, "instances": {"home": {"url": "http://stand-in.invalid/home", "password": "stand-in"}}},
        ),
        (
            {
                "version": 1,
                "instances": {
                    "home": {
                        "url": "http://a",
                        "basic_auth": {"username": {"evn": "X"}},
                        "headers": {"A": {"evn": "X"}, "B": "b", "Host": "x"},
                    }
                },
            },
            {
                "version": 1,
                "instances": {
                    "home": {
                        "url": "http://a",
                        "basic_auth": {"username": "stand-in", "password": "stand-in"},
                        "headers": {"B": "b"},
                    }
                },
            },
        ),
        (
            {"version": 1, "groups": {"g": {"strategy": "any", "members": "home"}}},
            {"version": 1, "groups": {"g": {"strategy": "failover", "members": []}}},
        ),
    ],
)
def test_a_wrong_value_is_removed_or_replaced_where_it_is_required(data: Any, salvaged: Any) -> None:
    assert salvage_document(data, list_errors(data))[0] == salvaged


def test_torrents_keep_their_index_in_the_file() -> None:
    data = {"version": 1, "torrents": ["a", {"magnet": SINTEL, "paused": 1}, None, {"content": "/data/film"}]}
    entry, indexes = salvage_document(data, list_errors(data))
    assert indexes == [1, 3]
    assert [sorted(torrent) for torrent in entry["torrents"]] == [["magnet"], ["content"]]


def test_the_data_of_the_document_stays_as_it_is() -> None:
    shared = {"paused": 1, "tags": [1]}
    data = {"version": 1, "defaults": shared, "torrents": [{"magnet": SINTEL, **shared}, 5]}
    before = deepcopy(data)
    salvage_document(data, list_errors(data))
    assert data == before


@pytest.mark.parametrize("data", [None, [], "version: 1"])
def test_of_what_is_no_mapping_nothing_is_kept(data: Any) -> None:
    assert salvage_document(data, list_errors(data)) == ({"version": 1}, ())
