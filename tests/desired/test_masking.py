"""The parts of a line that may be shown."""

from __future__ import annotations

import pytest

from reconciler.desired.masking import mask_broken_line, mask_key, mask_links, mask_value
from reconciler.desired.yaml.document import Loc

HASH = "08ada5a7a6183aae1e09d831df6748d566095a10"
HOME = ("instances", "home")


@pytest.mark.parametrize(
    ("loc", "text", "shown"),
    [
        (("owner",), "home", "home"),
        (("unknown",), "hunter2", "***"),
        (("unknown",), "true", "true"),
        (("x-pw",), "hunter2", "***"),
        (("x-film", "category"), "films", "films"),
        (("x-film", "pasword"), "hunter2", "***"),
        ((*HOME, "password"), "hunter2", "***"),
        ((*HOME, "pasword"), "hunter2", "***"),
        ((*HOME, "username"), "admin", "***"),
        ((*HOME, "password", "env"), "HOME_PASSWORD", "HOME_PASSWORD"),
        ((*HOME, "password", "env"), "hunter-2!", "***"),
        ((*HOME, "password", "file"), "/run/secrets/x", "/run/secrets/x"),
        ((*HOME, "password", "file"), "hunter2", "***"),
        ((*HOME, "headers", "X-Token"), "hunter2", "***"),
        ((*HOME, "headers", "X-Token", "env"), "TOKEN", "TOKEN"),
        ((*HOME, "url"), "http://me:hunter2@h:8080/qbt", "http://h:8080/qbt"),
        ((*HOME, "url"), "localhost:8080", "localhost:8080"),
        ((*HOME, "url"), "me:hunter2@h", "***"),
        ((*HOME, "timeout", "connect"), "5", "5"),
        ((*HOME, "preferences", "proxy_password"), "hunter2", "***"),
        ((*HOME, "preferences", "proxy_pasword"), "hunter2", "***"),
        ((*HOME, "preferences", "proxy_type"), "http", "http"),
        ((*HOME, "preferences", "autorun_program"), "curl -H hunter2", "***"),
        ((*HOME, "preferences", "max_connec"), "x", "x"),
        ((*HOME, "health", 0, "http"), "http://h/hunter2?t=hunter2", "http://h/***?***"),
        ((*HOME, "health", 0, "http", "json", "a"), "hunter2", "***"),
        ((*HOME, "health", 0, "tcp"), "h:1", "h:1"),
        (
            ("torrents", 0, "magnet"),
            f"magnet:?xt=urn:btih:{HASH}&tr=hunter2&dn=a",
            f"magnet:?xt=urn:btih:{HASH}&***&dn=a",
        ),
        (("torrents", 0, "magnet"), HASH, HASH),
        (("torrents", 0, "magnet"), "hunter2", "***"),
        (("torrents", 0, "torrent"), "files/a.torrent", "files/a.torrent"),
        (("torrents", 0, "torrent"), "https://t.example/hunter2/a.torrent", "https://t.example/***/***"),
        (("torrents", 0, "trackers", 1), "udp://t.example/hunter2", "udp://t.example/***"),
        (("torrents", 0, "trackers", "only", 1), "t.example/hunter2", "***"),
        (("torrents", 0, "tags", "only", 1), "iso", "iso"),
        (("torrents", 0, "comment"), "see https://t.example/?k=hunter2", "see https://t.example/?***"),
        (("torrents", 0, "cookie"), "hunter2", "***"),
        (("categories", "linux", "save_path"), "~/x", "~/x"),
        (("groups", "all", "members", 0), "home", "home"),
    ],
)
def test_a_value_is_shown_if_its_key_holds_no_secret(loc: Loc, text: str, shown: str) -> None:
    assert mask_value(loc, text, text) == shown


def test_what_has_an_anchor_may_be_used_as_a_secret() -> None:
    assert mask_value(("torrents", 0, "name"), "&a hunter2", "hunter2") == "***"


def test_keys_are_shown_but_in_the_place_of_a_secret() -> None:
    assert mask_key((*HOME,), "pasword") == "pasword"
    assert mask_key((*HOME, "password"), "env") == "env"
    assert mask_key((*HOME, "password"), "hunter2") == "***"
    assert mask_key((*HOME, "headers"), "X-Token") == "X-Token"
    assert mask_key((*HOME, "headers"), "X-Token hunter2") == "***"
    assert mask_key((*HOME, "headers", "X-Token"), "hunter2") == "***"


def test_links_in_other_text_lose_what_could_be_a_passkey() -> None:
    assert mask_links("a https://t.example/hunter2 b") == "a https://t.example/*** b"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("torrents:\n  - name: Sintel: the film", "  - name: Sintel: the film"),
        ("instances:\n  home: {url: x, password: hunter2", "  home: {url: ***"),
        ("instances:\n  home:\n    password: hunter2: x", "    password: ***"),
        ("instances:\n  home:\n    pasword: hunter2: x", "    pasword: ***"),
        ("password:\n  name: hunter2: x", "  ***"),
        ("password: abc\n  name: hunter2", "  ***"),
        ("password: 'abc\nname: hunter2: x", "***"),
        ("headers: {\n  name: hunter2", "  ***"),
        ("x-a: |\n  name: hunter2", "  ***"),
        ("  hunter2: x: y", "  hunter2: ***"),
        ("hunter2", "***"),
        ("torrents:\n  - magnet: magnet:?xt=urn:btih:a&tr=hunter2 b: c", "  - magnet: magnet:?xt=urn:btih:a&***"),
        ("name: &a hunter2: x", "name: ***"),
        ("  ]}", "  ]}"),
        ("name: a # hunter2", "name: a"),
    ],
)
def test_a_line_that_is_not_yaml_shows_only_what_is_surely_harmless(text: str, shown: str) -> None:
    lines = text.split("\n")
    assert mask_broken_line(lines, len(lines) - 1) == shown
