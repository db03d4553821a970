"""Content made on one instance reaches another despite any failure, on two in-memory qBittorrents."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.engine.run import run_once
from reconciler.engine.selection import RunOptions
from reconciler.model.content import CreationSpec
from reconciler.model.desired import DesiredState, Instance
from reconciler.model.errors import (
    BrokenResponseError,
    InstanceError,
    ResponseTimeoutError,
    ServerFaultError,
    UnreachableError,
)
from reconciler.model.metainfo import parse_metainfo
from reconciler.model.plan import Outcome
from reconciler.model.run import Run
from reconciler.model.snapshot import AddOptions, LiveTorrent
from reconciler.model.tags import CONTENT_OF_TAG
from reconciler.model.versions import TORRENT_CREATOR
from reconciler.testing import MemoryInstance
from tests.support.builds import BUILDS, Build
from tests.support.fake_retry import fake_context
from tests.support.memory_worlds import SimulatedKill
from tests.support.planner_inputs import make_desired_state
from tests.support.search_effort import take_examples
from tests.support.strategies import NOW, Choices, numbers
from tests.support.torrents import make_created_torrent

NUMBERS = (11, 12, 13)
CREATOR_BUILDS = [build for build in BUILDS if TORRENT_CREATOR.is_available(build.api_version)]
ENOUGH = 30  # runs
Boxes = Mapping[str, MemoryInstance]


def build_world(number_of_choices: int) -> dict[str, Any]:
    """Build content on `box`, entries on `other` that download some of it, and existing torrents."""
    choices = Choices(number_of_choices)
    rows: list[dict[str, Any]] = [{"hash": "z", "state": "absent"}]
    live = []
    for number in choices.pick_distinct(NUMBERS) or NUMBERS[:1]:
        row: dict[str, Any] = {"content": f"/disk/torrent-{number}", "name": f"n{number}"}
        row |= {"trackers": ["http://t.example/announce"]} if choices.decide() else {}
        row |= {"category": "films"} if choices.decide() else {}
        row |= {"upload_limit": 1000, "comment": "c"} if choices.decide() else {}
        rows.append(row)
        if choices.decide():
            rows.append({"content_of": row["name"], "instance": "other", **choices.pick(({}, {"paused": True}))})
        if choices.decide():
            tags = choices.pick(([], ["reconcile:home"], ["reconcile:home", "reconcile:content"]))
            live.append({"number": number, "content": row["content"], "tags": tags})
    return {
        "desired": rows,
        "instances": ["box", "other"],
        "live": live,
        "guard": {"max_delete": 100, "max_delete_percent": 100},
        "delete_files": choices.decide(),
        "builds": (choices.pick(CREATOR_BUILDS), choices.pick(BUILDS)),
        "hashing": choices.pick((0, 1, 5, 20)),
    }


def worlds() -> st.SearchStrategy[dict[str, Any]]:
    """Generate worlds."""
    return numbers().map(build_world)


def boxes_of(case: Mapping[str, Any]) -> tuple[DesiredState, Boxes]:
    """Return the desired state, the instance that makes the torrent, and the instance that receives it."""
    maker, other = (build.make_instance() for build in case["builds"])
    maker.disk = {f"/disk/torrent-{number}": partial(make_created_torrent, number) for number in NUMBERS}
    maker.hashing_polls = case["hashing"]
    maker.live_preferences["listen_port"] = 6881
    for row in case["live"]:
        more = (("content_layout", "original"), ("skip_checking", True))
        options = AddOptions(False, False, "", "/disk", tuple(row["tags"]), extra_options=more)
        made_format = "hybrid" if case["builds"][0].has_v2 else "v1"
        creation = CreationSpec(row["content"], made_format, comment="c")
        maker.add_torrent_files({"a": make_created_torrent(row["number"], creation)}, options)
    maker.request_count = 0
    return make_desired_state(case), {"box": maker, "other": other}


def run(desired: DesiredState, boxes: Boxes, **options: Any) -> Run:
    """One run on both, without waiting."""

    def connect(instance: Instance, _stop: threading.Event) -> MemoryInstance:
        return boxes[instance.name]

    return run_once(desired, RunOptions(**options), fake_context(connect, utc=lambda: NOW))


def settled(done: Run) -> bool:
    """Return True if the run reports nothing left to do."""
    return done.exit_code == 0 and not any(instance.results for instance in done.instances)


def converge(desired: DesiredState, boxes: Boxes) -> int:
    """Run until nothing is left to do, and return the number of runs."""
    for count in range(ENOUGH):
        if settled(run(desired, boxes)):
            return count
    raise AssertionError([instance.results for instance in run(desired, boxes, dry_run=True).instances])


def state(boxes: Boxes) -> Any:
    """Return the whole state of the instances."""
    return {name: (box.torrents, box.live_categories, box._tasks) for name, box in boxes.items()}


def copies(boxes: Boxes) -> Boxes:
    """Return copies of the instances."""
    return {name: box.copy() for name, box in boxes.items()}


def makes(boxes: Boxes) -> int:
    """Return the number of torrent creations that were started."""
    return boxes["box"]._task_count


def wanted(case: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the content entries without an owned torrent."""
    owned_paths = {row["content"] for row in case["live"] if row["tags"]}
    return [row for row in case["desired"] if "content" in row and row["content"] not in owned_paths]


