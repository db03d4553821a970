"""The text of an intake: a change touches one block, and what a person wrote stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.desired.render import EntrySource
from reconciler.desired.yaml.document import YamlDocument
from reconciler.desired.yaml.entries import compose_nodes
from reconciler.intake.text import (
    NEW_TEXT,
    Block,
    UnusableText,
    change_block,
    change_categories,
    iter_lines,
    parse_intake,
    render_block,
)
from tests.support.desired_yaml import BUNNY, SINTEL

TEXT = f"""\
# ours
version: 1
torrents:  # all of them
  # the first
  - magnet: {SINTEL}  # a film
    category: films
    # why not
    paused: true

  # the second
  - {{magnet: '{BUNNY}', name: "a # b"}}
  # the end
"""


def read(text: str) -> Any:
    roots, problem = compose_nodes("", text)
    assert problem is None, text
    (root,) = roots
    document = YamlDocument("", Path(), root, text)
    assert not document.problems
    return document.data


def test_a_text_is_its_parts() -> None:
    parsed = parse_intake("intake.yaml", TEXT)
    assert parsed.head + "".join(block.text for block in parsed.blocks) + parsed.tail == TEXT
    assert [block.text.splitlines()[block.lead].strip()[0] for block in parsed.blocks] == ["-", "-"]
    assert parsed.tail == "  # the end\n"
    first_line = parsed.head.count("\n") + 1
    lines = [position.line for position in parsed.document.find_item_positions("torrents")]
    assert list(iter_lines(parsed.blocks, first_line)) == lines == [5, 11]


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\ntorrents: []\n",
        "version: 1\ntorrents:\n  []\n",
        "version: 1\ntorrents: []",
        "version: 1\ntorrents: [] # none\n# the end\n",
        "version: 1\n",
        "version: 1",
        "version: 1\ncategories: {a: {}}\ntorrents:   []\n",
        f"{NEW_TEXT}  []\n",
    ],
)
def test_an_empty_list_can_be_added_to(text: str) -> None:
    parsed = parse_intake("intake.yaml", text)
    assert parsed.blocks == ()
    block = render_block(EntrySource("magnet", SINTEL), {"name": "x"})
    data = read(parsed.head + block.text + parsed.tail)
    assert data["torrents"] == [{"magnet": SINTEL, "name": "x"}]
    assert read(f"{parsed.head}  []\n{parsed.tail}")["torrents"] == []


@pytest.mark.parametrize(
    "text",
    [
        f"version: 1\ntorrents: [{{magnet: '{SINTEL}'}}]\n",
        f"version: 1\ntorrents:\n  - magnet: {SINTEL}\ncategories: {{}}\n",
        f"version: 1\ntorrents:\n  - &a\n    magnet: {SINTEL}\n  - <<: *a\n",
        f"version: 1\ntorrents:\n  -\n    magnet: {SINTEL}\n",
        f"version: 1\ntorrents:\n  - magnet: {SINTEL}\n...\n",
        f"{{version: 1, torrents: [{{magnet: '{SINTEL}'}}]}}\n",
        "version: 1\n---\nversion: 1\n",
        "- a\n",
        "version: [\n",
        "version: 1\nversion: 1\n",
        "",
    ],
)
def test_another_layout_is_left_alone(text: str) -> None:
    with pytest.raises(UnusableText) as error:
        parse_intake("intake.yaml", text)
    assert all(problem.message for problem in error.value.problems)


def test_a_change_leaves_the_other_lines() -> None:
    block = parse_intake("intake.yaml", TEXT).blocks[0]
    changed = change_block(block, {"category": "a: b", "paused": None, "tags": ("x", "y")})
    assert changed.text == (
        f'  - magnet: {SINTEL}  # a film\n    category: "a: b"\n    # why not\n    tags: [x, "y"]\n'
    )
    assert read(changed.text) == [{"magnet": SINTEL, "category": "a: b", "tags": ["x", "y"]}] == [changed.data]
    assert changed.line_count == changed.text.count("\n") and changed.lead == block.lead


def test_an_entry_of_another_layout_is_written_again_below_its_comments() -> None:
    block = parse_intake("intake.yaml", TEXT).blocks[1]
    changed = change_block(block, {"category": "x"})
    assert "# the second" in changed.text
    assert read(changed.text) == [{"magnet": BUNNY, "name": "a # b", "category": "x"}]


@pytest.mark.parametrize(
    "entry",
    [
        f"  - magnet: {SINTEL}\n    tags:\n      - a\n      - b\n    name: x\n",
        f"  - magnet: {SINTEL}\n    labels:\n      a: 1\n    name: |-\n      x\n",
        f"  - name: x\n    magnet: {SINTEL}\n    tags: [a,\n      b]\n",
        f'  - "magnet": {SINTEL}\n    name:\n      x\n    tags: # c\n    - a\n',
        f"-   magnet: {SINTEL}\n    name: x",
    ],
)
def test_whatever_the_layout_the_data_is_right(entry: str) -> None:
    block = parse_intake("intake.yaml", f"version: 1\ntorrents:\n{entry}").blocks[0]
    several: list[dict[str, Any]] = [
        {"tags": ["z"]},
        {"tags": None},
        {"name": None, "state": "absent"},
        {"name": "y", "labels": {"b": 2}},
    ]
    for changes in several:
        changed = change_block(block, changes)
        expected = {key: value for key, value in {**block.data, **changes}.items() if value is not None}
        assert read(changed.text) == [expected]


WORDS = (
    *("a: b", "- x", "# x", "x #y", "'", '"', "{a}", "[a]", "&a", "*a", "!x", "%x", "@x", "`x", "|", ">", "---", "..."),
    *("~", "null", "true", "1.10", "0x1F", "a\nb", "a\n- magnet: x", "\x1b[31m", "{{ x }}", "${X}", "\u2028", "\ufeff"),
    "\\",
)
HOSTILE = st.text(st.characters(codec="utf-8"), max_size=30) | st.sampled_from(WORDS)


@given(
    st.lists(st.dictionaries(st.sampled_from(["name", "category", "save_path"]), HOSTILE | st.none()), max_size=4),
    st.dictionaries(st.text("abc._-", min_size=1, max_size=5), HOSTILE, max_size=3),
)
def test_hostile_values_are_only_values(changes: list[dict[str, Any]], labels: dict[str, str]) -> None:
    block = render_block(EntrySource("magnet", SINTEL), {"labels": labels} if labels else {})
    before = render_block(EntrySource("magnet", BUNNY), {"name": "before"})
    after = render_block(EntrySource("infohash", "a" * 40), {"name": "after"})
    for change in changes:
        block = change_block(block, change)
    text = NEW_TEXT + before.text + block.text + after.text
    assert read(text)["torrents"] == [before.data, block.data, after.data]
    assert [part.text for part in parse_intake("x", text).blocks] == [before.text, block.text, after.text]


def test_categories_are_lines_of_their_own() -> None:
    head = NEW_TEXT
    head = change_categories(head, {"films": {"save_path": "/a: b"}})
    head = change_categories(head, {"tv": {}, "x/y": {"save_path": "/x", "download_path": False}})
    assert read(f"{head}  []\n")["categories"] == {
        "films": {"save_path": "/a: b"},
        "tv": {},
        "x/y": {"save_path": "/x", "download_path": False},
    }
    head = head.replace("  tv:", "  # mine\n  tv:")
    head = change_categories(head, {"films": None, "tv": {"save_path": "/tv"}})
    assert "# mine" in head and head.startswith("# What services")
    head = change_categories(head, {"tv": None, "x/y": None, "unknown": None})
    assert "categories" not in read(f"{head}  []\n")


@pytest.mark.parametrize("section", ["categories: {}", "categories: {a: {save_path: /a}, b: }", "categories:"])
def test_categories_of_another_layout_are_written_again(section: str) -> None:
    head = change_categories(f"version: 1\n{section}\n# c\ntorrents:\n", {"new": {"save_path": "/n"}})
    data = read(f"{head}  []\n")
    assert data["categories"]["new"] == {"save_path": "/n"} and "# c" in head
    assert len(data["categories"]) == (3 if "a:" in section else 1)


def test_a_block_shows_nothing_in_a_log() -> None:
    assert "passkey" not in repr(Block("passkey", {"magnet": "passkey"}))
