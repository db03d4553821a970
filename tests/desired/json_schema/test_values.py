"""The schemas of values: each accepts what its validator accepts, and refuses what people get wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

from reconciler.desired.context import InvalidValue
from reconciler.desired.json_schema.values import VALUE_SCHEMAS
from reconciler.desired.schema import categories, common, content, options, probes, torrents

HASH = "08ada5a7a6183aae1e09d831df6748d566095a10"
TEXTS = [
    *("", " a", "a b", "a,b", "reconcile:x", "a\nb", "进", "/", "/a/", "/a//b", "/a/../b", "/a/..b", "C:\\a", "C:x"),
    *("\\\\srv\\share\\x", "~/x", "1d", "0s", "1h30m", "90", "5 MiB/s", "5MiB/s", "0 B/s", "5 KB/s", "unlimited"),
    *("4 MiB", "5 MiB", "1024 KiB", "256 MiB", "*.nfo", "/a/**", "a**", "a/", "a\\b", HASH, HASH.upper(), "0" * 40),
    *(f"magnet:?xt=urn:btih:{HASH}", f"MAGNET:?dn=x&XT.1=urn:btih:{HASH}", "magnet:?dn=x", "http://h", "HTTPS://h/x?y"),
    *("http://u:p@h", "http://h/@", "udp://t:1/announce", "wss://t", "ftp://t", "h:1", "[fd00::1]:53", "fd00::1", "h"),
    *(
        "x.torrent",
        "/.torrent",
        "a/x.torrent",
        "10.0.0.0/8",
        "2001:db8::/32",
        "10.0.0.1/8",
        "A_1",
        "1A",
        "$A",
        "linux/iso",
    ),
]


def is_accepted(validate: Callable[..., Any], text: str) -> bool:
    """True if our validator accepts a text."""
    try:
        validate(text)
    except InvalidValue:
        return False
    return True


@pytest.mark.parametrize(
    "validate", [v for v in VALUE_SCHEMAS if v.__name__ != "check_version"], ids=lambda v: v.__name__
)
def test_no_schema_is_stricter_than_its_validator(validate: Callable[..., Any]) -> None:
    schema: Any = Draft202012Validator(VALUE_SCHEMAS[validate])
    refused = [text for text in TEXTS if not schema.is_valid(text)]
    assert [text for text in refused if isinstance(text, str) and is_accepted(validate, text)] == []


@pytest.mark.parametrize(
    ("validate", "text"),
    [
        (common.check_save_path, "~/x"),
        (common.check_save_path, "/a/../b"),
        (common.parse_duration, "90"),
        (common.parse_duration, "0s"),
        (common.check_api_url, "127.0.0.1:8080"),
        (common.check_api_url, "http://u:p@h"),
        (categories.check_category_name, "/linux"),
        (content.parse_piece_size, "5 MiB"),
        (options.parse_rate, "5 KB/s"),
        (options.check_glob, "a**"),
        (options.check_tracker, "t.example/announce"),
        (probes.parse_host_and_port, "h"),
        (torrents.check_tag_name, "reconcile:home"),
        (torrents.parse_magnet_link, "magnet:?dn=x"),
        (torrents.parse_infohash, "08ada5a7"),
    ],
)
def test_common_mistakes_are_found(validate: Callable[..., Any], text: str) -> None:
    assert not Draft202012Validator(VALUE_SCHEMAS[validate]).is_valid(text)
