"""The promise of an import: its entries plan only `adopt`, and after that nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.desired import load
from reconciler.engine import RunOptions, run_once
from reconciler.model.desired import DesiredState
from reconciler.model.links import append_links
from reconciler.model.plan import Outcome, Verb
from reconciler.model.run import Run
from reconciler.model.snapshot import LiveCategory, LiveTorrent
from reconciler.testing.memory import MemoryInstance
from tests.support.builds import builds
from tests.support.fake_retry import fake_context
from tests.support.library_imports import import_library_into
from tests.support.planner_inputs import make_live_options, parse_hashes
from tests.support.strategies import live_option_rows

NAMES = ("home", "box")
TEXTS = st.sampled_from(
    ["x", "a b", "yes", "é", "a: b", "#1", "\x1b[2J", "\u202e", " pad", "a\nb", "[x]", "'", '"', "\\"]
)
ODD = TEXTS | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
TAGS = ODD.map(lambda text: text.replace(",", ";").strip()).filter(bool)
MARKS = st.sampled_from(["reconcile:default", "reconcile:work", "reconcile:protect", "reconcile:ignore"])
MARKS |= st.just("reconcile:quarantine:2026-01-01")
PATHS = st.sampled_from(["/downloads", "/data/x y", "C:\\data", "C:/data", "relative", "/a/../b", "/a//b", "/", ""])
CATEGORIES = st.sampled_from(["", "linux", "linux/iso", "a//b", "films", "${CAT}", "{{ x }}"]) | ODD
INCOMPLETE = st.sampled_from([None, False, "", "/inc", "relative"])
STATES = st.sampled_from(["stalledUP", "moving", "missingFiles", "error", "metaDL", "stoppedDL"])


KINDS = st.sampled_from(["{0}", "{0}2", "{0}+{0}2"])
LETTERS = st.lists(st.sampled_from("abcdefgh"), max_size=10)
FEW_MARKS, FEW_TAGS = st.lists(MARKS, max_size=1), st.lists(TAGS, max_size=2)
SIZES = st.sampled_from([-1, 0, 5, 2**40])
OPTION_ROWS = live_option_rows()
INSTANCE_NAMES = st.sampled_from([NAMES, NAMES[:1]])
POLICIES = st.sampled_from(["upsert", "sync", "create-only"])
DECLARED_LETTERS = st.sets(st.sampled_from("ab"))


@st.composite
def torrents(draw: st.DrawFn, api: tuple[int, ...]) -> list[LiveTorrent]:
    """Generate torrents in any condition, with any names; a hybrid may be listed under any of its hashes."""
    torrents_by_id = {}
    for letter in draw(LETTERS):
        infohashes = parse_hashes(draw(KINDS).format(letter))
        marks = draw(FEW_MARKS)
        torrents_by_id[infohashes.ids[0]] = LiveTorrent(
            infohashes.ids[0],
            infohashes,
            draw(ODD),
            draw(st.booleans()),
            draw(STATES),
            draw(CATEGORIES),
            frozenset([*draw(FEW_TAGS), *marks]),
            draw(PATHS),
            draw(st.booleans()),
            size=draw(SIZES),
            options=make_live_options(row := draw(OPTION_ROWS), api),
            comment=draw(ODD) if api >= (2, 11) else None,
            links=append_links("", row.get("trackers", ()), row.get("web_seeds", ())),
        )
    return list(torrents_by_id.values())


@st.composite
def worlds(draw: st.DrawFn) -> tuple[str, dict[str, MemoryInstance]]:
    """Generate the text of the user's own file, and the instances."""
    boxes = {}
    for name in draw(INSTANCE_NAMES):
        box = draw(builds()).make_instance()
        api = box.api_version
        box.torrents = {live.id: live for live in draw(torrents(api))}
        box.live_categories = {
            live.category: LiveCategory(
                live.category, draw(PATHS), download_path=draw(INCOMPLETE) if api >= (2, 8, 4) else None
            )
            for live in box.torrents.values()
            if live.category
        }
        boxes[name] = box
    lines = ["version: 1", f"policy: {draw(POLICIES)}", "instances:"]
    lines += [f"  {name}: {{url: 'http://{name}'}}" for name in boxes]
    lines += ["torrents:", "  - magnet: magnet:?xt=urn:btih:" + "9" * 40, "    state: absent", "    instance: home"]
    for letter in draw(DECLARED_LETTERS):
        lines += [f"  - magnet: magnet:?xt=urn:btih:{parse_hashes(letter).v1}", "    instance: home"]
    return "\n".join(lines) + "\n", boxes


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
