"""The history: what runs found and did over time as plots, and the runs as a time line, each with its actions."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime
from itertools import groupby
from typing import Final

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from reconciler.model.history import History, HistoryFilter, PastAction, PastRun, UnreadableHistory
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.plan import Outcome, Verb
from reconciler.report.history import summarize_past_run
from reconciler.report.phrases import outcome_symbol, strip_instance_prefix
from reconciler.report.sanitize import truncate_text
from reconciler.web.context import WebContext
from reconciler.web.pages.frame import TONE_SYMBOLS, PageFrame, took_text
from reconciler.web.pages.plots import Plot, Span, Window
from reconciler.web.pages.trends import plot_activity, plot_convergence, plot_drift

MAX_RUNS: Final = 20  # of a page
MAX_ACTIONS: Final = 20  # of a run in the time line
MAX_ACTIONS_OF_ONE: Final = 200  # of a page about one run
MAX_NAME_LENGTH: Final = 255  # characters
MAX_TEXT: Final = 1000  # characters of a filter
MAX_NUMBER: Final = 2**31
_VERB_TONES: Final = {Verb.ADD: "good", Verb.DELETE: "bad"}
_OUTCOME_TONES: Final = {Outcome.FAILED: "bad", Outcome.DROPPED: "wait"}


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """The parameters of the page. What makes no sense counts as not given.

    `before`: runs with a smaller number. `run`: only this one, of whose actions `page` is shown.
    """

    instance: str = ""
    text: str = ""
    span: Span = Span.WEEK
    before: int | None = None
    run: int | None = None
    page: int = 1

    @classmethod
    def from_params(cls, params: QueryParams) -> HistoryQuery:
        """Return the query of a request."""
        span = Span.WEEK
        with suppress(ValueError):
            span = Span(params.get("span", ""))
        instance, text = (params.get(name, "").strip()[:MAX_TEXT] for name in ("instance", "text"))
        before, run, page = (_parse_number(params.get(name, "")) for name in ("before", "run", "page"))
        return cls(instance, text, span, before, run, page or 1)

    @property
    def is_filtered(self) -> bool:
        """True if it leaves out runs."""
        return bool(self.instance or self.text)

    def make_filter(self) -> HistoryFilter:
        """Return what to read: one run more than is shown, to know if there are older ones."""
        instances = (self.instance,) if self.instance else ()
        if self.run is not None:
            return HistoryFilter(1, instances, before=self.run + 1, text=self.text)
        return HistoryFilter(MAX_RUNS + 1, instances, "", self.before, MAX_ACTIONS, self.text)

    def make_params(self, **changed: object) -> dict[str, object]:
        """Return the parameters of a link to the same filters, without the place in the time line."""
        span = None if self.span is Span.WEEK else self.span
        return {"instance": self.instance, "text": self.text, "span": span, **changed}


def _parse_number(text: str) -> int | None:
    """Return a positive number; None if it is none."""
    if text.isascii() and text.isdigit() and len(text) <= len(str(MAX_NUMBER)):
        return int(text) or None
    return None


@dataclass(frozen=True, slots=True)
class ActionRow:
    """An attempted action."""

    symbol: str
    label: str
    tone: str
    name: str
    infohash: str
    kind: str
    instance: str
    changes: str
    problem: str


@dataclass(frozen=True, slots=True)
class RunEntry:
    """A run in the time line, with some of its actions. `problems`: instances with the reason."""

    number: int
    started_at: datetime
    tone: str
    symbol: str
    sentence: str
    facts: tuple[str, ...]
    problems: tuple[tuple[str, str], ...]
    actions: tuple[ActionRow, ...]
    action_count: int
    plan_hash: str

    @property
    def hidden(self) -> int:
        """The number of actions that are not shown."""
        return self.action_count - len(self.actions)


def build_entry(run: PastRun, owner: str, actions: Sequence[PastAction]) -> RunEntry:
    """Return the entry of a run with these actions. `owner` is that of the loop, which is not said."""
    not_done = [count for count in run.counts if count.outcome is not Outcome.APPLIED]
    is_bad = run.exit_code in (1, 3, 4) or run.instances or any(c.outcome is Outcome.FAILED for c in not_done)
    tone = "bad" if is_bad else "wait" if not_done else "good"
    return RunEntry(
        run.number,
        run.started_at,
        tone,
        TONE_SYMBOLS[tone],
        summarize_past_run(run),
        tuple(
            fact
            for fact in (
                run.trigger,
                f"took {took_text(run.seconds)}",
                f"exit code {run.exit_code}" if run.exit_code else "",
                f"owner {run.owner}" if run.owner != owner else "",
            )
            if fact
        ),
        tuple(
            (instance.name, strip_instance_prefix(instance.name, instance.error or str(instance.status)))
            for instance in run.instances
        ),
        tuple(map(_build_action, actions)),
        sum(count.number for count in run.counts),
        run.plan_hash,
    )


def _build_action(action: PastAction) -> ActionRow:
    symbol, _ = outcome_symbol(action.verb, action.outcome)
    is_done = action.outcome is Outcome.APPLIED
    return ActionRow(
        symbol,
        str(action.verb) if is_done else f"{action.verb}, {action.outcome}",
        _VERB_TONES.get(action.verb, "") if is_done else _OUTCOME_TONES.get(action.outcome, "bad"),
        truncate_text(action.name, MAX_NAME_LENGTH),
        action.infohash or "",
        "" if action.infohash else str(action.kind),
        action.instance,
        action.changes.replace(" -> ", " → "),
        "" if is_done else action.error or "unknown reason",
    )


def group_days(entries: Sequence[RunEntry]) -> list[tuple[date, list[RunEntry]]]:
    """Return the entries by their day (UTC), as they come."""
    return [(day, list(group)) for day, group in groupby(entries, key=lambda entry: entry.started_at.date())]


@dataclass(frozen=True, slots=True)
class HistoryView:
    """The content of the page. `older`: the number to continue before; None: there are no older runs.

    `pages`: of the actions of the one run that is shown; 0 in the time line.
    """

    days: tuple[tuple[date, list[RunEntry]], ...]
    plots: tuple[Plot, ...]
    older: int | None = None
    pages: int = 0


class HistoryPage:
    """The page."""

    def __init__(self, frame: PageFrame, context: WebContext) -> None:
        self._frame, self._context = frame, context

    def get(self, request: Request) -> Response:
        """Return the page."""
        query, view = HistoryQuery.from_params(request.query_params), self._context.board.get_view()
        owner = self._context.get_desired().owner
        content, error = None, ""
        if self._context.history:
            try:
                content = read_history(self._context.history, query, view.now, owner)
            except UnreadableHistory as unreadable:
                error = str(unreadable)
        names = sorted({instance.name for instance in view.instances} | ({query.instance} - {""}))
        is_missing = query.run is not None and content is not None and not content.days
        return self._frame.respond(
            request,
            view,
            "history.html",
            "History",
            status=404 if is_missing else 200,
            query=query,
            history=content,
            error=error,
            has_journal=self._context.history is not None,
            instance_names=names,
            spans=tuple(Span),
            last_run=view.last_run,
        )


def read_history(history: History, query: HistoryQuery, now: datetime, owner: str) -> HistoryView:
    """Read what the page shows. Raises `UnreadableHistory`."""
    history_filter = query.make_filter()
    runs = history.list_runs(history_filter)
    if query.run is not None:
        return _build_single(runs, query, owner)
    shown = runs[:MAX_RUNS]
    entries = [build_entry(run, owner, run.actions) for run in shown]
    older = shown[-1].number if len(runs) > MAX_RUNS else None
    plots: tuple[Plot, ...] = ()
    if query.before is None:
        window = Window.ending_at(now, query.span)
        trend = history.read_trend(window.begin, history_filter)
        drift, convergence = plot_drift(trend.drift, window), plot_convergence(trend.drift, window)
        activity = plot_activity(trend.activity, window)
        plots = (activity,) if query.text else (drift, activity, convergence)  # a torrent has no drift over time
    return HistoryView(tuple(group_days(entries)), plots, older)


def _build_single(runs: Sequence[PastRun], query: HistoryQuery, owner: str) -> HistoryView:
    """Return the view of one run, with a page of its actions."""
    entries = []
    for run in runs:
        if run.number == query.run:
            first = (query.page - 1) * MAX_ACTIONS_OF_ONE
            entries.append(build_entry(run, owner, run.actions[first : first + MAX_ACTIONS_OF_ONE]))
    count = sum(entry.action_count for entry in entries)
    return HistoryView(tuple(group_days(entries)), (), pages=-(-count // MAX_ACTIONS_OF_ONE) or 1)
