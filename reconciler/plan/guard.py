"""The guard: judges the deletions, moves and updates of an instance's plan, whatever their cause, before any is made.

See docs/decisions/0007-an-accepted-plan-hash-overrides-every-guard-reason.md.
See docs/decisions/0011-block-deletions-when-most-owned-torrents-are-missing.md.
See docs/decisions/0048-refuse-deletions-of-files-that-were-not-read.md.
See docs/decisions/0136-a-service-takes-back-what-it-handed-in.md.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from reconciler.model.desired import DesiredState, GuardLimits
from reconciler.model.fields.names import HELD
from reconciler.model.history import OwnedCount, UnreadFile
from reconciler.model.plan import (
    Action,
    AddTorrent,
    DeleteCategory,
    DeleteTorrent,
    GuardCount,
    GuardVerdict,
    InstancePlan,
    Outcome,
    SettingAction,
    TorrentAction,
    UpdateTorrent,
)
from reconciler.plan.quarantine import is_quarantine_start

_STALE_APPROVAL_REASON = (
    "the accepted hash is that of another plan: the desired state or the instances have changed since"
)
MIN_OWNED_FOR_PERCENT = 10  # owned torrents; below that a share says little
MIN_OWNED_FOR_UPDATE_PERCENT = 20
_DELETIONS = (DeleteTorrent, DeleteCategory)
_TAKEN_BACK = "deletions that services ask for"
_MAX_NAMED_FILES = 5  # that were not read; the others are counted


def evaluate_guard(
    actions: Sequence[Action], owned: int, desired: DesiredState, unread_files: Sequence[UnreadFile] = ()
) -> GuardVerdict:
    """Refuse a plan that exceeds the limits, or that alters torrents that are not ours.

    The same is true of one that deletes what a file declared which was not read. An empty list of torrents never
    deletes. What is held is not done, and so not judged.
    """
    # an add deletes, moves and changes nothing, and there may be thousands
    pending = [action for action in actions if action.hold is None and not isinstance(action, AddTorrent)]
    removals, moves, updates = (
        _count_removals(pending, owned, desired),
        _count_moves(pending, desired.guard),
        _count_updates(pending, owned, desired.guard),
    )
    reasons = [
        *_empty_list_reasons(pending, owned, desired),
        *_limit_reasons(removals),
        *_unread_reasons(pending, desired, unread_files),
        *_limit_reasons(moves),
        *_limit_reasons(updates),
        *_foreign_reasons(pending),
    ]
    return GuardVerdict(bool(reasons), tuple(reasons), (*removals, *moves, *updates))


def _count_removals(actions: Sequence[Action], owned: int, desired: DesiredState) -> list[GuardCount]:
    """Count the deletions.

    Quarantines are judged like deletions and apart from them: what begins today would stop as many torrents, and what
    ends today is deleted. What a service takes back has its own limit.
    """
    limits, intake = desired.guard, desired.intake
    taken_back = sum(_is_taken_back(action, desired) for action in actions)
    deletions = _list_deletions(actions, desired)
    categories = sum(isinstance(action, DeleteCategory) for action in actions)
    quarantines = sum(map(is_quarantine_start, actions))
    max_files = limits.max_delete if limits.max_delete_files is None else limits.max_delete_files
    with_data = sum(action.delete_files for action in deletions)
    return [
        *([GuardCount(_TAKEN_BACK, taken_back, "max_delete", intake.max_delete, scope="intake")] if intake else []),
        GuardCount("deletions", len(deletions), "max_delete", limits.max_delete),
        GuardCount("deletions with data", with_data, "max_delete_files", max_files),
        *_count_shares("to delete", len(deletions), owned, limits),
        GuardCount("quarantines", quarantines, "max_delete", limits.max_delete),
        *_count_shares("to quarantine", quarantines, owned, limits),
        GuardCount("deletions of categories", categories, "max_delete", limits.max_delete),
    ]


def _count_shares(purpose: str, removals: int, owned: int, limits: GuardLimits) -> list[GuardCount]:
    if owned < MIN_OWNED_FOR_PERCENT:
        return []
    return [GuardCount(f"owned torrents {purpose}", removals, "max_delete_percent", limits.max_delete_percent, owned)]


def _is_taken_back(action: Action, desired: DesiredState) -> bool:
    """True for the deletion of a torrent that a service takes back: its entry is in the file of the intake."""
    return (
        isinstance(action, DeleteTorrent)
        and desired.intake is not None
        and action.position is not None
        and action.position.file == desired.intake.file
    )


def _limit_reasons(counts: Sequence[GuardCount]) -> list[str]:
    """Return the reasons against what exceeds its limit."""
    return [f"{_count_text(count)} more than {_limit_text(count)}" for count in counts if count.is_exceeded]


def _count_text(count: GuardCount) -> str:
    if count.owned is not None:
        subject = count.subject.removesuffix(" to delete").replace("torrents", f"torrents ({count.value:.0f} %)")
        return f"{count.number} of {count.owned} {subject} are"
    if count.number != 1:
        return f"{count.number} {count.subject} are"
    noun, *rest = count.subject.split(" ")
    return " ".join(["1", noun.removesuffix("s"), *rest, "is"])


def _limit_text(count: GuardCount) -> str:
    limit = count.limit if count.owned is None else f"{count.limit:g}"
    return f"{count.limit_name} {limit}" + (f" of the {count.scope}" if count.scope else "")


def _unread_reasons(actions: Sequence[Action], desired: DesiredState, unread_files: Sequence[UnreadFile]) -> list[str]:
    """Return the reasons against deletions of what files declared that were not read.

    If at least half of the torrents of a file are still declared, its content was moved to another file.
    """
    removed_ids = (
        (action.infohash, action.torrent_id) for action in actions if is_removal(action) and action.position is None
    )
    removed_by_id = {key: number for number, ids in enumerate(removed_ids) for key in ids if key}
    if removed_by_id and desired.intake and desired.intake.is_missing:
        count = len(set(removed_by_id.values()))
        torrents = "1 torrent to delete" if count == 1 else f"{count:,} torrents to delete"
        hint = "the sidecar knows, and can delete them"
        return [f"{torrents} may have been handed in: {desired.intake.file} does not exist here; {hint}"]
    if not (unread_files and removed_by_id):
        return []
    declared_by_id = {key: number for number, entry in enumerate(desired.torrents) for key in entry.ids}
    counts = [
        (removed, file.name)
        for file in unread_files
        if (removed := _count_known(file.ids, removed_by_id)) > _count_known(file.ids, declared_by_id)
    ]
    counts.sort(key=lambda count: (-count[0], count[1]))
    reasons = [
        f"{_format_deletions(removed)} declared in {name}, which this run did not read. Name it with -f or in include"
        for removed, name in counts[:_MAX_NAMED_FILES]
    ]
    if others := counts[_MAX_NAMED_FILES:]:
        removed = sum(count for count, _ in others)
        reasons.append(f"{_format_deletions(removed)} declared in {len(others):,} more files that were not read")
    return reasons


def _count_known(ids: Collection[str], number_by_id: Mapping[str, int]) -> int:
    return len({number_by_id[key] for key in ids if key in number_by_id})


def _format_deletions(count: int) -> str:
    return "1 of the torrents to delete was" if count == 1 else f"{count:,} torrents to delete were"


def _count_moves(actions: Sequence[Action], limits: GuardLimits) -> list[GuardCount]:
    """Count the torrents of ours whose data moves, or that follow an edited setting."""
    ids: set[str | None] = set()
    for action in actions:
        if isinstance(action, TorrentAction) and action.disruptive:
            ids.add(action.torrent_id)
        elif isinstance(action, SettingAction) and action.disruptive and action.blast:
            ids.update(action.blast.owned_ids)
    return [GuardCount("torrents to move", len(ids), "max_move", limits.max_move)]


def _count_updates(actions: Sequence[Action], owned: int, limits: GuardLimits) -> list[GuardCount]:
    """Count the updates, if they are limited. What the kill switch stops or starts again is never held back."""
    most = limits.max_update_percent
    if most is None or owned < MIN_OWNED_FOR_UPDATE_PERCENT:
        return []
    updates = sum(isinstance(action, UpdateTorrent) and _is_ordinary_update(action) for action in actions)
    return [GuardCount("owned torrents to change", updates, "max_update_percent", most, owned)]


def _is_ordinary_update(action: UpdateTorrent) -> bool:
    is_held = any(change.field == HELD for change in action.changes)
    return not (action.urgent or is_held or is_quarantine_start(action))


def _foreign_reasons(actions: Sequence[Action]) -> list[str]:
    """Return the reasons against changes of settings that alter torrents that are not ours."""
    reasons = []
    for action in actions:
        if isinstance(action, SettingAction) and (blast := action.blast) and blast.foreign_ids:
            theirs, ours = len(blast.foreign_ids), len(blast.owned_ids)
            torrents = "torrent that is" if theirs == 1 else "torrents that are"
            change = f"the change of {action.kind} {action.name}"
            reasons.append(f"{change} alters {theirs:,} {torrents} not ours, and {ours:,} of ours")
    return reasons


def refuse_unless_approved(
    plan: InstancePlan, reasons: Sequence[str], approved: Collection[str], plan_hash: str
) -> InstancePlan:
    """Return the plan refused for these reasons, or with them as accepted if its hash is among the approved ones."""
    verdict = plan.verdict
    if plan_hash in approved:
        accepted = tuple(f"{reason}; accepted by its hash" for reason in reasons)
        return replace(plan, verdict=replace(verdict, reasons=(*verdict.reasons, *accepted)))
    stale = (_STALE_APPROVAL_REASON,) if approved and _STALE_APPROVAL_REASON not in verdict.reasons else ()
    return replace(plan, verdict=replace(verdict, refused=True, reasons=(*verdict.reasons, *reasons, *stale)))


def count_allowed_deletions(actions: Sequence[Action], owned: int, desired: DesiredState) -> int:
    """Return how many more deletions without data a plan can contain before the guard refuses it."""
    limits = desired.guard
    most = limits.max_delete
    if owned >= MIN_OWNED_FOR_PERCENT:
        most = min(most, int(owned * limits.max_delete_percent / 100))
    return max(0, most - len(_list_deletions(actions, desired)))


def is_removal(action: Action) -> bool:
    """True if the action deletes something, or begins a quarantine."""
    return isinstance(action, _DELETIONS) or is_quarantine_start(action)


def list_removals(actions: Sequence[Action]) -> list[Action]:
    """Return the actions that delete something, or begin a quarantine; most plans have none among thousands of adds."""
    return [action for action in actions if not isinstance(action, AddTorrent) and is_removal(action)]


def needs_full_read(instance_plan: InstancePlan) -> bool:
    """True if the plan would delete something or move data, which no delta read alone may decide."""
    if instance_plan.suspended or instance_plan.verdict.refused:
        return False
    return any(
        action.hold is None and (isinstance(action, _DELETIONS) or action.disruptive)
        for action in instance_plan.actions
        if not isinstance(action, AddTorrent)
    )


def _list_deletions(actions: Sequence[Action], desired: DesiredState) -> list[DeleteTorrent]:
    """Return the deletions that count for the limits of a person."""
    deletions = [action for action in actions if isinstance(action, DeleteTorrent) and action.hold is None]
    return [action for action in deletions if not _is_taken_back(action, desired)]


def _empty_list_reasons(actions: Sequence[Action], owned: int, desired: DesiredState) -> list[str]:
    is_removing = any(is_removal(action) and not _is_taken_back(action, desired) for action in actions)
    if desired.torrents or not is_removing:
        return []
    return [f"the torrents list is empty and we own {owned} here; an empty list never deletes"]


def is_probably_wiped(owned: int, remembered: int) -> bool:
    """True if less than half of the torrents that we owned are present."""
    return owned * 2 < remembered


def block_deletions_if_wiped(plan: InstancePlan, remembered: OwnedCount | None, plan_hash: str) -> InstancePlan:
    """Return the plan with its deletions blocked if the instance looks wiped.

    Everything else continues, to rebuild it.
    """
    if remembered is None or not is_probably_wiped(plan.owned, remembered.count):
        return plan
    actions = tuple(_block_deletion(action) for action in plan.actions)
    if actions == plan.actions:
        return plan
    reason = (
        f"it looks wiped or not fully loaded: of {remembered.count} torrents that we owned on "
        f"{remembered.read_at:%Y-%m-%d %H:%M} UTC it shows {plan.owned}. Nothing is deleted, all else goes on; "
        f"if the loss is meant: --accept-plan {plan_hash}"
    )
    return replace(plan, actions=actions, verdict=GuardVerdict(False, (reason,)))


def _block_deletion(action: Action) -> Action:
    if action.hold or not is_removal(action):
        return action
    return replace(action, hold=Outcome.BLOCKED, reason=f"{action.reason}, but the instance looks wiped")
