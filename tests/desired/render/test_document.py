"""The YAML that we write ourselves: read back by our loader and by another one, it is what was meant."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from reconciler.desired import load
from reconciler.desired.render import (
    EntrySource,
    ImportedEntry,
    SkippedTorrent,
    YamlEntry,
    read_managed_values,
    render_block_entry,
    render_documents,
    render_flow_entry,
)
from reconciler.desired.render.document import compact_entries, group_entries
from reconciler.desired.render.entry import render_scalar, render_value, sanitize_comment
from reconciler.desired.yaml.document import YamlDocument
from reconciler.desired.yaml.parser import compose_nodes
from reconciler.model.infohash import InfoHashes
from reconciler.model.snapshot import LiveOptions, LiveTorrent, ShareLimits
from tests.support.desired_yaml import HEAD
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


def ours(text: str) -> Any:
    roots, problem = compose_nodes("t.yaml", text)
    assert problem is None, problem
    document = YamlDocument("t.yaml", Path(), roots[0])
    assert document.problems == []
    return document.data


def theirs(text: str, version: str) -> Any:
    yaml = YAML(typ="safe", pure=True)
    yaml.version = version
    return yaml.load(io.StringIO(text))


@given(values)
def test_a_value_is_read_as_it_was_meant(value: Any) -> None:
    assert ours(f"key: {render_value(value)}\n") == {"key": value}
    assert ours(f"- [{render_value(value, flow=True)}, x]\n") == [[value, "x"]]


@pytest.mark.parametrize("yaml", ["1.1", "1.2"])
@given(text=texts)
def test_other_readers_take_it_for_text(yaml: str, text: str) -> None:
    assert theirs(f"key: {render_scalar(text)}\nlist: [{render_scalar(text, flow=True)}]\n", yaml) == {
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
    assert ours(f"# {sanitize_comment(text)}\nkey: 1\n") == {"key": 1}


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
    assert ours("\n".join(render_block_entry(entry, "  "))) == [entry.data]
    assert ours(f"[{render_flow_entry(entry)}]") == [entry.data]


def entries_of(rows: list[dict[str, Any]]) -> list[YamlEntry]:
    return [
        YamlEntry(EntrySource("magnet", make_magnet(number)), row, (f"torrent {number}",))
        for number, row in enumerate(rows)
    ]


SHARED = {"paused": True}  # what a category of its own would take from the rest


@example([{}] * 4 + [SHARED] * 2 + [{"category": "linux"}] * 2 + [{"category": "linux"} | SHARED] * 6 + [SHARED] * 6)
@given(st.lists(keys, max_size=40))
def test_defaults_say_the_same_in_fewer_lines(rows: list[dict[str, Any]]) -> None:
    entries = entries_of(rows)
    draft = compact_entries(entries)
    assert draft.line_count <= sum(len(row) for row in rows)
    drafts = group_entries(entries)
    keys_by_source = {
        entry.source.text: {key: value for key, value in {**draft.defaults, **entry.keys}.items() if value is not None}
        for draft in drafts
        for entry in draft.entries
    }
    assert keys_by_source == {entry.source.text: dict(entry.keys) for entry in entries}
    assert sum(draft.line_count + 4 for draft in drafts) <= draft.line_count + 4


@given(st.lists(keys, max_size=20))
def test_a_document_knows_where_its_entries_begin(rows: list[dict[str, Any]]) -> None:
    gathered = [ImportedEntry(entry, "home", make_infohash(number)) for number, entry in enumerate(entries_of(rows))]
    rendered = render_documents(gathered, [], ["home"], {}, has_passkeys=False)
    lines = rendered.text.splitlines()
    for entry, start in zip(rendered.entries, rendered.start_lines, strict=True):
        assert lines[start - 1].strip() == f"- # {entry.comments[0]}"
    assert len(rendered.entries) == len(rows)


def test_many_of_one_category_have_a_document_of_their_own(tmp_path: Path) -> None:
    linux = [{"category": "linux", "save_path": "/data/linux", "tags": ["iso"]}] * 8
    films = [{"category": "films", "save_path": "/data/films"}] * 8
    entries = entries_of([*linux, *films, {"category": "rare"}, {}])
    gathered = [ImportedEntry(entry, "home", make_infohash(number), 2**30) for number, entry in enumerate(entries)]
    skipped = [
        SkippedTorrent("home", make_infohash(90), "gone \u202e", "its name is odd"),
        SkippedTorrent("home", make_infohash(91), "x", "declared already"),
    ]
    rendered = render_documents(
        gathered, skipped, ["home"], {"linux": {"save_path": "/data/linux"}}, has_passkeys=False
    )
    assert rendered.text.count("version: 1\n") == 3
    assert rendered.text.startswith("---\n# 18 torrents, 18.0 GiB, as reconcile import found them on home.\n")
    assert "# - 1: its name is odd\n#     " + make_infohash(90)[:10] + " gone ? on home\n" in rendered.text
    file = tmp_path / "imported.yaml"
    file.write_text(HEAD + rendered.text, encoding="utf-8")
    desired = load([file], {})
    paths_by_infohash = {str(torrent.infohashes): (torrent.category, torrent.save_path) for torrent in desired.torrents}
    assert paths_by_infohash == {
        make_infohash(number): (entry.keys.get("category"), entry.keys.get("save_path"))
        for number, entry in enumerate(entries)
    }
    assert {name: category.save_path for name, category in desired.categories.items()} == {"linux": "/data/linux"}


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
