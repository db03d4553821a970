"""The rows of the plan: actions, torrents that do not work, pending and spared ones. Deletions and moves are first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final

from humanize import naturalsize

from reconciler.model.groups import PendingTorrent
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.plan import (
    Action,
    DeleteTorrent,
    ObjectKind,
    Outcome,
    SparedTorrent,
    TorrentAction,
    TorrentFault,
    Verb,
)
from reconciler.model.position import Position
from reconciler.model.run import ActionResult, InstanceResult, Run
from reconciler.report.blast import is_quarantine
from reconciler.report.phrases import (
    change_value_text,
    fault_symbol,
    format_value,
    note_text,
    verb_symbol,
    visible_changes,
    warning_label,
)
from reconciler.report.sanitize import truncate_text
from reconciler.report.summary import ATTENTION_RANKS

MAX_NAME_LENGTH: Final = 255  # characters
_SUCCESS_OUTCOMES: Final = (Outcome.PLANNED, Outcome.APPLIED)
_VERB_TONES: Final = {Verb.ADD: "good", Verb.DELETE: "bad"}


class PlanKind(StrEnum):
    """The kinds of rows, in their order. A quarantine that begins is one of the deletions."""

    DELETION = "deletions"
    MOVE = "moves"
    CHANGE = "changes"
    ADOPTION = "adoptions"
    ADDITION = "additions"
    SETTING = "settings"
    FAULT = "faults"
    PENDING = "pending"
    SPARED = "spared"


_KINDS_BY_VERB: Final = {Verb.ADD: PlanKind.ADDITION, Verb.ADOPT: PlanKind.ADOPTION, Verb.UPDATE: PlanKind.CHANGE}
_KIND_RANKS: Final = {kind: rank for rank, kind in enumerate(PlanKind)}

PlanSubject = ActionResult | TorrentFault | SparedTorrent | PendingTorrent


@dataclass(frozen=True, slots=True)
class PlanItem:
    """A part of a plan, before it is shown. `place`: an instance, or a group of instances.

    `outcome` is None for what is no action. `rank`: the lowest needs attention first.
    """

    kind: PlanKind
    place: str
    outcome: Outcome | None
    rank: tuple[int, int]
    name: str
    infohash: str
    subject: PlanSubject


@dataclass(frozen=True, slots=True)
class PlanRow:
    """A row of the plan. `changes`: fields with their old and new values. `noun`: the kind of a setting.

    `problem`: the reason why it is not done. `link`: a magnet link of what was created. `size`: of the data concerned.
    """

    symbol: str
    label: str
    tone: str
    name: str
    place: str
    noun: str = ""
    infohash: str = ""
    warning: str = ""
    note: str = ""
    problem: str = ""
    placement: str = ""
    size: str = ""
    source: str = ""
    link: str = ""
    changes: tuple[tuple[str, str], ...] = ()


def list_items(run: Run) -> tuple[PlanItem, ...]:
    """Return all parts of the plan of a run: by kind, then what needs attention first, then as in the plan."""
    items = [item for instance in run.instances for item in _iter_items(instance)]
    items += [
        PlanItem(PlanKind.PENDING, pending.group, None, (0, 0), pending.name, pending.infohash, pending)
        for pending in run.pending
    ]
    return tuple(sorted(items, key=lambda item: (_KIND_RANKS[item.kind], item.rank)))


def _iter_items(instance: InstanceResult) -> Iterator[PlanItem]:
    name = instance.name
    for result in instance.results:
        action = result.action
        rank = (ATTENTION_RANKS[result.outcome], _rank_deletion(action))
        yield PlanItem(find_kind(action), name, result.outcome, rank, action.name, action.infohash or "", result)
    for fault in instance.faults:
        yield PlanItem(PlanKind.FAULT, name, None, (not fault.is_serious, 0), fault.name, fault.infohash, fault)
    for spared in instance.spared:
        yield PlanItem(PlanKind.SPARED, name, None, (0, 0), spared.name, spared.infohash, spared)


def _rank_deletion(action: Action) -> int:
    """Return 0 for a deletion with its data, and more for what can be undone more easily."""
    if isinstance(action, DeleteTorrent):
        return not action.delete_files
    return 2


def find_kind(action: Action) -> PlanKind:
    """Return the kind of an action: the gravest of its effects."""
    if action.verb is Verb.DELETE or is_quarantine(action):
        return PlanKind.DELETION
    if action.disruptive:
        return PlanKind.MOVE
    return _KINDS_BY_VERB[action.verb] if action.kind is ObjectKind.TORRENT else PlanKind.SETTING


def map_links(run: Run) -> Mapping[Position, str]:
    """Return the magnet links of the torrents that were created from content, by their entries."""
    return {
        content.position: content.magnet for instance in run.instances for content in instance.content if content.magnet
    }


def build_row(item: PlanItem, links: Mapping[Position, str]) -> PlanRow:
    """Return the row of an item, in the words of the text report."""
    name = truncate_text(item.name, MAX_NAME_LENGTH)
    match item.subject:
        case ActionResult() as result:
            return _build_action_row(item, result, name, links)
        case TorrentFault() as fault:
            symbol, tone = fault_symbol(fault)[0], "bad" if fault.is_serious else "wait"
            return PlanRow(
                symbol,
                fault.label,
                tone,
                name,
                item.place,
                infohash=item.infohash,
                problem=fault.reason,
                source=_source_text(fault.position),
            )
        case SparedTorrent() as spared:
            return PlanRow("=", "spared", "", name, item.place, infohash=item.infohash, note=spared.reason)
        case PendingTorrent() as pending:
            return PlanRow(
                "?",
                "pending",
                "wait",
                name,
                item.place,
                infohash=item.infohash,
                problem=pending.reason,
                source=_source_text(pending.position),
            )


def _build_action_row(item: PlanItem, result: ActionResult, name: str, links: Mapping[Position, str]) -> PlanRow:
    action, outcome = result.action, result.outcome
    symbol, label, _ = verb_symbol(action, outcome)
    is_success = outcome in _SUCCESS_OUTCOMES
    placement = action.placement if isinstance(action, TorrentAction) else None
    is_shown = placement is not None and not placement.kept_copy
    return PlanRow(
        symbol,
        label if is_success else f"{action.verb}, {label}",
        _VERB_TONES.get(action.verb, "") if is_success else "wait" if outcome is Outcome.DEFERRED else "bad",
        name,
        item.place,
        "" if action.kind is ObjectKind.TORRENT else str(action.kind),
        item.infohash,
        warning_label(action, outcome),
        note_text(action) if is_success else "",
        "" if is_success else result.error or action.reason,
        f"{placement.group}: {placement.reason}" if placement and is_shown else "",
        str(naturalsize(action.blast.bytes, binary=True)) if action.blast and action.blast.bytes else "",
        _source_text(action.position),
        links.get(action.position, "") if action.position and action.verb is Verb.ADD else "",
        tuple(_iter_changes(action)),
    )


def _iter_changes(action: Action) -> Iterator[tuple[str, str]]:
    for change in visible_changes(action):
        if action.verb is not Verb.ADD:
            yield change.field, change_value_text(change)
        elif change.field != "name":
            yield change.field, format_value(change.field, change.after)


def _source_text(position: Position | None) -> str:
    return str(position or "")
