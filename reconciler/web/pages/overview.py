"""The overview: the verdict, the instances, and the last change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from reconciler.engine.events import Backoff
from reconciler.model.groups import PendingTorrent
from reconciler.model.plan import Outcome, TorrentFault, Verb
from reconciler.model.run import ActionResult, InstanceResult, RunMode, Status
from reconciler.report.phrases import (
    change_text,
    fault_count_text,
    fault_symbol,
    strip_instance_prefix,
    verb_symbol,
    visible_changes,
    warning_label,
)
from reconciler.report.sanitize import truncate_text
from reconciler.report.summary import summary_text
from reconciler.report.text.actions import MAX_DELETIONS
from reconciler.report.text.run import STATUS_LABELS
from reconciler.web.client_text import elapsed_text, interval_text, remaining_text
from reconciler.web.context import WebContext
from reconciler.web.loop_view import InstanceView, LastChange, LoopState, LoopView
from reconciler.web.pages.frame import PageFrame

MAX_ITEMS_SHOWN: Final = 20  # of each list; the plan lists all
MAX_NAME_LENGTH: Final = 255  # characters
_OUTCOME_TONES: Final = {
    Outcome.FAILED: "bad",
    Outcome.BLOCKED: "bad",
    Outcome.DROPPED: "wait",
    Outcome.DEFERRED: "wait",
}


class OverviewPage:
    """The first page: the verdict, the instances, and the last change."""

    def __init__(self, frame: PageFrame, context: WebContext) -> None:
        self._frame, self._board = frame, context.board

    def get(self, request: Request) -> Response:
        """Return the page."""
        view = self._board.get_view()
        run = view.last_run.run if view.last_run else None
        refused = view.state is LoopState.REFUSED
        return self._frame.respond(
            request,
            view,
            "overview.html",
            "Overview",
            details=_build_details(view),
            problems=view.last_run.problems if view.last_run else (),
            warnings=run.warnings if run else (),
            facts=_build_facts(view),
            cards=[_build_card(instance, view) for instance in view.instances],
            pending=_build_pending_items(run.pending) if run else (),
            plan_hash=run.plan_hash if run and refused else "",
            change=view.last_change and _build_last_change(view.last_change, view),
            shown=MAX_ITEMS_SHOWN,
        )


@dataclass(frozen=True, slots=True)
class ListItem:
    """A list entry, for an action or a pending torrent."""

    symbol: str
    label: str
    tone: str
    name: str
    warning: str
    notes: tuple[str, ...]


_BLANK_ITEM: Final = ListItem("", "", "", "", "", ())


@dataclass(frozen=True, slots=True)
class InstanceCard:
    """The card of an instance."""

    name: str
    status_label: str
    tone: str
    details: tuple[str, ...]
    counts: tuple[str, ...]
    error: str
    backoff_text: str
    guard_reasons: tuple[str, ...]
    refused: bool
    item_limit: int
    open_items: tuple[ListItem, ...]
    fault_items: tuple[ListItem, ...]


def _build_facts(view: LoopView) -> list[tuple[str, str, str]]:
    if view.last_run is None:
        return [("Started", elapsed_text(view.started, view.now), ""), ("Interval", interval_text(view.interval), "")]
    timing = f"{view.last_run.trigger}, took {view.last_run.seconds:.1f} s"
    return [
        ("Last run", elapsed_text(view.last_run.started_at, view.now), timing),
        ("Last success", elapsed_text(view.last_success, view.now) if view.last_success else "never", ""),
        (
            "Next",
            remaining_text(view.next_run_at, view.now) if view.next_run_at else "",
            f"or earlier; {interval_text(view.interval)}",
        ),
        ("Runs", f"{view.run_count:,}", f"started {elapsed_text(view.started, view.now)}"),
    ]


def _build_details(view: LoopView) -> list[str]:
    """The lines below the headline."""
    if view.last_run is None:
        return [view.stuck_reason or view.unready_reason]
    summary = summary_text(view.last_run.run)
    prefix = "Dry-run: nothing is ever changed. " if view.last_run.run.mode is RunMode.DRY_RUN else ""
    return [line for line in (view.stuck_reason, prefix + summary[:1].upper() + summary[1:]) if line]


def _build_card(instance: InstanceView, view: LoopView) -> InstanceCard:
    result = instance.result
    status_label, tone = _describe_status(instance)
    version = f"qBittorrent {result.version}" if result and result.version else ""
    read = f"read {elapsed_text(instance.read_at, view.now)}" if instance.read_at else ""
    error = (result.error if result else "") or ""
    refused = bool(result and instance.is_read and result.verdict.refused)
    limit = MAX_DELETIONS if refused else MAX_ITEMS_SHOWN
    open_results = [item for item in result.results if item.outcome is not Outcome.APPLIED] if result else []
    return InstanceCard(
        instance.name,
        status_label,
        tone,
        tuple(text for text in (_health_text(instance, view), version, instance.url or "", read) if text),
        _count_texts(result) if result and instance.is_read else (),
        "" if instance.backoff else strip_instance_prefix(instance.name, error),
        _backoff_text(instance, instance.backoff, view) if instance.backoff else "",
        result.verdict.reasons if result and instance.is_read else (),
        refused,
        limit,
        _build_items(open_results, limit),
        _build_fault_items(result.faults) if result else (),
    )


def _describe_status(instance: InstanceView) -> tuple[str, str]:
    result = instance.result
    if instance.backoff and not instance.is_up:
        return "waiting", "bad"
    if result is None:
        return "not read yet", "wait"
    if not instance.is_healthy:
        return STATUS_LABELS.get(result.status, str(result.status)).lower(), "bad"
    if result.verdict.refused:
        return "refused by the guard", "bad"
    if str(result.status) == "suspended":
        return "suspended", "wait"
    outcomes = {item.outcome for item in result.results} - {Outcome.APPLIED}
    if result.has_serious_fault or any(_OUTCOME_TONES.get(outcome) == "bad" for outcome in outcomes):
        return "needs attention", "bad"
    if outcomes or result.faults:
        return "changes pending" if outcomes else fault_count_text(result.faults), "wait"
    if not (result.results or result.owned or result.unchanged):
        return "in sync, and no torrent is ours", "wait"
    return "in sync", "good"


def _health_text(instance: InstanceView, view: LoopView) -> str:
    health = instance.result.health if instance.result else None
    return (
        "" if health is None or health.is_healthy else f"{health.state}, since {elapsed_text(health.since, view.now)}"
    )


def _count_texts(result: InstanceResult) -> tuple[str, ...]:
    foreign = (f"{result.foreign:,} not ours",) if result.foreign else ()
    drift = (f"{len(result.results):,} planned in the last run",) if result.results else ()
    faults = (fault_count_text(result.faults),) if result.faults else ()
    return f"{result.owned:,} owned", *foreign, f"{result.unchanged:,} unchanged", *drift, *faults


def _backoff_text(instance: InstanceView, backoff: Backoff, view: LoopView) -> str:
    times = "once" if backoff.failures == 1 else f"{backoff.failures:,} times in a row"
    reason = strip_instance_prefix(instance.name, backoff.reason)
    step = "look" if backoff.status is Status.AUTH_FAILED else "try"  # refused credentials are not sent again
    return f"failed {times}: {reason}; next {step} {remaining_text(backoff.until, view.now)}"


def _build_items(results: Sequence[ActionResult], limit: int) -> tuple[ListItem, ...]:
    """List problems and deletions first. Beyond `limit` the items are blank, and only counted."""
    ranked = sorted(
        results, key=lambda item: (_OUTCOME_TONES.get(item.outcome) != "bad", item.action.verb is not Verb.DELETE)
    )
    return tuple(map(_build_item, ranked[:limit])) + (_BLANK_ITEM,) * (len(ranked) - limit)


def _build_item(result: ActionResult) -> ListItem:
    action, outcome = result.action, result.outcome
    symbol, label, _ = verb_symbol(action, outcome)
    tone = _OUTCOME_TONES.get(outcome, "bad" if action.verb is Verb.DELETE else "")
    reason = result.error or action.reason if outcome in _OUTCOME_TONES else action.reason
    changes = () if action.verb in (Verb.ADD, Verb.DELETE) else tuple(map(change_text, visible_changes(action)))
    notes = (reason, *changes, *([(action.infohash or "")[:10]] if action.infohash else [str(action.kind)]))
    return ListItem(
        symbol, label, tone, truncate_text(action.name, MAX_NAME_LENGTH), warning_label(action, outcome), notes
    )


def _build_fault_items(faults: Sequence[TorrentFault]) -> tuple[ListItem, ...]:
    """List the torrents that do not work. Beyond the limit the items are blank, and only counted."""
    items = tuple(
        ListItem(
            fault_symbol(fault)[0],
            "fault",
            "bad" if fault.is_serious else "wait",
            truncate_text(fault.name, MAX_NAME_LENGTH),
            "",
            (fault.reason, fault.infohash[:10]),
        )
        for fault in faults[:MAX_ITEMS_SHOWN]
    )
    return items + (_BLANK_ITEM,) * (len(faults) - len(items))


def _build_pending_items(pending: Sequence[PendingTorrent]) -> tuple[ListItem, ...]:
    """List the pending torrents. Beyond the limit the items are blank, and only counted."""
    items = tuple(
        ListItem(
            "?",
            "",
            "wait",
            truncate_text(torrent.name, MAX_NAME_LENGTH),
            "",
            (f"{torrent.group}: {torrent.reason}", torrent.infohash[:10]),
        )
        for torrent in pending[:MAX_ITEMS_SHOWN]
    )
    return items + (_BLANK_ITEM,) * (len(pending) - len(items))


def _build_last_change(change: LastChange, view: LoopView) -> Mapping[str, object]:
    groups = [(name, _build_items(results[:MAX_ITEMS_SHOWN], MAX_ITEMS_SHOWN)) for name, results in change.applied]
    shown = sum(len(items) for _, items in groups)
    return {
        "ago": f"{elapsed_text(change.changed_at, view.now)} ({change.trigger})",
        "sentence": change.sentence,
        "groups": groups,
        "hidden": f"{change.action_count - shown:,}" if change.action_count > shown else "",
    }
