"""Properties of any input: damage is reported, never raised; the order of files does not matter."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from reconciler.desired import DesiredStateError, check, documents, load
from reconciler.desired.schema import document
from reconciler.desired.yaml.parser import compose_all_nodes
from reconciler.model.desired import DesiredState
from reconciler.model.position import Problem
from tests.support.desired_yaml import BUNNY, SINTEL, STEEL, TWO_INSTANCES_HEAD, write_file
from tests.support.editor_schema import list_schema_errors
from tests.support.examples import run_examples

VALID = (
    (Path(__file__).parents[2] / "examples" / "desired.yaml").read_text(encoding="utf-8")
    + f"""
---
version: 1
defaults: &defaults {{instance: home, tags: &tags [a, b], paused: true}}
torrents:
  - {{<<: *defaults, magnet: "{SINTEL[:-2]}aa", tags: *tags}}
  - magnet: "{BUNNY[:-2]}aa"
    save_path: 'C:\\data'
    name: >-
      folded
      text
    state: absent
""".replace("save_path: 'C:\\data'\n    ", "")
)
ENVIRON = {"HOME_PASSWORD": "x", "SEEDBOX_PASSWORD": "y"}
LINES = VALID.splitlines(keepends=True)
TOKENS = [
    *"{}[],:&*!|>'\"%@`#?-\t \n\r\0\x1b\ufeff\u2028é~",
    *(
        "- ",
        ": ",
        "? ",
        "<<: ",
        "*defaults",
        "&defaults ",
        "null",
        "yes",
        "!!str ",
        "!!python/none ",
        "---\n",
    ),
    *(
        "...\n",
        "version: 1\n",
        "torrents:\n",
        "instances:\n",
        "password: ",
        "magnet: ",
        "0123",
        "1e999",
        ".nan",
    ),
]
FUNCTION_SCOPED = [HealthCheck.function_scoped_fixture]


def survives(path: Path) -> None:
    problems: tuple[Problem, ...] = ()
    try:
        assert isinstance(load([path], ENVIRON), DesiredState)
        assert list_schema_errors(path.read_text(encoding="utf-8-sig")) == [], "the JSON Schema is stricter"
        return
    except DesiredStateError as error:
        problems = error.problems
    assert problems
    for problem in problems:
        assert problem.position.line >= 1
        assert problem.position.column >= 1
        assert "\n" not in str(problem)


def test_the_file_to_be_damaged_is_valid(tmp_path: Path) -> None:
    assert load([write_file(tmp_path, VALID)], ENVIRON).torrents


@pytest.mark.timeout(300)
@run_examples(60, searched=1500, suppress_health_check=FUNCTION_SCOPED)
@given(data=st.data())
def test_a_damaged_file_is_reported_or_read(tmp_path: Path, data: st.DataObject) -> None:
    text = VALID
    for _ in range(data.draw(st.integers(1, 4))):
        offset = data.draw(st.integers(0, len(text)))
        cut_length = data.draw(st.integers(0, 20))
        text = (
            text[:offset]
            + "".join(data.draw(st.lists(st.sampled_from(TOKENS), max_size=3)))
            + text[offset + cut_length :]
        )
    survives(write_file(tmp_path, text))


@pytest.mark.timeout(300)
@run_examples(100, suppress_health_check=FUNCTION_SCOPED)
@given(lines=st.lists(st.sampled_from(LINES), max_size=60))
def test_shuffled_lines_are_reported_or_read(tmp_path: Path, lines: list[str]) -> None:
    survives(write_file(tmp_path, "".join(lines)))


@pytest.mark.timeout(300)
@run_examples(100, suppress_health_check=FUNCTION_SCOPED)
@given(raw=st.binary(max_size=200), offset=st.integers(0, len(VALID)))
def test_any_bytes_are_reported_or_read(tmp_path: Path, raw: bytes, offset: int) -> None:
    path = tmp_path / "desired.yaml"
    path.write_bytes(VALID.encode()[:offset] + raw)
    survives(path)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
TOP_KEYS = document.KNOWN_KEYS[""]
KEYS = sorted({"home", *(key for keys in document.KNOWN_KEYS.values() for key in keys)})
trees = st.recursive(
    scalars | st.sampled_from([SINTEL, "sync", "present", "absent", "http://h", "home", "5s", 1]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=10,  # of each of about five keys at the top
)


@pytest.mark.timeout(300)
@run_examples(60, searched=1500, suppress_health_check=FUNCTION_SCOPED)
@given(tree=st.dictionaries(st.sampled_from(TOP_KEYS), trees, max_size=7))
def test_known_keys_in_any_place_are_reported_or_read(tmp_path: Path, tree: dict[str, object]) -> None:
    survives(write_file(tmp_path, json.dumps(tree)))  # JSON is YAML, all but NaN, which is text then


PARTS = {
    "base.yaml": "version: 1\npolicy: upsert\nowner: me\nguard: {max_delete: 3}\n",
    "home.yaml": f"""version: 1
