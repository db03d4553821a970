"""One torrent: how it is declared, its live state on each instance, what a run does about it, its history and files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from reconciler.model.explanation import Explanation, InstanceExplanation
from reconciler.model.fields.names import SAVE_PATH
from reconciler.model.history import HistoryFilter, PastAction, PastRun, UnreadableHistory
from reconciler.model.infohash import parse_infohash_text
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.plan import Outcome
from reconciler.model.rows import InstanceRows
from reconciler.report.phrases import format_value, outcome_symbol
from reconciler.report.text.explanation import describe_instance
from reconciler.report.text.lines import Style
from reconciler.web.catalogue import Catalogue, CatalogueView, KnownTorrent
from reconciler.web.context import WebContext
from reconciler.web.loop_view import LoopView
from reconciler.web.pages.frame import PageFrame
from reconciler.web.pages.torrent_files import FileReader
from reconciler.web.pages.torrent_text import size_text
from reconciler.web.pages.torrents import build_line, describe_reads, read_time
from reconciler.web.rest.documents import get_number
from reconciler.web.rest.torrents import find_torrent
from reconciler.web.sync_states import SyncState

MAX_RUNS: Final = 20  # of the history
MAX_FILES: Final = 200  # that are shown at first
ALL_FILES: Final = "all"
_TONES: Final = {
    Style.STRONG: "strong",
    Style.DIM: "dim",
    Style.GOOD: "good",
    Style.ADD: "good",
    Style.ADOPT: "good",
    Style.CHANGE: "wait",
    Style.WAIT: "wait",
    Style.DELETE: "bad",
    Style.BAD: "bad",
    Style.ALARM: "bad",
}


@dataclass(frozen=True, slots=True)
class FactView:
    """A line about a torrent on an instance: a label, and texts with their tones."""

    label: str
    spans: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class FieldView:
    """A field as it is declared and as it is. `declared` is empty if it is not managed."""

    name: str
    declared: str
    live: str
    differs: bool


@dataclass(frozen=True, slots=True)
class InstanceCard:
    """The torrent on one instance."""

    name: str
    status: str
    tone: str
    facts: tuple[FactView, ...]
    fields: tuple[FieldView, ...]


@dataclass(frozen=True, slots=True)
class PastLine:
    """An action of a past run on the torrent."""

    began: datetime
    instance: str
    symbol: str
    tone: str
    text: str
    problem: str


class TorrentPage:
    """The page."""

    def __init__(self, frame: PageFrame, context: WebContext, catalogue: Catalogue) -> None:
        self._frame, self._context, self._catalogue = frame, context, catalogue
        self._files = FileReader(context.rows)

    def get(self, request: Request) -> Response:
        """Return the page; with status 404 and its history if there is no such torrent."""
        loop, view = self._context.board.get_view(), self._catalogue.read(is_urgent=True)
        text = request.path_params["infohash"]
        known = find_torrent(view, text)
        infohashes = parse_infohash_text(text)
        past, history_error = self._read_history(str(infohashes) if infohashes else "")
        if known is None:
            return self._frame.respond(
                request,
                loop,
                "no_torrent.html",
                "No torrent",
                status=404,
                asked=text[:100],
                past=past,
                history_error=history_error,
                unread=describe_reads(view.instances.values(), loop.now),
            )
        explanation = self._explain(loop, view, known)
        cards = build_cards(explanation) if explanation else ()
        shown_files = request.query_params.get("files", "")
        return self._frame.respond(
            request,
            loop,
            "torrent.html",
            known.row["name"][:100],
            line=build_line(known),
            known=known,
            infohashes=[known.row.get("infohash_v1") or "", known.row.get("infohash_v2") or ""],
            save_path=known.row.get(SAVE_PATH) or "",
            uploaded=size_text(get_number(known.row, "uploaded", is_live=known.instance is not None)),
            downloaded=size_text(get_number(known.row, "downloaded", is_live=known.instance is not None)),
            completed=read_time(known.row, "completion_on"),
            cards=cards,
            pending_reason=explanation.pending_reason if explanation else None,
            unexplained=_find_unexplained(loop, explanation),
            changed_since=_find_changes_since(known, cards),
            next_run_at=loop.next_run_at,
            past=past,
            history_error=history_error,
            files=self._files.read(known, loop.now) if shown_files else None,
            file_limit=None if shown_files == ALL_FILES else MAX_FILES,
            unread=describe_reads(self._list_places(view, known), loop.now),
        )

    def _list_places(self, view: CatalogueView, known: KnownTorrent) -> list[InstanceRows]:
        """Return the instances that have a torrent, or may have it."""
        declared = self._context.get_desired().instances_of(known.entry) if known.entry else ()
        return [rows for name, rows in view.instances.items() if name in known.instances or name in declared]

    def _explain(self, loop: LoopView, view: CatalogueView, known: KnownTorrent) -> Explanation | None:
        if loop.last_run is None:
            return None
        return self._context.explain_run(loop.last_run, known.row["name"], list_ids(known), view.instances)

    def _read_history(self, infohash: str) -> tuple[list[PastLine], str]:
        """Return what past runs did to a torrent, newest first, and the reason if that is not known."""
        history = self._context.history
        if history is None:
            return [], "no journal is kept"
        if not infohash:
            return [], ""
        try:
            return list(iter_past_lines(history.list_runs(HistoryFilter(MAX_RUNS, torrent=infohash)))), ""
        except UnreadableHistory as error:
            return [], str(error)


def list_ids(known: KnownTorrent) -> tuple[str, ...]:
    """Return every id under which an instance may list a torrent, first that of its best copy."""
    ids = (str(known.row["hash"]), *known.other_ids)
    return tuple(dict.fromkeys((*ids, *(torrent_id[:40] for torrent_id in ids))))


def build_cards(explanation: Explanation) -> tuple[InstanceCard, ...]:
    """Return the torrent on each instance where it is declared, is, or may be."""
    return tuple(_build_card(instance, explanation.owner) for instance in explanation.instances if instance.is_relevant)


def _build_card(instance: InstanceExplanation, owner: str) -> InstanceCard:
    return InstanceCard(
        instance.instance,
        "" if instance.status == "ok" else str(instance.status),
        _choose_tone(instance),
        tuple(
            FactView(fact.label, tuple((text, _TONES.get(style, "")) for text, style in fact.spans))
            for fact in describe_instance(instance, owner)
        ),
        tuple(
            FieldView(
                field.field,
                "" if field.declared is None else format_value(field.field, field.declared),
                format_value(field.field, field.live),
                field.differs,
            )
            for field in (instance.fields if instance.has_comparison else ())
        ),
    )


def _choose_tone(instance: InstanceExplanation) -> str:
    outcomes = {result.outcome for result in instance.results}
    if instance.error or instance.fault or outcomes & {Outcome.FAILED, Outcome.BLOCKED}:
        return "bad"
    differs = instance.has_comparison and any(field.differs for field in instance.fields)
    if differs or outcomes - {Outcome.APPLIED}:
        return "wait"
    return "good" if instance.has_comparison else ""


def iter_past_lines(runs: Sequence[PastRun]) -> Iterator[PastLine]:
    """Yield the actions of past runs."""
    for run in runs:
        for action in run.actions:
            yield _build_past_line(run, action)


def _build_past_line(run: PastRun, action: PastAction) -> PastLine:
    symbol, style = outcome_symbol(action.verb, action.outcome)
    problem = "" if action.outcome is Outcome.APPLIED else f"{action.outcome}: {action.error or 'unknown reason'}"
    text = action.changes.replace(" -> ", " → ") or str(action.verb)
    return PastLine(run.started_at, action.instance, symbol, _TONES.get(style, ""), text, problem)


def _find_unexplained(loop: LoopView, explanation: Explanation | None) -> str:
    """Return why no plan is shown; empty if one is."""
    if explanation:
        return ""
    return "No run has ended yet, so there is no plan." if loop.last_run is None else "The last run made no plan."


def _find_changes_since(known: KnownTorrent, cards: Sequence[InstanceCard]) -> str:
    """Return the fields that differ now although the last run found nothing to change; empty if there are none."""
    if known.sync_state != SyncState.IN_SYNC:
        return ""
    return ", ".join(dict.fromkeys(field.name for card in cards for field in card.fields if field.differs))
