"""Entries and values as YAML: our loader and other readers read back what was meant."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from reconciler.desired.render.entry import (
    EntrySource,
    YamlEntry,
    can_declare_category,
    read_managed_values,
    render_block_entry,
    render_flow_entry,
    render_scalar,
    render_value,
    sanitize_comment,
)
from reconciler.desired.yaml.document import YamlDocument
from reconciler.desired.yaml.entries import compose_nodes
from reconciler.model.infohash import InfoHashes
from reconciler.model.snapshot import LiveOptions, LiveTorrent, ShareLimits
from tests.support.desired_yaml import parse_document
from tests.support.magnets import make_infohash, make_magnet

TRICKY: tuple[str, ...] = (
    "",
    " ",
    "a: b",
    "a #b",
    "- a",
    "yes",
    "NO",
    "null",
    "~",
    "1.10",
    "0x1F",
    "12:30",
    "2024-01-01",
    "a\nb",
    "\t",
)
TRICKY += (
    "{a}",
    "[a]",
    "a, b",
    "*a",
    "&a",
    "!a",
    "%a",
    "@a",
    "`a",
    "'a'",
    '"a"',
    "C:\\x y",
    "\\",
    "é",
    "\u202e",
    "\x85",
)
TRICKY += (
    "\ufeff",
    "\U0001f600",
    "\x7f",
    "<<",
    "=",
    "?",
    "a:",
    "a ",
    " a",
    "it's \\ so",
    "x  y",
    "magnet:?xt=1&tr=a:",
    "|",
    ">",
)
texts = st.sampled_from(TRICKY) | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.floats(0, 1e6, width=32) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


def read_document(text: str) -> Any:
    roots, problem = compose_nodes("t.yaml", text)
    assert problem is None, problem
    document = YamlDocument("t.yaml", Path(), roots[0])
    assert document.problems == []
    return document.data


def read_with_ruamel(text: str, version: str) -> Any:
    yaml = YAML(typ="safe", pure=True)
    yaml.version = version
    return yaml.load(io.StringIO(text))


@given(values)
def test_a_value_is_read_as_it_was_meant(value: Any) -> None:
    assert read_document(f"key: {render_value(value)}\n") == {"key": value}
    assert read_document(f"- [{render_value(value, flow=True)}, x]\n") == [[value, "x"]]


@pytest.mark.parametrize("yaml", ["1.1", "1.2"])
@given(text=texts)
def test_other_readers_take_it_for_text(yaml: str, text: str) -> None:
    assert read_with_ruamel(f"key: {render_scalar(text)}\nlist: [{render_scalar(text, flow=True)}]\n", yaml) == {
        "key": text,
        "list": [text],
    }


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("linux/iso", "linux/iso"),
        ("/data/my films", "/data/my films"),
        ("magnet:?xt=urn:btih:0&tr=http%3A%2F%2Fa", "magnet:?xt=urn:btih:0&tr=http%3A%2F%2Fa"),
        ("C:\\data", "'C:\\data'"),
        ("2024", '"2024"'),
        ("yes", '"yes"'),
        ("Фильмы", '"Фильмы"'),
    ],
)
def test_what_needs_no_quotes_has_none(text: str, written: str) -> None:
    assert render_scalar(text) == written


@given(texts)
def test_a_remark_stays_a_remark(text: str) -> None:
    assert read_document(f"# {sanitize_comment(text)}\nkey: 1\n") == {"key": 1}


keys = st.fixed_dictionaries(
    {},
    optional={
        "category": st.sampled_from(["linux", "films", "a b"]),
        "tags": st.lists(st.sampled_from(["x", "y: z"]), min_size=1, max_size=2, unique=True),
        "save_path": st.sampled_from(["/data", "/data/linux"]),
        "paused": st.just(True),
    },
)


@given(keys, texts)
def test_an_entry_is_the_same_in_a_block_and_in_brackets(given_keys: dict[str, Any], name: str) -> None:
    entry = YamlEntry(EntrySource("magnet", make_magnet(1)), given_keys, (name,))
    assert read_document("\n".join(render_block_entry(entry, "  "))) == [entry.data]
    assert read_document(f"[{render_flow_entry(entry)}]") == [entry.data]


@pytest.mark.parametrize(
    ("live_values", "keys", "omissions"),
    [
        ({}, {}, []),
        (
            {"stopped": True, "tags": {"b", "a", "reconcile:protect"}},
            {"tags": ["a", "b"], "paused": True, "protect": True},
            [],
        ),
        ({"save_path": "/data", "auto_tmm": True, "category": "x"}, {"category": "x", "auto_tmm": True}, []),
        (
            {
                "options": LiveOptions(
                    sequential=True,
                    upload_limit=512_000,
                    share=ShareLimits(2.5, 20160, -1, "stop"),
                    download_path="/inc",
                ),
                "comment": "kept",
                "save_path": "/data",
            },
            {
                "save_path": "/data",
                "download_path": "/inc",
                "sequential": True,
                "upload_limit": "500 KiB/s",
                "share_limits": {
                    "ratio": 2.5,
                    "seeding_time": "14d",
                    "inactive_seeding_time": "unlimited",
                    "action": "stop",
                },
                "comment": "kept",
            },
            [],
        ),
        (
            {"options": LiveOptions(share=ShareLimits(1, 9_999_999))},
            {"share_limits": {"ratio": 1}},
            ["share_limits.seeding_time "],
        ),
        ({"auto_tmm": True, "options": LiveOptions(download_path="/inc")}, {"auto_tmm": True}, []),
        ({"save_path": "/data", "state": "moving"}, {}, ["save_path is left out: its data is being moved"]),
        (
            {"save_path": "/data", "state": "moving", "options": LiveOptions(download_path="/inc")},
            {},
            [
                "save_path is left out: its data is being moved",
                "download_path is left out: it cannot be declared without a save_path",
            ],
        ),
        ({"save_path": "data"}, {}, ["save_path data is left out: this path is not absolute"]),
        ({"category": "a//b"}, {}, ["category a//b is left out: a category cannot begin or end"]),
        (
            {"tags": {"ok", "\x1b"}},
            {"tags": ["ok"]},
            ['tags without "\\x1b": the tag contains a line break or control'],
        ),
        ({"tags": {"\x1b"}}, {}, ['tags without "\\x1b": the tag contains a line break or control']),
    ],
)
def test_what_a_live_torrent_is_declared_as(
    live_values: dict[str, Any], keys: dict[str, Any], omissions: list[str]
) -> None:
    state = {"stopped": False, "state": "stalledUP", **live_values}
    state["tags"] = frozenset(state.get("tags", ()))
    declared_keys, comments = read_managed_values(
        LiveTorrent(make_infohash(1), InfoHashes(make_infohash(1)), "name", **state), (2, 15, 3)
    )
    assert declared_keys == keys
    assert len(comments) == len(omissions)
    assert all(comment.startswith(begin) for comment, begin in zip(comments, omissions, strict=True))


@pytest.mark.parametrize(
    ("name", "save_path", "can_declare"),
    [
        ("linux", "/data/linux", True),
        ("linux/iso", "C:\\data", True),
        ("", "/data", False),
        ("linux", "", False),
        ("linux", "data", False),
        ("a//b", "/data", False),
        ("${NAME}", "/data", False),
    ],
)
def test_a_category_can_be_declared_with_a_valid_name_and_an_absolute_path(
    name: str, save_path: str, can_declare: bool
) -> None:
    assert can_declare_category(name, save_path) is can_declare


def test_a_block_entry_begins_with_its_comments_and_its_source() -> None:
    entry = YamlEntry(EntrySource("magnet", make_magnet(1)), {"tags": ["a b", "c"], "paused": True}, ("one\ntwo",))
    assert render_block_entry(entry, "  ") == [
        "  - # one?two",
        f"    magnet: {make_magnet(1)}",
        '    tags: ["a b", c]',
        "    paused: true",
    ]


@pytest.mark.parametrize("text", ["##[error]x", 'C:\\d ##[group] "q"', "a###[x]"])
def test_no_text_begins_a_command_of_the_runner_of_github(text: str) -> None:
    rendered = render_scalar(text)
    assert "##[" not in rendered
    assert parse_document(f"version: 1\nowner: {rendered}\n").data["owner"] == text
    assert "##[" not in sanitize_comment(text)
