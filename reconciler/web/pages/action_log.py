"""The outcomes of the actions that people asked for on the pages, in memory. The run that follows has the last word.

See docs/decisions/0169-outcomes-of-actions-end-with-the-process.md.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final

from reconciler.engine.events import FinishedRun
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.plan import Outcome
from reconciler.model.position import Problem
from reconciler.model.run import ActionResult, Run
from reconciler.report.phrases import acceptance_text, verb_symbol
from reconciler.report.summary import brief_summary_text
from reconciler.web.loop_view import LoopView
from reconciler.web.status_board import StatusBoard

MAX_PAST_ACTIONS: Final = 200
MAX_LINES: Final = 20
GOOD, WAIT, BAD = "good", "wait", "bad"
Link = tuple[str, str]  # a path of ours and its text


@dataclass(frozen=True, slots=True)
class ActionOutcome:
    """The outcome of an action. `tone`: good, wait or bad; `problems` are those of the desired state."""

    tone: str
    headline: str
    lines: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    links: tuple[Link, ...] = ()


FollowUp = Callable[[FinishedRun, datetime], ActionOutcome | None]
"""Returns what a run made of an action that was asked for at a time (UTC); None if the run did not have it yet."""


@dataclass(frozen=True, slots=True)
class AskedAction:
    """An action that was asked for. `follow_up` None: its outcome is final."""

    id: str
    title: str
    at: datetime
    outcome: ActionOutcome
    follow_up: FollowUp | None = None


class ActionLog:
    """The last actions by their ids. Safe from any thread. `make_id` returns text that nobody guesses."""

    def __init__(self, board: StatusBoard, make_id: Callable[[], str]) -> None:
        self._make_id = make_id
        self._lock = threading.Lock()
        self._actions: OrderedDict[str, AskedAction] = OrderedDict()
        board.subscribe(self._on_change)

    def add(self, title: str, at: datetime, outcome: ActionOutcome, follow_up: FollowUp | None = None) -> AskedAction:
        """Add an action."""
        action = AskedAction(self._make_id(), title, at, outcome, follow_up)
        with self._lock:
            self._actions[action.id] = action
            if len(self._actions) > MAX_PAST_ACTIONS:
                self._actions.popitem(last=False)
        return action

    def find(self, action_id: str) -> AskedAction | None:
        """Return an action; None if it is not known any more."""
        with self._lock:
            return self._actions.get(action_id)

    def _on_change(self, view: LoopView) -> None:
        """Let a run that has ended complete what waits for it."""
        with self._lock:
            waiting = [action for action in self._actions.values() if action.follow_up]
            for action in waiting if view.last_run else ():
                assert view.last_run and action.follow_up
                if outcome := action.follow_up(view.last_run, action.at):
                    self._actions[action.id] = replace(action, outcome=outcome, follow_up=None)


def follow_run(before: ActionOutcome, ids: Collection[str] = ()) -> FollowUp:
    """Return the follow-up that adds what the next run did, and what it did to the torrents with these ids."""

    def follow_up(finished_run: FinishedRun, at: datetime) -> ActionOutcome | None:
        if finished_run.started_at < at:
            return None
        run = finished_run.run
        lines = [*before.lines, _ended_text(finished_run), *_list_results(run, ids)]
        has_failed = any(not _is_fine(result) for _, result in _iter_results(run, ids)) if ids else run.exit_code == 1
        tone = BAD if before.tone == BAD or run.exit_code == 3 or has_failed else GOOD
        return replace(before, tone=tone, lines=tuple(lines), links=(*before.links, *_PLAN_LINKS))

    return follow_up


def follow_acceptance(plan_hash: str) -> FollowUp:
    """Return the follow-up of an accepted plan: it was executed, or it had changed, and nothing of it was executed."""

    def follow_up(finished_run: FinishedRun, at: datetime) -> ActionOutcome | None:
        run = finished_run.run
        if run.accepted_plan != plan_hash:
            if finished_run.started_at < at:
                return None
            reason = "Another plan was accepted after it, or the run broke off; the log says more."
            return ActionOutcome(
                BAD, "The plan was not executed: no run had your approval", (reason,), links=_PLAN_LINKS
            )
        if run.plan_hash == plan_hash:
            is_done = run.exit_code in (0, 2)
            headline = "Accepted and executed" if is_done else "Accepted, but not all of it could be done"
            return ActionOutcome(GOOD if is_done else BAD, headline, (_ended_text(finished_run),), links=_PLAN_LINKS)
        is_refused = any(instance.verdict.refused for instance in run.instances)
        headline = "Not executed: the plan has changed since you accepted it"
        lines = (
            acceptance_text(run),
            f"The plan is now {run.plan_hash}.",
            "The guard refuses this one too: look at it, and accept it if it is right."
            if is_refused
            else f"The new plan needed no approval. {_ended_text(finished_run)}",
        )
        return ActionOutcome(BAD if is_refused else WAIT, headline, lines, links=_PLAN_LINKS)

    return follow_up


_PLAN_LINKS: Final = (("plan", "Show the present plan"),)


def _ended_text(finished_run: FinishedRun) -> str:
    return f"The run of {finished_run.started_at:%H:%M:%S} UTC has ended: {brief_summary_text(finished_run.run)}."


def _iter_results(run: Run, ids: Collection[str]) -> Iterator[tuple[str, ActionResult]]:
    for instance in run.instances:
        for result in instance.results:
            if result.action.infohash in ids or result.action.torrent_id in ids:
                yield instance.name, result


def _is_fine(result: ActionResult) -> bool:
    return result.outcome in (Outcome.APPLIED, Outcome.PLANNED, Outcome.DEFERRED)


def _list_results(run: Run, ids: Collection[str]) -> list[str]:
    texts = []
    for instance, result in _iter_results(run, ids):
        word = verb_symbol(result.action, result.outcome)[1]
        reason = f": {result.error or result.action.reason}" if result.outcome is not Outcome.APPLIED else ""
        texts.append(f"{result.action.name}: {word} on {instance}{reason}")
    more = [f"… and {len(texts) - MAX_LINES:,} more"] if len(texts) > MAX_LINES else []
    return texts[:MAX_LINES] + more