instances: {{home: {{url: "http://h", categories: {{own: {{}}}}}}}}
defaults: {{instance: home, paused: true}}
torrents: [{{magnet: "{SINTEL}"}}]
""",
    "seedbox.yaml": f"""version: 1
instances: {{seedbox: {{url: "https://s", username: x, password: plain}}}}
defaults: {{instance: seedbox, tags: [s]}}
torrents: [{{magnet: "{SINTEL}"}}, {{magnet: "{BUNNY}"}}]
""",
    "more.yaml": f"""version: 1
categories: {{linux: {{save_path: /data}}}}
suspend: true
torrents: [{{magnet: "{STEEL}", instance: home}}]
""",
}


def test_the_order_of_files_changes_the_order_of_torrents_only(tmp_path: Path) -> None:
    paths = [write_file(tmp_path, text, name) for name, text in PARTS.items()]
    first = load(paths, {})
    assert len(first.warnings) == 1
    for order in itertools.permutations(paths):
        other = load(order, {})
        assert sorted(other.torrents, key=lambda torrent: torrent.position) == sorted(
            first.torrents, key=lambda torrent: torrent.position
        )
        assert [torrent.position.file for torrent in other.torrents] == sorted(
            (torrent.position.file for torrent in other.torrents), key=[str(path) for path in order].index
        )
        for name in (
            "policy",
            "instances",
            "categories",
            "owner",
            "guard",
            "suspend",
            "accept_plan",
            "warnings",
        ):
            assert getattr(other, name) == getattr(first, name)


FIRST_LINES = [
    *(f"magnet: {link}" for link in (SINTEL, BUNNY, STEEL, SINTEL.replace("magnet:", "MAGNET:"))),
    *(f"magnet: magnet:?xt=urn:btih:{digits}&dn=a%20b+c&tr=udp://t" for digits in ("0" * 40, "1" * 40, "A" * 40, "ab")),
    *(f"infohash: {digits}" for digits in ("AB" * 20, "1" * 40, "'" + "1" * 40 + "'", "ab", "cd" * 32)),
    *("magnet: 5", "torrent: a.torrent", "torrent: http://h/a", "content: /data/a", "content_of: a", "name: a"),
]
OTHER_LINES = [
    *("tags: [a, b]", "tags: [a, '']", "category: films", "paused: true", "paused: maybe", "pausd: true", "name: a"),
    *("instance: seedbox", "instance: nowhere", "instance:", "state: absent", "labels: {a: 007}", "save_path: /data"),
    *("auto_tmm: true", "files: [{match: '*', priority: skip}]", f"infohash: {'ab' * 20}", f"magnet: {SINTEL}"),
    *("name: b", "name: 5", "name: ''", 'name: "a\\tb"', "name:", "tags: [c]"),
    *("download_limit: 5 MiB/s", "export: a.torrent", "comment: |\n      two\n      lines", "name: a #cut"),
]
blocks = st.lists(st.sampled_from(OTHER_LINES), max_size=3)
ENTRY_HEADS = ["defaults: {instance: home}\n", "defaults: {instance: pair, tags: [d]}\n", ""]


def load_or_list_problems(path: Path) -> object:
    try:
        return load([path], {})
    except DesiredStateError as error:
        return error.problems


@pytest.mark.timeout(300)
@run_examples(100, searched=2000, suppress_health_check=FUNCTION_SCOPED)
@given(data=st.data(), head=st.sampled_from(ENTRY_HEADS))
def test_entries_that_share_lines_are_loaded_like_entries_that_share_nothing(
    tmp_path: Path, data: st.DataObject, head: str
) -> None:
    block = st.sampled_from(data.draw(st.lists(blocks, min_size=1, max_size=2)))
    entries = data.draw(st.lists(st.tuples(st.sampled_from(FIRST_LINES), block), max_size=8))
    lines = ["\n    ".join((first, *others)) for first, others in entries]
    groups = "groups: {pair: {strategy: replicate, members: [home, seedbox]}}\n"
    items = "".join(f"  - {line}\n" for line in lines)
    path = write_file(tmp_path, f"{TWO_INSTANCES_HEAD}{groups}{head}torrents:\n{items}")
    shared = load_or_list_problems(path)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(documents, "compose_nodes", compose_all_nodes)
        patched.setattr(check, "_check_shared_keys", lambda *_: None)
        assert shared == load_or_list_problems(path)
