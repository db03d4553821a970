"""The rules for the values of torrents."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reconciler.desired.context import InvalidValue
from reconciler.desired.schema import torrents
from reconciler.model.infohash import InfoHashes

V1, V2 = "08ada5a7a6183aae1e09d831df6748d566095a10", "ab" * 32
INFOHASH_MESSAGE = "an infohash must be 40 hex digits (v1), 64 hex digits (v2) or 32 of base32"
URL_MESSAGE = "this url is not usable: its host or port is malformed, or it contains a space"


@pytest.mark.parametrize(
    ("check", "value", "result"),
    [
        (torrents.check_tag_name, "iso images", "iso images"),
        (torrents.check_tag_name, "reconciled", "reconciled"),
        (torrents.check_optional_category, "", ""),
        (torrents.check_optional_category, "linux/iso", "linux/iso"),
        (torrents.parse_infohash, V1.upper(), InfoHashes(V1)),
        (torrents.parse_infohash, V2, InfoHashes(None, V2)),
        (torrents.check_torrent_location, "files/a b.torrent", "files/a b.torrent"),
        (torrents.check_torrent_location, "HTTPS://a/1?passkey=x", "HTTPS://a/1?passkey=x"),
        (torrents.check_torrent_name, "Sintel (2010)", "Sintel (2010)"),
    ],
)
def test_valid_values_are_accepted(check: Callable[[object], object], value: object, result: object) -> None:
    assert check(value) == result


@pytest.mark.parametrize(
    ("check", "value", "message"),
    [
        (torrents.check_tag_name, "a,b", "a tag cannot contain a comma"),
        (torrents.check_tag_name, "reconcile:home", 'tags that begin with "reconcile:" are reserved'),
        (torrents.check_tag_name, "", "the tag is empty"),
        (torrents.check_optional_category, "/a", 'a category cannot begin or end with "/", or contain "//"'),
        (torrents.parse_infohash, V1[:-1], INFOHASH_MESSAGE),
        (torrents.parse_infohash, f"magnet:?xt=urn:btih:{V1}", INFOHASH_MESSAGE),
        (torrents.parse_infohash, "0" * 40, "this infohash is all zeros, which identifies no torrent"),
        (torrents.check_torrent_location, "", "the torrent is empty"),
        (torrents.check_torrent_location, "a\nb", "the torrent contains a line break or control character"),
        (torrents.check_torrent_location, "Magnet:?x", "this is a magnet link, not a .torrent file"),
        (torrents.check_torrent_location, "ftp://a/1", "a .torrent file can be fetched over http and https only"),
        (
            torrents.check_torrent_location,
            "http://u:p@a/1",
            'a url with a user name or password before an "@" is not supported',
        ),
        (torrents.check_torrent_location, "http:///1", URL_MESSAGE),
        (torrents.check_torrent_location, "http://a/1 2", URL_MESSAGE),
        (torrents.check_torrent_name, " a", "the name begins or ends with a space, which qBittorrent removes"),
    ],
)
def test_other_values_are_refused(check: Callable[[object], object], value: object, message: str) -> None:
    with pytest.raises(InvalidValue) as error:
        check(value)
    assert error.value.message == message


def test_the_hint_for_a_reserved_tag_is_the_key_that_sets_it() -> None:
    with pytest.raises(InvalidValue) as error:
        torrents.check_tag_name("reconcile:protect")
    assert error.value.hint == 'Write "protect: true" instead'


def test_a_magnet_link_is_parsed_and_never_quoted() -> None:
    assert torrents.parse_magnet_link(f"magnet:?xt=urn:btih:{V1}").infohashes == InfoHashes(V1)
    with pytest.raises(InvalidValue, match="this magnet link cannot be used: ") as error:
        torrents.parse_magnet_link("magnet:?tr=http://a/hunter2")
    assert "hunter2" not in error.value.message


def test_sources_come_first_and_options_last_among_the_keys() -> None:
    keys = torrents.list_entry_keys(torrents.TorrentEntry)
    assert keys[:5] == ("magnet", "torrent", "infohash", "content", "content_of")
    assert keys.index("category") < keys.index("upload_limit")
    assert "magnet" not in torrents.list_entry_keys(torrents.ManagedKeys)
