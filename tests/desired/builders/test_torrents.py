"""Desired torrents: defaults applied, each on a declared instance, none declared twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.desired.builders.torrents import build_torrents
from reconciler.desired.context import LoadContext
from reconciler.model.desired import DesiredTags, DesiredTorrent
from reconciler.model.groups import Group, Member, Strategy
from reconciler.model.position import Position
from tests.support.desired_yaml import (
    BUNNY,
    HEAD,
    SINTEL,
    TWO_INSTANCES_HEAD,
    check_text,
    list_texts,
    load_problems,
    load_text,
)
from tests.support.torrents import write_multi_file_torrent

GROUPS = {
    "pair": Group(
        "pair", Position("desired.yaml", 1, 1), Strategy.REPLICATE, (Member("home"), Member("seedbox")), 120.0
    )
}


def build(
    text: str, context: LoadContext, instances: tuple[str, ...] = ("home", "seedbox")
) -> tuple[tuple[DesiredTorrent, ...], int]:
    groups = GROUPS if len(instances) == 2 else {}
    return build_torrents([check_text(f"version: 1\n{text}")], instances, groups, context)


def list_problems(text: str) -> list[str]:
    context = LoadContext({})
    build(text, context)
    return list_texts(context.problems)


def test_defaults_apply_where_the_entry_does_not_override_them() -> None:
    context = LoadContext({})
    text = f"""\
defaults: {{category: films, tags: [a], paused: true}}
torrents:
  - magnet: {SINTEL}
  - {{magnet: '{BUNNY}', category: linux, tags: {{only: [b]}}, paused: null}}
"""
    (first, second), unfetched_count = build(text, context, ("home",))
    assert (context.problems, unfetched_count) == ([], 0)
    assert (first.instance, first.category, first.tags, first.paused) == (
        "home",
        "films",
        DesiredTags(frozenset({"a"}), False),
        True,
    )
    assert (second.category, second.tags, second.paused) == ("linux", DesiredTags(frozenset({"b"}), True), None)


def test_to_an_absent_torrent_no_defaults_apply() -> None:
    context = LoadContext({})
    text = f"defaults: {{category: films, paused: true}}\ntorrents:\n  - {{magnet: '{SINTEL}', state: absent}}\n"
    ((torrent,), _) = build(text, context, ("home",))
    assert (torrent.absent, torrent.category, torrent.paused) == (True, None, None)
    assert list_problems(f"torrents:\n  - {{state: absent, paused: true, instance: home, magnet: '{SINTEL}'}}\n") == [
        '3:21: "paused" has no effect with "state: absent". Remove one of the two'
    ]


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ("", "3:5: this torrent has no instance, and there are several: home, seedbox. Add"),
        (", instance: seedbux", 'there is no instance or group "seedbux". Did you mean "seedbox"?'),
        (", instance: x", 'there is no instance or group "x". Known: pair, home, seedbox'),
    ],
)
def test_a_torrent_is_on_a_declared_instance(keys: str, problem: str) -> None:
    (text,) = list_problems(f"torrents:\n  - {{magnet: '{SINTEL}'{keys}}}\n")
    assert problem in text


def test_an_unknown_default_instance_is_one_problem_for_all_entries() -> None:
    entries = f"torrents: [{{magnet: '{SINTEL}'}}, {{magnet: '{BUNNY}'}}]"
    assert list_problems(f"defaults: {{instance: homr}}\n{entries}\n") == [
        '2:22: there is no instance or group "homr". Did you mean "home"?'
    ]


@pytest.mark.parametrize(
    ("second_instance", "problem"),
    [
        ("seedbox", None),
        ("home", 'is already declared for instance "home" at desired.yaml:3:5. Keep one of the two'),
        ("pair", 'is already declared for instance "home", a member of "pair", at desired.yaml:3:5. Keep one'),
    ],
)
def test_an_instance_has_each_torrent_once(second_instance: str, problem: str | None) -> None:
    entries = [f"  - {{magnet: '{SINTEL}', instance: {name}}}\n" for name in ("home", second_instance)]
    problems = list_problems("torrents:\n" + "".join(entries))
    assert len(problems) == (1 if problem else 0)
    assert all(problem in text for text in problems if problem)


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        ("{content: /data/a, instance: pair}", '3:15: "content" needs a single instance, and "pair" is a group'),
        (
            "{content: /a, name: A, instance: home}\n  - {content_of: A, instance: home}",
            '4:18: "A" is created on the same instance, home',
        ),
        (
            "{content: /a, export: a.torrent, instance: home}\n  - {content: /b, export: a.torrent, instance: home}",
            "4:27: the torrent at desired.yaml:3:5 is exported to the same file. Name another file",
        ),
        (f"{{magnet: '{SINTEL}', export: a.torrent, instance: home}}", '"export" is allowed only with "content"'),
    ],
)
def test_content_is_on_one_instance_and_exported_to_one_file(entries: str, problem: str) -> None:
    (text,) = list_problems(f"torrents:\n  - {entries}\n")
    assert problem in text


def test_offline_a_url_is_counted_as_unfetched_and_the_rest_is_built() -> None:
    context = LoadContext({})
    text = f"torrents:\n  - torrent: http://torrents.example/1\n  - magnet: {SINTEL}\n"
    torrents, unfetched_count = build(text, context, ("home",))
    assert ([torrent.position.line for torrent in torrents], unfetched_count) == ([4], 1)
    assert context.problems == []


def test_a_rule_of_an_entry_that_matches_no_file_of_its_torrent_file_is_a_warning(tmp_path: Path) -> None:
    _, path = write_multi_file_torrent(tmp_path, "multi", {"Sample/s.mkv": b"x" * 100, "film.mkv": b"y" * 100})
    context = LoadContext({})
    text = f"""\