@take_examples(20)
@given(worlds())
def test_content_is_made_once_and_reaches_every_instance_and_then_only_reads_are_sent(case: dict[str, Any]) -> None:
    desired, boxes = boxes_of(case)
    converge(desired, boxes)
    _assert_content_is_made(case, boxes)
    before = state(copies(boxes))
    requests = [box.request_count for box in boxes.values()]
    run(desired, boxes)
    assert state(boxes) == before
    sent = [box.request_count - count for box, count in zip(boxes.values(), requests, strict=True)]
    is_uncertain = boxes["other"].copy().read_snapshot().supports_v2 is None
    is_asked = is_uncertain and any("content_of" in row for row in case["desired"])
    assert sent == [2, 1 + is_asked], (
        "a snapshot, which counts once here, the tasks where content is declared, and libtorrent where nothing shows it"
    )


def _assert_content_is_made(case: Mapping[str, Any], boxes: Boxes) -> None:
    assert makes(boxes) == len(wanted(case))
    assert all(not box._tasks for box in boxes.values())
    for row in case["desired"]:
        if "content" in row:
            (live,) = (torrent for torrent in boxes["box"].torrents.values() if torrent.content_path == row["content"])
            assert (
                {"reconcile:home", "reconcile:content"} <= live.tags and live.progress == 1 and live.name == row["name"]
            )
    had = [live.id for live in boxes["other"].torrents.values() if CONTENT_OF_TAG in live.tags]
    assert len(had) == sum("content_of" in row for row in case["desired"])
    assert boxes["other"].peers == {key: {"127.0.0.1:6881"} for key in had}, (
        "each gets the address of the instance that has it"
    )


@take_examples(20)
@given(worlds(), st.sampled_from(("box", "other")), st.integers(0, 25), st.integers(0, 3))
def test_a_kill_at_any_request_leads_to_the_same_end(
    case: dict[str, Any], where: str, requests: int, before: int
) -> None:
    desired, boxes = boxes_of(case)
    whole = copies(boxes)
    converge(desired, whole)
    for _ in range(before):
        run(desired, boxes)
    boxes[where].fail_next(1, SimulatedKill(), skip=requests)  # type: ignore[arg-type]
    with suppress(SimulatedKill):
        run(desired, boxes)
    boxes[where].fail_next(0, UnreachableError("lost"))
    converge(desired, boxes)
    assert state(boxes) == state(whole)
    assert makes(boxes) == makes(whole), "no content is hashed twice"


@st.composite
def faults(draw: st.DrawFn) -> tuple[str, InstanceError, int, bool, int]:
    """Generate a fault: instance, error, count, True if the request takes effect, and requests before it."""
    error = draw(st.sampled_from((UnreachableError, ResponseTimeoutError, BrokenResponseError, ServerFaultError)))(
        "lost"
    )
    after = error.unknown_outcome and draw(st.sampled_from((True, True, False)))
    count, skip = draw(st.integers(1, 30)), draw(st.sampled_from(range(12)))
    return draw(st.sampled_from(("box", "box", "other"))), error, count, after, skip


