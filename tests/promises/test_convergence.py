"""A run brings any instance to any desired state, whatever fails on the way: on the in-memory qBittorrent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from reconciler.engine.run import run_once
from reconciler.engine.selection import RunOptions
from reconciler.model.desired import DesiredState, DesiredTorrent, Policy
from reconciler.model.errors import (
    BrokenResponseError,
    InstanceError,
    ResponseTimeoutError,
    ServerFaultError,
    UnreachableError,
)
from reconciler.model.fields.options import OPTIONS
from reconciler.model.fields.registry import can_set_at_add, entry_key_of
from reconciler.model.plan import Action, AddTorrent, ObjectKind, Outcome, Verb
from reconciler.model.run import ActionResult, Run, Status
from reconciler.model.snapshot import LiveTorrent
from reconciler.testing.memory import MemoryInstance
from reconciler.testing.releases import WEB_API_VERSIONS
from tests.support.builds import SUPPORTED_RELEASES, Build, builds
from tests.support.fake_retry import fake_context
from tests.support.memory_worlds import LoggedInstance, SimulatedKill, make_memory_world
from tests.support.search_effort import take_examples
from tests.support.strategies import NOW, Choices, cases, numbers

TRANSIENT = (UnreachableError, ResponseTimeoutError, BrokenResponseError, ServerFaultError)


def run(desired: DesiredState, box: MemoryInstance, case: Mapping[str, Any], **options: Any) -> Run:
    """One run on that instance, without waiting."""
    context = fake_context(lambda instance, stop: box, utc=lambda: NOW)
    return run_once(desired, RunOptions(take_over=case["take_over"], **options), context)


def state(box: MemoryInstance) -> tuple[Any, ...]:
    """Return the whole state of an instance."""
    return box.torrents, box.live_categories, box.live_preferences


def left_to_do(desired: DesiredState, box: MemoryInstance, case: Mapping[str, Any]) -> list[Action]:
    """Return the actions of a dry run, without actions that wait for a person or for metadata."""
    report = run(desired, box, case, dry_run=True)
    return [r.action for instance in report.instances for r in instance.results if not _waits(r)]


def _waits(result: ActionResult) -> bool:
    waiting = result.outcome is Outcome.DEFERRED and {c.field for c in result.action.changes} <= {"files", "paused"}
    return waiting or result.outcome is Outcome.BLOCKED


def carried(desired: DesiredState, box: MemoryInstance) -> bool:
    """Return True if adds carry all declared values, or the next run makes up for the others.

    Decision 2: create-only changes no existing torrent, and no policy changes an ignored torrent.
    """
    if desired.policy is Policy.CREATE_ONLY:
        return box.can_tag_at_add and not any(_late(entry, box) for entry in desired.torrents)
    return not any(_late(entry, box) & entry.ignore_changes for entry in desired.torrents)


def _late(entry: DesiredTorrent, box: MemoryInstance) -> set[str]:
    """Return the fields of an entry that are set after its add."""
    late = {entry_key_of(field) for field in entry.options if not can_set_at_add(field, box.api_version)}
    late |= {"tags"} if entry.tags and not box.can_tag_at_add else set()
    after_upload = ("files", "trackers", "web_seeds") if entry.has_metadata else ()
    return late | {field for field in after_upload if getattr(entry, field)}


def foreseen(done: Run) -> bool:
    """Return True if the run dropped nothing, and moved nothing that keeps it from another move.

    A deletion waits until an add without a path shows its location. A move is held back while another torrent may use
    the same files (decision 42). If that one got another path in this run, or either another name, which stands for a
    content path that is not known, then the next run may go on with the move. So it may with skipped files, which some
    versions move; if that torrent is deleted, they are deferred, and the next run skips them.
    """
    results = [result for instance in done.instances for result in instance.results]
    moved = {result.action.infohash for result in results if {c.field for c in result.action.changes} & _PATH_FIELDS}
    deleted = {result.action.infohash for result in results if result.action.verb is Verb.DELETE}
    holds_skips = any(result.action.hold and ".unwanted" in result.action.reason for result in results)
    renamed = {result.action.infohash for result in results if any(c.field == "name" for c in result.action.changes)}
    held = {result.action.infohash for result in results if result.outcome is Outcome.BLOCKED and result.action.blast}
    if moved & _find_sharing(done) or renamed & held or (holds_skips and moved | deleted):
        return False
    return all(result.outcome is not Outcome.DROPPED for result in results)


def _find_sharing(done: Run) -> set[str]:
    """Return the torrents that hold back a move, because they may use the same files."""
    results = [result for instance in done.instances for result in instance.results]
    blasts = [result.action.blast for result in results if result.outcome is Outcome.BLOCKED]
    return {infohash for blast in blasts if blast for infohash in blast.shares_with}


_PATH_FIELDS = frozenset({"name", "save_path", "download_path", "auto_tmm", "category"})


@take_examples(55)
@given(cases(), builds())
def test_a_run_does_what_its_dry_run_shows_and_leaves_nothing_to_do(case: dict[str, Any], build: Build) -> None:
    desired, box = make_memory_world(case, build)
    before = box.copy()
    plan = [r.action for instance in run(desired, box, case, dry_run=True).instances for r in instance.results]
    assert state(box) == state(before), "a dry run changes nothing"
    done = run(desired, box, case)
    _assert_subset_of_plan(plan, before, box)
    assume(foreseen(done))
    outcomes = {result.outcome for instance in done.instances for result in instance.results}
    assert outcomes <= {Outcome.APPLIED, Outcome.BLOCKED, Outcome.DEFERRED}
    assert left_to_do(desired, box, case) == []
    _assert_second_run_only_reads(desired, box, case)
    _assert_lost_adds_are_made_again(desired, before, box, case)


def _assert_second_run_only_reads(desired: DesiredState, box: MemoryInstance, case: Mapping[str, Any]) -> None:
    before, requests = state(box.copy()), box.request_count
    run(desired, box, case)
    assert state(box) == before
    files = sum(
        live.has_metadata and bool(desired.ids_with_file_rules("box") & {live.id, *live.infohashes.ids})
        for live in box.torrents.values()
    )
    reads = min(files, 1) if box.api_version >= (2, 11, 8) else files
    most = 2 + reads + any(entry.may_have_v2 for entry in desired.torrents)
    assert box.request_count - requests <= most, (
        "a snapshot, with preferences, files and libtorrent where declared, and nothing else"
    )


def _assert_lost_adds_are_made_again(
    desired: DesiredState, before: MemoryInstance, box: MemoryInstance, case: Mapping[str, Any]
) -> None:
    """A server that is stopped right after an add may not have saved the torrent yet."""
    added = sorted(box.torrents.keys() - before.torrents.keys())
    if not added:
        return
    del box.torrents[added[0]]
    done = run(desired, box, case)
    assert [r.outcome for r in done.instances[0].results if isinstance(r.action, AddTorrent) and not r.action.hold] == [
        Outcome.APPLIED
    ]
    assert added[0] in box.torrents and left_to_do(desired, box, case) == []


@take_examples(10)
@given(cases(), st.sampled_from(sorted(WEB_API_VERSIONS.keys() - set(SUPPORTED_RELEASES))))
def test_a_version_that_is_too_old_is_left_alone(case: dict[str, Any], release: str) -> None:
    desired, box = make_memory_world(case, Build(release))
    before = box.copy()
    done = run(desired, box, case)
    assert (done.exit_code, done.instances[0].status, box.request_count) == (1, Status.UNSUPPORTED, 0)
    assert state(box) == state(before)


def _touched(before: Mapping[str, LiveTorrent], after: Mapping[str, LiveTorrent]) -> dict[str, set[str]]:
    """Return the changed fields of each torrent that existed before, `gone` for a deletion."""
    changed: dict[str, set[str]] = {}
    for key, old in before.items():
        new = after.get(key)
        if new is None:
            changed[key] = {"gone"}
        elif new != old:
            changed[key] = {name for name, value in _values(old).items() if _values(new)[name] != value}
    return changed


def _values(torrent: LiveTorrent) -> dict[str, Any]:
    names = {field.name for field in fields(torrent)} - {"options", "state"}
    options = {field.name: getattr(torrent.options, field.name) for field in fields(torrent.options)}
    return {**{name: getattr(torrent, name) for name in names}, **options}


_MAY_CHANGE = {
    "owner": {"tags"},
    "tags": {"tags"},
    "protect": {"tags"},
    "quarantine": {"tags"},
    "name": {"name"},
    "category": {"category", "save_path", "content_path"},  # the path follows under automatic management
    "save_path": {"save_path", "content_path"},
    "auto_tmm": {"auto_tmm", "save_path", "content_path", "download_path"},
    "paused": {"stopped", "force_start"},
    "force_start": {"stopped", "force_start"},
    "held": {"tags"},
    **{field: {"share" if "." in field else field} for field in OPTIONS if field not in ("auto_tmm", "force_start")},
    "trackers": {"links"},
    "web_seeds": {"links"},
    "files": {"files"},
}


def _assert_subset_of_plan(plan: Sequence[Action], before: MemoryInstance, box: MemoryInstance) -> None:
    """Assert that nothing has changed on an instance but what the plan shows."""
    allowed: dict[str, set[str]] = {}
    for action in plan:
        if action.kind is ObjectKind.TORRENT and action.torrent_id and action.hold is None:
            may = allowed.setdefault(action.torrent_id, set())
            may |= {"gone"} if action.verb is Verb.DELETE else set()
            for change in action.changes:
                may |= _MAY_CHANGE[change.field]
    for key, touched in _touched(before.torrents, box.torrents).items():
        assert touched <= allowed.get(key, set()), f"{touched} of {key} changed, planned was {allowed.get(key)}"
    added = {action.infohash for action in plan if action.verb is Verb.ADD and action.kind is ObjectKind.TORRENT}
    assert {str(new.infohashes) for key, new in box.torrents.items() if key not in before.torrents} <= added


Fault = tuple[InstanceError, int, bool, int]


def _build_fault(number: int) -> Fault:
    """Return a fault: error, count, True if the request takes effect, and requests before it.

    A run reads by about eight requests before its first change, and retries a request three times.
    """
    choices = Choices(number)
    error = choices.pick(TRANSIENT)("lost")
    takes_effect = error.unknown_outcome and choices.decide(75)
    return error, choices.pick((1, 1, 2, 3, 8)), takes_effect, choices.pick(range(30))


@take_examples(45)
@given(cases(), builds(), numbers().map(_build_fault), numbers().map(lambda number: number % 30))
def test_after_any_lost_request_or_kill_the_next_run_reaches_the_same_end(
    case: dict[str, Any], build: Build, fault: Fault, requests: int
) -> None:
    desired, box = make_memory_world(case, build)
    assume(carried(desired, box))
    whole = box.copy()
    whole_run = run(desired, whole, case)
    assume(foreseen(whole_run))
    killed, box = box.copy(), LoggedInstance(box)
    _run_with_fault(desired, box, case, fault)
    _run_until_killed(desired, killed, case, requests)
    for instance in (box, killed):
        done = run(desired, instance, case)
        assert left_to_do(desired, instance, case) == []
        if _find_sharing(done) <= _find_sharing(whole_run):  # else what was begun lets another torrent hold back a move
            assert state(instance) == state(whole)


def _run_with_fault(desired: DesiredState, box: LoggedInstance, case: Mapping[str, Any], fault: Fault) -> None:
    error, count, after, skip = fault
    box.fail_next(count, error, lose_reply=after, skip=skip)
    first = run(desired, box, case)
    assert len(box.carried_out) == len({*box.carried_out}), "what has taken effect is not sent again"
    for instance in first.instances:
        lost = instance.status is not Status.OK
        if not lost and all(r.outcome is Outcome.APPLIED or _waits(r) for r in instance.results):
            assert left_to_do(desired, box, case) == [], "what is called applied is applied"
    box.fail_next(0, error)


def _run_until_killed(desired: DesiredState, box: MemoryInstance, case: Mapping[str, Any], requests: int) -> None:
    box.fail_next(1, SimulatedKill(), skip=requests)  # type: ignore[arg-type]
    with suppress(SimulatedKill):
        run(desired, box, case)
    box.fail_next(0, UnreachableError("lost"))
