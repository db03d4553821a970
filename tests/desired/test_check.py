"""A document against the schema: the valid part, and the problems of the rest."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.desired import check
from reconciler.desired.check import CheckedDocument, check_document, join_source
from reconciler.desired.context import MAX_PROBLEMS
from reconciler.desired.schema.document import DOCUMENT_ADAPTER
from reconciler.desired.schema.torrents import TorrentEntry
from reconciler.model.position import Problem
from tests.support.desired_yaml import BUNNY, HEAD, SINTEL, STEEL, check_text, list_texts, parse_document


class RecordingAdapter:
    """The schema, with the length of the longest part of each document that it validated."""

    def __init__(self) -> None:
        self.lengths: list[int] = []

    def validate_python(self, data: dict[str, Any]) -> Any:
        """Validate a document."""
        self.lengths.append(max(len(value) for value in data.values() if isinstance(value, (list, dict))))
        return DOCUMENT_ADAPTER.validate_python(data)


def list_entries(checked: CheckedDocument) -> list[TorrentEntry]:
    """The torrents of a checked document, each with its source."""
    return list(map(join_source, checked.torrent_sources, checked.torrent_keys))


def test_a_valid_document_is_kept_whole() -> None:
    problems: list[Problem] = []
    checked = check_document(parse_document(f"{HEAD}torrents:\n  - magnet: {SINTEL}\n"), problems)
    assert problems == []
    assert checked.torrent_indexes == range(1)
    assert checked.entry["policy"] == "sync"


def test_keys_that_only_hold_anchors_are_dropped_at_the_top_level_only() -> None:
    problems: list[Problem] = []
    checked = check_document(parse_document("x-any: [1, {a: b}]\nversion: 1\nguard: {x-any: 1}\n"), problems)
    assert "x-any" not in checked.entry
    assert [text.split(". ")[0] for text in list_texts(problems)] == ['3:9: unknown key "x-any"']


def test_torrents_keep_their_index_in_the_file_after_invalid_ones() -> None:
    problems: list[Problem] = []
    text = f"{HEAD}torrents:\n  - magnet\n  - magnet: {SINTEL}\n    pausd: true\n  - infohash: {'ab' * 20}\n"
    checked = check_document(parse_document(text), problems)
    assert checked.torrent_indexes == [1, 2]
    assert [sorted(torrent) for torrent in list_entries(checked)] == [["magnet"], ["infohash"]]
    assert list_texts(problems) == [
        '5:5: a torrent must be keys and values. Write "- magnet: magnet:?xt=urn:btih:…"',
        '7:5: unknown key "pausd". Did you mean "paused"?',
    ]


def test_what_torrents_share_is_checked_once_and_as_if_it_were_not_shared() -> None:
    line, label = ["a"], {"x": 7}
    torrents = [
        {"magnet": SINTEL, "tags": line, "paused": True},
        {"magnet": BUNNY, "tags": line, "paused": True},
        {"infohash": "AB" * 20, "tags": line, "paused": True},
        {"paused": True, "tags": line, "magnet": STEEL, "labels": label},
        {"torrent": "a.torrent", "labels": label},
        {"magnet": SINTEL, "infohash": "ab" * 20},
        {},
    ]
    document = parse_document("version: 1\n")
    document.data["torrents"] = torrents
    problems: list[Problem] = []
    checked = check_document(document, problems)
    assert problems == []
    assert {**checked.entry, "torrents": list_entries(checked)} == DOCUMENT_ADAPTER.validate_python(document.data)
    first, second, third, *others = checked.torrent_keys
    assert first is second is third
    assert first == {"tags": ["a"], "paused": True}
    assert len(set(map(id, others))) == len(others)


def test_entries_with_equal_lines_share_their_keys_whatever_their_source_and_name() -> None:
    lines = "    tags: [a]\n    paused: true\n"
    heads = [
        f"magnet: {SINTEL}",
        f"infohash: {'ab' * 20}",
        f"magnet: {BUNNY}\n    name: a",
        f"name: b\n    magnet: {STEEL}",
    ]
    checked = check_text("version: 1\ntorrents:\n" + "".join(f"  - {head}\n{lines}" for head in heads))
    first, *others = checked.torrent_keys
    assert all(keys is first for keys in others)
    assert [source and source[1] for source in checked.torrent_sources] == [None, None, "a", "b"]
    assert first == {"tags": ["a"], "paused": True}


@pytest.mark.parametrize(
    ("entry", "column"),
    [("magnet: [a]", 13), ("magnet: 5", 13), ("magnet:", 12), ("magnet: magnet:?xt=no", 13), ("tags: [a, '']", 15)],
)
def test_what_is_wrong_in_a_torrent_is_reported_where_it_is(entry: str, column: int) -> None:
    problems: list[Problem] = []
    text = f"version: 1\ntorrents:\n  - magnet: {SINTEL}\n    tags: [a]\n  - {entry}\n  - infohash: {'ab' * 20}\n"
    checked = check_document(parse_document(text), problems)
    assert [(problem.position.line, problem.position.column) for problem in problems] == [(5, column)]
    assert [sorted(keys) for keys in checked.torrent_keys][::2] == [["magnet", "tags"], ["infohash"]]


def test_a_position_with_a_problem_gets_no_second_one() -> None:
    document = parse_document("version: 1\npolicy: [sync]\n")
    problems = [Problem(document.find_position("policy"), "E030", "reported before")]
    check_document(document, problems)
    assert list_texts(problems) == ["2:9: reported before"]


def test_a_document_without_keys_leaves_an_empty_one() -> None:
    problems: list[Problem] = []
    checked = check_document(parse_document("- a\n"), problems)
    assert (checked.entry, list(checked.torrent_indexes)) == ({"version": 1}, [])
    assert list_texts(problems) == ['1:1: a desired state must be keys and values. Begin it with "version: 1"']


@pytest.mark.parametrize(
    "text",
    [
        "torrents:\n" + "  - {magnet: nope, bogus: 1, paused: yes}\n" * (MAX_PROBLEMS + 100),
        "categories:\n" + "".join(f"  c{number}: {{save_path: x, y: 1}}\n" for number in range(MAX_PROBLEMS + 100)),
    ],
)
def test_of_very_many_problems_only_the_first_are_looked_for(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    problems: list[Problem] = []
    recorder = RecordingAdapter()
    monkeypatch.setattr(check, "DOCUMENT_ADAPTER", recorder)
    checked = check_document(parse_document("version: 1\n" + text), problems)
    assert recorder.lengths == [MAX_PROBLEMS], "of 100,000 entries, no more are validated"
    assert len(problems) <= MAX_PROBLEMS
    assert "more problems" in problems[-1].message
    assert not checked.is_whole


def test_a_long_document_with_few_problems_is_checked_whole() -> None:
    problems: list[Problem] = []
    entries = "".join(f"  - infohash: a{number:039x}\n" for number in range(MAX_PROBLEMS + 5))
    checked = check_document(parse_document(f"version: 1\ntorrents:\n{entries}  - magnet\n"), problems)
    assert len(problems) == 1
    assert len(list_entries(checked)) == MAX_PROBLEMS + 5
