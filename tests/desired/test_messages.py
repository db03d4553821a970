"""Problems in plain words. Each message has a file in the corpus `broken`."""

from __future__ import annotations

import pytest

from reconciler.desired.check import check_document
from reconciler.desired.messages import find_schema_section
from reconciler.model.position import Problem
from tests.support.desired_yaml import list_texts, parse_document


@pytest.mark.parametrize(
    ("loc", "section"),
    [
        (("instances", "home", "categories", "linux", "save_path"), "categories"),
        (("instances", "home", "health", 0, "gluetun", "password", "env"), "password"),
        (("instances", "home", "health", 0, "http", "url"), "http"),
        (("instances", "home", "health", 0, "tcp"), "health"),
    ],
)
def test_the_section_of_a_key_is_the_innermost_one(loc: tuple[str | int, ...], section: str) -> None:
    assert find_schema_section(loc) == section


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("policy: sync", '1:1: this document has no version. Begin it with "version: 1"'),
        ("version: 1\npolicy: Create_Only", '2:9: "policy" must be create-only, upsert or sync. Did you mean'),
        ("version: 1\nsuspend: yes", '2:10: "suspend" must be true or false. Write "suspend: true"'),
        ("version: 1\nguard: {max_delete: '5'}", '2:21: "max_delete" must be a whole number, 0 or more. Write it with'),
        ("version: 1\ntorrents: {}", '2:11: "torrents" must be a list. Begin each torrent with "- magnet: …"'),
        ("version: 1\ndefaults: {category: 2024}", '2:22: "category" must be text, and this means a number. Put it in'),
        ("version: 1\nanchors: {}", '2:1: unknown key "anchors". Valid keys: version, include, owner, policy'),
    ],
)
def test_a_problem_is_at_its_value_in_plain_words(text: str, expected: str) -> None:
    problems: list[Problem] = []
    check_document(parse_document(text), problems)
    (problem,) = list_texts(problems)
    assert problem.startswith(expected)


def test_a_secret_is_never_quoted() -> None:
    problems: list[Problem] = []
    check_document(parse_document('version: 1\ninstances: {a: {url: "http://a", password: [hunter2]}}'), problems)
    (problem,) = list_texts(problems)
    assert problem.startswith("2:44: this must be {env: NAME}, {file: PATH}, or text in quotes. Check the indentation")
    assert "hunter2" not in problem
