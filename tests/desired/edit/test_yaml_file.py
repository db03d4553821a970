"""A desired-state file that is edited: its documents, its entries, and its bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.desired import load
from reconciler.desired.edit import UnsupportedLayout, YamlFile
from reconciler.desired.render import EntrySource, YamlEntry
from reconciler.model.position import Position
from tests.support.desired_yaml import BUNNY, HEAD, SINTEL, STEEL

NEW = YamlEntry(EntrySource("magnet", STEEL), {"category": "films", "tags": ["a", "b: c"]})
BLOCK = f'  - magnet: {STEEL}\n    category: films\n    tags: [a, "b: c"]\n'


def file_of(text: str) -> YamlFile:
    return YamlFile(Path("desired.yaml"), text.encode())


DOCUMENTS = f"""\
torrents: [{{magnet: "{SINTEL}"}}]
---
version: 1
defaults: {{category: linux, paused: true}}
torrents: []
---
version: 1
defaults: {{category: films}}
torrents: []
"""


@pytest.mark.parametrize(
    ("keys", "document"),
    [
        ({}, 0),
        ({"category": "films"}, 2),
        ({"category": "linux"}, 1),
        ({"category": "linux", "paused": True}, 1),
        ({"category": "misc"}, 0),
        ({"tags": ["x"]}, 0),
    ],
)
def test_the_document_whose_defaults_fit_takes_it(keys: dict[str, Any], document: int) -> None:
    assert file_of(HEAD + DOCUMENTS).find_best_document(keys) == document


@pytest.mark.parametrize(("keys", "document"), [({}, None), ({"category": "linux"}, 1), ({"category": "misc"}, None)])
def test_where_all_say_more_than_was_asked_for_it_gets_one_of_its_own(keys: dict[str, Any], document: int) -> None:
    text = HEAD + DOCUMENTS.replace("torrents: [{", "defaults: {tags: [x]}\ntorrents: [{", 1).rstrip("\n")
    file = file_of(text)
    assert file.find_best_document(keys) == document
    assert file.add_entries(None, [NEW]) == f"{text}\n---\nversion: 1\ntorrents:\n{BLOCK}"


def test_an_entry_is_found_by_its_position() -> None:
    text = HEAD + f"torrents:\n  - &a\n    magnet: {SINTEL}\n  - {{magnet: '{BUNNY}'}}\n---\nversion: 1\n"
    file = file_of(text)
    desired = load([file.path], {}, texts={file.path: text})
    assert [file.find_entry(torrent.position) for torrent in desired.torrents] == [(0, 0), (0, 1)]
    with pytest.raises(UnsupportedLayout, match="is not written there"):
        file.find_entry(Position("desired.yaml", 1, 1))


def test_a_byte_order_mark_stays() -> None:
    file = YamlFile(Path("a.yaml"), b"\xef\xbb\xbf" + (HEAD + "torrents: []\n").encode())
    written = file.encode_text(file.add_entries(0, [NEW]))
    assert written == b"\xef\xbb\xbf" + (HEAD + "torrents:\n" + BLOCK).encode()


def test_the_positions_of_entries_are_those_of_one_document() -> None:
    text = HEAD + f"torrents:\n  - magnet: {SINTEL}\n---\nversion: 1\ntorrents: [{{magnet: '{BUNNY}'}}]\n"
    file = file_of(text)
    assert file.list_entry_positions(0) == [Position("desired.yaml", 5, 5)]
    assert file.list_entry_positions(1) == [Position("desired.yaml", 8, 12)]
    assert file.list_entry_positions(None) == file.list_entry_positions(1)


def test_an_entry_is_removed_from_its_document_only() -> None:
    text = (
        HEAD
        + f"torrents:\n  - magnet: {SINTEL}\n---\nversion: 1\ntorrents:\n  - magnet: {BUNNY}\n  - magnet: {STEEL}\n"
    )
    assert file_of(text).remove_entries([(1, 0)]) == text.replace(f"  - magnet: {BUNNY}\n", "")


def test_an_entry_behind_an_alias_is_not_found() -> None:
    file = file_of(f"version: 1\nx-film: &film {{magnet: '{SINTEL}'}}\ntorrents:\n  - *film\n")
    with pytest.raises(UnsupportedLayout, match=r"the entry at desired\.yaml:4:5 is not written there"):
        file.find_entry(Position("desired.yaml", 4, 5))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# mine\nversion: 1  # one\npolicy: sync\n", "# mine\nversion: 1  # one\ninclude: [new.yaml]\npolicy: sync\n"),
        ("policy: sync\r\nversion: 1", "policy: sync\r\nversion: 1\r\ninclude: [new.yaml]\r\n"),
        ("version: 1\ninclude: [a.yaml]  # sets\n", "version: 1\ninclude: [a.yaml, new.yaml]  # sets\n"),
        (
            "version: 1\ninclude:\n  # a\n  - a.yaml # b\n",
            "version: 1\ninclude:\n  # a\n  - a.yaml # b\n  - new.yaml\n",
        ),
        ("version: 1\ninclude: []\npolicy: sync\n", "version: 1\ninclude:\n  - new.yaml\npolicy: sync\n"),
        ("{version: 1, policy: sync}\n", "{version: 1, policy: sync, include: [new.yaml]}\n"),
        (
            "version: 1\npolicy: sync\n---\nversion: 1\ninclude: [b.yaml]\n",
            "version: 1\ninclude: [new.yaml]\npolicy: sync\n---\nversion: 1\ninclude: [b.yaml]\n",
        ),
    ],
)
def test_a_file_to_include_is_added_and_every_other_byte_stays(before: str, after: str) -> None:
    assert file_of(before).add_include("new.yaml") == after


def test_a_path_to_include_is_written_so_that_it_is_read_as_that_path() -> None:
    assert file_of("version: 1\n").add_include("a b [1].yaml") == 'version: 1\ninclude: ["a b [[]1].yaml"]\n'


def test_a_list_of_files_behind_an_alias_is_not_edited() -> None:
    file = file_of("version: 1\nx-files: &files [a.yaml]\ninclude: *files\n")
    with pytest.raises(UnsupportedLayout, match="an alias"):
        file.add_include("new.yaml")