@take_examples(30)
@given(worlds(), st.lists(faults(), min_size=1, max_size=3))
def test_any_lost_request_leads_to_the_same_end(
    case: dict[str, Any], trouble: list[tuple[str, InstanceError, int, bool, int]]
) -> None:
    desired, boxes = boxes_of(case)
    whole = copies(boxes)
    converge(desired, whole)
    for where, error, count, after, skip in trouble:
        boxes[where].fail_next(count, error, lose_reply=after, skip=skip)
        run(desired, boxes)
        boxes[where].fail_next(0, error)
    converge(desired, boxes)
    assert state(boxes) == state(whole)
    assert makes(boxes) == makes(whole), "no content is hashed twice"


def test_one_lost_reply_makes_no_content_twice() -> None:
    case = {"desired": [{"content": "/disk/torrent-11"}], "live": [], "builds": (Build("5.1.0"),) * 2, "hashing": 5}
    for skip in range(15):  # requests
        desired, boxes = boxes_of(case)
        boxes["box"].fail_next(1, ResponseTimeoutError("lost"), lose_reply=True, skip=skip)
        converge(desired, boxes)
        assert makes(boxes) == 1


@take_examples(20)
@given(worlds(), st.lists(st.sampled_from(("down", "up", "restart", "wiped")), max_size=6))
def test_no_torrent_is_lost_while_its_maker_is_down(case: dict[str, Any], story: list[str]) -> None:
    """A maker that has lost everything makes the same torrents again."""
    desired, boxes = boxes_of(case)
    converge(desired, boxes)
    held = _had(boxes["other"])
    for moment in story:
        if moment == "restart":
            boxes["box"].restart()
        elif moment == "wiped":
            boxes["box"].torrents.clear()
        boxes["box"].fail_next(99 if moment == "down" else 0, UnreachableError("gone"))
        run(desired, boxes)
        assert _had(boxes["other"]) == held
    boxes["box"].fail_next(0, UnreachableError("gone"))
    converge(desired, boxes)
    assert _had(boxes["other"]) == held


def _had(box: MemoryInstance) -> dict[str, LiveTorrent]:
    return {key: live for key, live in box.torrents.items() if CONTENT_OF_TAG in live.tags}


def test_failed_creations_are_reported_and_made_when_possible() -> None:
    case = {
        "desired": [{"content": "/disk/torrent-11", "name": "n"}],
        "live": [],
        "builds": (Build("5.1.0"),) * 2,
        "hashing": 1,
    }
    desired, boxes = boxes_of(case)
    boxes["box"].disk.clear()
    for _ in range(2):
        ((result,),) = (instance.results for instance in run(desired, boxes).instances if instance.name == "box")
        assert result.outcome is Outcome.FAILED and "no files in torrent" in (result.error or "")
        assert boxes["box"]._tasks == {}
    boxes["box"].disk["/disk/torrent-11"] = partial(make_created_torrent, 11)
    assert converge(desired, boxes) == 1
    (live,) = boxes["box"].torrents.values()
    assert live.infohashes == parse_metainfo(make_created_torrent(11, desired.torrents[0].creation)).infohashes  # type: ignore[arg-type]


def test_private_torrents_get_no_peers() -> None:
    rows = [{"content": {"path": "/disk/torrent-11", "private": True}, "name": "n"}]
    case = {"desired": [*rows, {"content_of": "n", "instance": "other"}], "live": [], "builds": (Build("5.1.0"),) * 2}
    desired, boxes = boxes_of({**case, "hashing": 1})
    converge(desired, boxes)
    assert len(_had(boxes["other"])) == 1 and boxes["other"].peers == {}


def test_creations_beyond_the_limit_take_turns() -> None:
    rows = [{"content": f"/disk/torrent-{number}"} for number in range(300)]
    desired, boxes = boxes_of({"desired": rows, "live": [], "builds": (Build("5.3.0"),) * 2, "hashing": 2})
    boxes["box"].disk = {row["content"]: partial(make_created_torrent, number) for number, row in enumerate(rows)}
    first = run(desired, boxes).instances[0]
    outcomes = [result.outcome for result in first.results]
    assert (outcomes.count(Outcome.APPLIED), outcomes.count(Outcome.DEFERRED)) == (256, 44)
    assert "too many" in next(result.error for result in first.results if result.outcome is Outcome.DEFERRED)  # type: ignore[operator]
    assert converge(desired, boxes) == 1
    assert makes(boxes) == 300
