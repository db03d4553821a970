"""Values that no server can mean are refused, and all others pass as they are."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from reconciler.qbittorrent.row_schemas import MAIN_VALUES_ADAPTER, ROW_VALUES_ADAPTER


def test_all_fields_pass_as_they_are() -> None:
    assert ROW_VALUES_ADAPTER.validate_json('[{"a": 1, "b": 0.5, "c": null, "d": true, "e": "é"}]') == [
        {"a": 1, "b": 0.5, "c": None, "d": True, "e": "é"}
    ]


@pytest.mark.parametrize("value", ["NaN", "1e400", "9" * 30, "[]", '"\\ud800"', "{}"])
def test_values_that_no_server_can_mean_are_refused(value: str) -> None:
    with pytest.raises(ValidationError):
        ROW_VALUES_ADAPTER.validate_json(f'[{{"a": {value}}}]')


def test_a_torrent_needs_an_id_in_a_delta() -> None:
    with pytest.raises(ValidationError):
        MAIN_VALUES_ADAPTER.validate_json('{"rid": 1, "torrents": {"../x": {}}}')