torrents:
  - torrent: {path}
    files: [{{match: "film.*", priority: high}}, {{match: "sample/**", priority: skip}}]
"""
    ((torrent,), _) = build(text, context, ("home",))
    hint = 'Globs are case-sensitive, and the torrent has "multi/Sample/s.mkv"'
    assert list_texts(context.warnings) == [f'4:56: the rule "sample/**" matches no file of this torrent. {hint}']
    assert [rule.position for rule in torrent.files] == [None, None]


def test_default_rules_keep_their_positions_and_are_no_warning_of_one_torrent(tmp_path: Path) -> None:
    _, path = write_multi_file_torrent(tmp_path, "multi", {"film.mkv": b"y" * 100})
    context = LoadContext({})
    text = f"""\
defaults: {{files: [{{match: "*.nfo", priority: skip}}]}}
torrents: [{{torrent: {path}}}, {{magnet: '{SINTEL}'}}]
"""
    (torrents, _) = build(text, context, ("home",))
    assert context.warnings == []
    positions = {rule.position for torrent in torrents for rule in torrent.files}
    assert [(position.line, position.column) for position in positions if position] == [(2, 28)]


def test_labels_are_text_and_a_number_is_as_it_is_written() -> None:
    text = f"torrents:\n  - {{magnet: '{SINTEL}', labels: {{id: 007, ratio: 1.10, title: 'A: b'}}}}\n"
    ((torrent,), _) = build(text, LoadContext({}), ("home",))
    assert torrent.labels == {"id": "007", "ratio": "1.10", "title": "A: b"}


def test_entries_with_the_same_lines_are_built_as_if_each_were_the_only_one(tmp_path: Path) -> None:
    """In brackets, each entry has values of its own; in lines, equal lines are one value."""
    lines = [
        ["tags: [a]", "instance: home"],
        ["tags: [a]", "instance: home", "labels: {n: 007}"],
        ["tags: [a]", "instance: home", "labels: {n: 7}"],
        ["tags: {only: [a]}", "instance: seedbox", "files: [{match: '*', priority: skip}]"],
        ["state: absent", "instance: seedbox"],
        ["save_path: null"],
    ]
    entries = [[f"magnet: '{SINTEL[:-3]}{number:03}'", *keys] for number, keys in enumerate(lines * 3)]
    entries += [[f"infohash: ab{number:038}", *keys] for number, keys in enumerate(lines * 2, 1)]
    defaults = "defaults: {instance: seedbox, save_path: /data, files: [{match: 'a', priority: high}]}\ntorrents:\n"
    in_lines, in_brackets = (
        load_text(tmp_path, TWO_INSTANCES_HEAD + defaults + "".join(f"  - {text}\n" for text in texts)).torrents
        for texts in (map("\n    ".join, entries), (f"{{{', '.join(entry)}}}" for entry in entries))
    )
    assert [torrent.position.line for torrent in in_lines][:4] == [8, 11, 15, 19]
    place = in_lines[0].position
    assert [replace(torrent, position=place) for torrent in in_lines] == [
        replace(torrent, position=place) for torrent in in_brackets
    ]


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ("instance: nowhere", 'there is no instance "nowhere"'),
        ("paused: true\n    force_start: true\n    instance: home", '"force_start: true" cannot be combined'),
        ("tags: [a]", "this torrent has no instance"),
    ],
)
def test_entries_with_the_same_lines_have_a_problem_each(tmp_path: Path, keys: str, problem: str) -> None:
    text = f"{TWO_INSTANCES_HEAD}torrents:\n  - magnet: {SINTEL}\n    {keys}\n  - magnet: {BUNNY}\n    {keys}\n"
    problems = load_problems(tmp_path, text)
    assert [problem in text for text in problems] == [True, True]
    assert len({text.partition(":")[0] for text in problems}) == 2


def test_a_repeated_torrent_with_the_same_lines_is_reported_where_it_is(tmp_path: Path) -> None:
    entry = f"  - magnet: {SINTEL}\n    tags: [a]\n"
    other = f"  - infohash: {BUNNY[-40:]}\n    tags: [a]\n"
    problems = load_problems(tmp_path, f"{HEAD}torrents:\n{entry}{other}{entry}{other}")
    assert [text.partition(" ")[0] for text in problems] == ["9:13:", "11:15:"]
