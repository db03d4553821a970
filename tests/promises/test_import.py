"""The promise of an import: its entries plan only `adopt`, and after that nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.desired import load
from reconciler.engine.run import run_once
from reconciler.engine.selection import RunOptions
from reconciler.model.desired import DesiredState
from reconciler.model.links import append_links
from reconciler.model.plan import Outcome, Verb
from reconciler.model.run import Run
from reconciler.model.snapshot import LiveCategory, LiveTorrent
from reconciler.testing.memory import MemoryInstance
from tests.support.builds import BUILDS, Build
from tests.support.fake_retry import fake_context
from tests.support.library_imports import import_library_into
from tests.support.planner_inputs import make_live_options, parse_hashes
from tests.support.search_effort import take_examples
from tests.support.strategies import Choices, numbers, pick_live_options

NAMES = ("home", "box")
TEXTS = ("x", "a b", "yes", "é", "a: b", "#1", "\x1b[2J", "\u202e", " pad", "a\nb", "[x]", "'", '"', "\\")
MARKS = (
    "reconcile:default",
    "reconcile:work",
    "reconcile:protect",
    "reconcile:ignore",
    "reconcile:quarantine:2026-01-01",
)
PATHS = ("/downloads", "/data/x y", "C:\\data", "C:/data", "relative", "/a/../b", "/a//b", "/", "")
CATEGORIES = ("", "linux", "linux/iso", "a//b", "films", "${CAT}", "{{ x }}")
INCOMPLETE = (None, False, "", "/inc", "relative")
STATES = ("stalledUP", "moving", "missingFiles", "error", "metaDL", "stoppedDL")
ODD_TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8), max_size=4)
ROW_NUMBERS = st.lists(numbers(), min_size=2, max_size=8)


def build_torrent(choices: Choices, texts: Sequence[str], api: tuple[int, ...]) -> LiveTorrent:
    """Build a torrent in any condition, with any of the texts; a hybrid may be listed under any of its hashes."""
    infohashes = parse_hashes(choices.pick(("{0}", "{0}2", "{0}+{0}2")).format(choices.pick("abcdefgh")))
    options = pick_live_options(choices)
    tags = [tag for _ in range(choices.pick(range(3))) if (tag := choices.pick(texts).replace(",", ";").strip())]
    return LiveTorrent(
        infohashes.ids[0],
        infohashes,
        choices.pick(texts),
        choices.decide(),
        choices.pick(STATES),
        choices.pick((*CATEGORIES, choices.pick(texts))),
        frozenset([*tags, choices.pick(MARKS)] if choices.decide() else tags),
        choices.pick(PATHS),
        choices.decide(),
        size=choices.pick((-1, 0, 5, 2**40)),
        options=make_live_options(options, api),
        comment=choices.pick(texts) if api >= (2, 11) else None,
        links=append_links("", options.get("trackers", ()), options.get("web_seeds", ())),
    )


def build_instance(build: Build, rows: Sequence[Choices], texts: Sequence[str]) -> MemoryInstance:
    """Build an instance with a torrent for each of the rows, and their categories."""
    box = build.make_instance()
    api = box.api_version
    torrents = [(row, build_torrent(row, texts, api)) for row in rows]
    box.torrents = {live.id: live for _, live in torrents}
    for row, live in torrents:
        if live.category:
            download_path = row.pick(INCOMPLETE) if api >= (2, 8, 4) else None
            box.live_categories[live.category] = LiveCategory(
                live.category, row.pick(PATHS), download_path=download_path
            )
    return box


def write_own_file(choices: Choices, boxes: Mapping[str, MemoryInstance]) -> str:
    """Return the text of the user's own file, which may declare some of the torrents."""
    lines = ["version: 1", f"policy: {choices.pick(('upsert', 'sync', 'create-only'))}", "instances:"]
    lines += [f"  {name}: {{url: 'http://{name}'}}" for name in boxes]
    lines += ["torrents:", "  - magnet: magnet:?xt=urn:btih:" + "9" * 40, "    state: absent", "    instance: home"]
    for letter in choices.pick_distinct("ab"):
        lines += [f"  - magnet: magnet:?xt=urn:btih:{parse_hashes(letter).v1}", "    instance: home"]
    return "\n".join(lines) + "\n"


def build_world(
    number: int, odd_texts: Sequence[str], row_numbers: Sequence[Sequence[int]]
) -> tuple[str, dict[str, MemoryInstance]]:
    """Build the text of the user's own file, and one or two instances."""
    choices, texts = Choices(number), (*TEXTS, *odd_texts)
    boxes = {
        name: build_instance(choices.pick(BUILDS), list(map(Choices, numbers)), texts)
        for name, numbers in zip(choices.pick((NAMES, NAMES[:1])), row_numbers, strict=False)
    }
    return write_own_file(choices, boxes), boxes


def worlds() -> st.SearchStrategy[tuple[str, dict[str, MemoryInstance]]]:
    """Generate the user's own file, and the instances."""
    return st.builds(build_world, numbers(), ODD_TEXTS, st.tuples(ROW_NUMBERS, ROW_NUMBERS))


def run(desired: DesiredState, boxes: Mapping[str, MemoryInstance], *, dry: bool) -> Run:
    return run_once(desired, RunOptions(dry_run=dry), fake_context(lambda instance, stop: boxes[instance.name]))


def list_imported_results(run_result: Run) -> list[Any]:
    """Return the results of actions of imported entries."""
    return [
        result
        for instance in run_result.instances
        for result in instance.results
        if result.action.position and result.action.position.file.endswith("imported.yaml")
    ]


@take_examples(30)
@given(worlds())
def test_an_import_plans_only_adoptions(world: tuple[str, dict[str, MemoryInstance]]) -> None:
    text, boxes = world
    with tempfile.TemporaryDirectory() as folder:
        desired, imported = import_library_into(Path(folder), text, boxes)
    alone = run(load_only(text), boxes, dry=True)
    planned = run(desired, boxes, dry=True)
    for result in list_imported_results(planned):
        assert result.action.verb is Verb.ADOPT
        assert result.outcome is Outcome.PLANNED
        assert [change.field for change in result.action.changes] == ["owner"]
    kept = [
        (instance.name, r.action.infohash, r.action.changes) for instance in alone.instances for r in instance.results
    ]
    again = [
        (instance.name, r.action.infohash, r.action.changes) for instance in planned.instances for r in instance.results
    ]
    deleted = [r for instance in alone.instances for r in instance.results if r.action.verb is Verb.DELETE]
    spared = {r.action.infohash for r in deleted}  # an import brings back what was going to be pruned
    assert {action for action in kept if action[1] not in spared} <= set(again), (
        "what the file does itself, it still does"
    )
    assert imported.torrent_count + len(imported.skipped) == sum(len(box.torrents) for box in boxes.values())

    run(desired, boxes, dry=False)
    assert list_imported_results(run(desired, boxes, dry=True)) == []


def load_only(text: str) -> DesiredState:
    return load([Path("desired.yaml")], {}, texts={Path("desired.yaml"): text})
