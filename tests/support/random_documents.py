"""Random documents of a desired state, most of them valid, with odd values for every key."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from hypothesis import strategies as st

from reconciler.desired.builders.preferences import PREFERENCE_CHOICES, load_known_preferences
from reconciler.desired.json_schema import build_json_schema

_HASH = "08ada5a7a6183aae1e09d831df6748d566095a10"
_ODD_TEXTS = [
    "",
    " ",
    "x",
    "0",
    "unlimited",
    "global",
    "进",
    "a\nb",
    "/",
    "/a/",
    "C:\\a",
    "\\\\srv\\share\\x",
    "a,b",
    "1d",
    "07d",
]
_ODD_VALUES: list[Any] = [None, True, False, 0, 1, -1, 1.5, 10**9, [], {}, *_ODD_TEXTS]
_MORE_VALUES: dict[str, list[Any]] = {
    "magnet": [f"MAGNET:?xt=urn:btih:{_HASH.upper()}", f"magnet:?dn=a%20b&xt.1=urn:btih:{_HASH}&tr=udp://t.example:1"],
    "torrent": [],  # a file that must exist, or a URL
    "infohash": [_HASH.upper(), "b" * 64, "A" * 32],
    "content": ["C:\\films\\a", {"path": "/data/a/", "piece_size": "1024 KiB", "format": "v2"}],
    "export": ["a.torrent", "x/y z.torrent"],
    "category": ["a/b", "c:d", "#1"],
    "tags": [[], ["a", "a"], {"only": []}, ["a b"]],
    "save_path": ["/", "/data//", "C:/x", "D:\\a\\b\\", "/a/b.c/..d"],
    "download_path": ["", "/inc"],
    "download_limit": ["1 B/s", "0.5 kB/s", "1.999999 GiB/s", "5MiB/s"],
    "upload_limit": ["100   MB/s"],
    "share_limits": [{"ratio": 0}, {"seeding_time": "0m"}, {"seeding_time": "60s"}, {"ratio": 1.125, "action": "stop"}],
    "files": [[], [{"match": "/a/**", "priority": "high"}], [{"match": "**", "priority": "skip"}]],
    "trackers": [[], {"only": []}, ["UDP://t.example:1", "wss://t.example/x?y=1#z", "https://u:p@t.example"]],
    "web_seeds": [[], ["http://w.example/a%20b"]],
    "comment": ["", "two\nlines\t", "  padded  "],
    "url": ["HTTPS://[::1]:8080/x/@y", "http://h", "http://user.example:65535"],
    "username": ["u", {"env": "SECRET"}, {"file": "pw", "for": "[::1]:1"}],
    "password": ["p", {"env": "SECRET", "for": ["h.example", "10.0.0.1:80"]}],
    "timeout": [{"connect": "1d", "read": "0d1s"}, "24h", "1m30s"],
    "failover_after": ["0s", "1d"],
    "min_free_space": ["0 B", "1.5TiB"],
    "tcp": ["h:1", "[fd00::1]:53"],
    "ping": ["a_b.c", "fe80::1%eth0"],
    "http": ["http://h/?token=x", {"url": "http://h", "status": 204, "json": {"a.b": None}}],
    "external_ip": [{"must_be": "::1"}, {"must_not_be": ["10.0.0.0/255.0.0.0", "2001:db8::/32"]}],
    "connection_status": ["connected", ["firewalled"]],
    "health": [[], [{"interface": "wg0"}]],
    "ignore_changes": [[]],
}


@cache
def _build_schema() -> dict[str, Any]:
    return build_json_schema()


def _list_values(key: str, schema: dict[str, Any]) -> list[Any]:
    """Return values of one key: its examples and its choices, special ones of ours, and a few that are odd."""
    choices = [choice.get("enum", []) for choice in [schema, *schema.get("anyOf", [])]]
    return [
        *schema.get("examples", []),
        *([schema["default"]] if "default" in schema else []),
        *(value for values in choices for value in values),
        *_MORE_VALUES.get(key, []),
    ]


def _list_properties(name: str) -> dict[str, Any]:
    schema = _build_schema()
    return dict(schema["$defs"][name]["properties"] if name else schema["properties"])


@cache  # Hypothesis works out properties of each strategy that it meets, which takes longer than to draw from most
def _values_of(name: str, key: str) -> st.SearchStrategy[Any]:
    values = _list_values(key, _list_properties(name)[key]) or [True, False]
    return st.sampled_from(
        values * 4 + [None] + [value for value in _ODD_VALUES if key in _MORE_VALUES or value is None]
    )


@cache
def _keys_of(name: str, without: tuple[str, ...], max_size: int) -> st.SearchStrategy[list[str]]:
    keys = sorted(_list_properties(name).keys() - set(without))
    return st.lists(st.sampled_from(keys), unique=True, max_size=max_size)


@cache
@st.composite
def _mappings(draw: st.DrawFn, name: str, without: tuple[str, ...] = (), max_size: int = 4) -> dict[str, Any]:
    return {key: draw(_values_of(name, key)) for key in draw(_keys_of(name, without, max_size))}


@cache
@st.composite
def _torrents(draw: st.DrawFn, index: int) -> dict[str, Any]:
    entry = draw(_mappings("TorrentEntry", ("magnet", "torrent", "infohash", "content", "content_of", "instance")))
    source = draw(st.sampled_from(["magnet", "magnet", "infohash", "content"]))
    text = f"{index:x}{_HASH[1:]}"
    values = {"magnet": f"magnet:?xt=urn:btih:{text}", "infohash": text, "content": f"/data/{index}"}
    entry[source] = draw(st.sampled_from([values[source], *_MORE_VALUES[source]]))
    return entry


@st.composite
def _preferences(draw: st.DrawFn) -> dict[str, Any]:
    table = load_known_preferences()
    names = draw(st.lists(st.sampled_from(sorted(table)), unique=True, max_size=3))
    values = [True, 0, 1024, 2.5, "", "/data", "x", {"env": "SECRET"}, {"/w": 1}]
    return {name: draw(st.sampled_from([*values, *PREFERENCE_CHOICES.get(name, ())])) for name in names}


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Generate the data of one document."""
    home = {"url": "http://127.0.0.1:8080", **draw(_mappings("InstanceEntry", ("preferences",), 3))}
    if preferences := draw(_preferences()):
        home["preferences"] = preferences
    probes = [draw(_mappings("ProbeEntry", max_size=2)) for _ in range(draw(st.integers(0, 1)))]
    if probes:
        home["health"] = probes
    group = {"strategy": "failover", "members": ["home"], **draw(_mappings("GroupEntry", max_size=2))}
    optional: dict[str, Any] = {
        "guard": draw(_mappings("GuardEntry")),
        "groups": {"all": group},
        "categories": {"linux": draw(_mappings("CategoryEntry"))},
        "defaults": draw(_mappings("ManagedKeys", ("instance",))),
        "x-anchors": draw(st.sampled_from(_ODD_VALUES)),
    }
    for key in draw(st.sets(st.sampled_from(sorted(optional)))):
        del optional[key]
    head = draw(_mappings("", ("version", "policy", "instances", *optional, "torrents"), 2))
    torrents = [draw(_torrents(index)) for index in range(draw(st.integers(0, 2)))]
    return {"version": 1, "policy": "sync", "instances": {"home": home}, **head, **optional, "torrents": torrents}


def render_document(document: dict[str, Any]) -> str:
    """Return the text of a document: JSON is YAML."""
    return json.dumps(document)
