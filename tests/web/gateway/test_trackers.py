"""The calls that change trackers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest
from starlette.exceptions import HTTPException

from reconciler.model.magnet import parse_magnet
from reconciler.model.torrent_file import TorrentFile, identify_torrent
from reconciler.web.gateway.change_call import ChangeContext
from reconciler.web.gateway.trackers import add_trackers, edit_tracker, find_trackers, remove_trackers
from tests.support.gateway_torrents import make_entry, make_known
from tests.support.magnets import make_magnet
from tests.support.torrents import make_torrent

A, B, C = "http://a/announce", "http://b/announce?key=1&x", "udp://c:6969/announce"
ROW = {"magnet_uri": "magnet:?xt=urn:btih:a&tr=http%3A%2F%2Fa%2Fannounce&tr=http%3A%2F%2Fb%2Fannounce%3Fkey%3D1%26x"}
CONTEXT = ChangeContext(lambda _known, path: path)


def change(call: Any, fields: Mapping[str, str], **keys: Any) -> Any:
    """Return the change that a call makes of a torrent with two trackers."""
    entry = make_entry(1, **keys)
    return call({"hash": "a" * 40, **fields}, CONTEXT)(make_known(1, entry, ROW), entry)


def test_trackers_of_a_live_torrent_and_of_one_to_come() -> None:
    entry = make_entry(1, trackers=(C,), source=parse_magnet(make_magnet(1) + "&tr=http%3A%2F%2Fa%2Fannounce"))
    assert find_trackers(make_known(1, entry, ROW), entry) == [A, B, C]
    assert find_trackers(make_known(1, entry, instance=None), entry) == [A, C]
    for data, known_trackers in ((make_torrent(1, trackers=[A, B]), [A, B, C]), (b"gone", [C])):
        source = TorrentFile("x.torrent", identify_torrent(make_torrent(1)).infohashes, "x", 1, partial(bytes, data))
        upload = make_entry(1, trackers=(C,), source=source)
        assert find_trackers(make_known(1, upload, instance=None), upload) == known_trackers
    exact = make_entry(1, trackers=(C,), only_trackers=True)
    assert find_trackers(make_known(1, exact, ROW), exact) == [C]


@pytest.mark.parametrize(
    ("call", "fields", "keys", "trackers"),
    [
        (add_trackers, {"urls": f" {C}\r\n\n{A}"}, {}, [C, A]),
        (add_trackers, {"urls": C}, {"trackers": (A,), "only_trackers": True}, {"only": [A, C]}),
        (edit_tracker, {"origUrl": A, "newUrl": C}, {}, {"only": [C, B]}),
        (remove_trackers, {"urls": "http%3A%2F%2Fa%2Fannounce|udp://unknown"}, {}, {"only": [B]}),
        (remove_trackers, {"urls": f"{A}|http://b/announce?key=1%26x"}, {}, {"only": []}),
    ],
)
def test_changes(call: Any, fields: dict[str, str], keys: dict[str, Any], trackers: object) -> None:
    assert change(call, fields, **keys) == {"trackers": trackers}


def test_what_changes_nothing() -> None:
    assert change(add_trackers, {"urls": C}, trackers=(C,)) == {}
    assert change(add_trackers, {"urls": "\n"}) == {}
    assert change(edit_tracker, {"origUrl": "x", "newUrl": "x"}) == {}
    assert change(remove_trackers, {"urls": C}) == {}


@pytest.mark.parametrize(
    ("call", "fields", "status", "text"),
    [
        (edit_tracker, {"origUrl": C, "newUrl": "http://d/"}, 409, "Tracker not found"),
        (edit_tracker, {"origUrl": A, "newUrl": B}, 409, "New tracker URL already exists"),
        (edit_tracker, {"origUrl": A, "newUrl": "::"}, 400, "New tracker URL is invalid"),
        (edit_tracker, {"origUrl": A, "newUrl": "http://[x/"}, 400, "New tracker URL is invalid"),
        (remove_trackers, {"hash": "*", "urls": A}, 409, "one torrent at a time"),
    ],
)
def test_what_is_refused(call: Any, fields: dict[str, str], status: int, text: str) -> None:
    with pytest.raises(HTTPException) as caught:
        change(call, fields)
    assert (caught.value.status_code, text in caught.value.detail) == (status, True)
