"""The current plan: the guard's counts, the approval of a refused plan, and all actions, deletions and moves first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.plan import Outcome
from reconciler.model.run import InstanceResult, Run, RunMode
from reconciler.report.blast import sum_deletions, sum_quarantines
from reconciler.report.phrases import (
    acceptance_text,
    capitalize_sentence,
    describe_mark,
    endless_subject,
    endless_text,
    refusal_reasons,
    strip_instance_prefix,
)
from reconciler.report.summary import brief_summary_text
from reconciler.report.text.actions import blast_text
from reconciler.report.text.lines import Style
from reconciler.report.text.run import describe_state
from reconciler.web.context import WebContext
from reconciler.web.pages.frame import PageFrame
from reconciler.web.pages.instances import find_down_reason
from reconciler.web.pages.plan_rows import PlanItem, PlanKind, build_row, list_items, map_links
from reconciler.web.pages.verdict import manages_nothing
from reconciler.web.per_run import PerRun

PAGE_SIZE: Final = 100  # rows
MAX_TEXT: Final = 1000  # characters of a filter
_TONES: Final = {Style.GOOD: "good", Style.WAIT: "wait", Style.BAD: "bad", Style.ALARM: "bad"}


@dataclass(frozen=True, slots=True)
class PlanQuery:
    """The parameters of the page: filters, and the number of a page. What makes no sense counts as not given."""

    instance: str = ""
    kind: str = ""
    outcome: str = ""
    text: str = ""
    page: int = 1

    @classmethod
    def from_params(cls, params: QueryParams) -> PlanQuery:
        """Return the query of a request."""
        instance, kind, outcome, text = (
            params.get(name, "").strip()[:MAX_TEXT] for name in ("instance", "kind", "outcome", "text")
        )
        page = params.get("page", "")
        number = int(page) if page.isascii() and page.isdigit() and len(page) < 7 else 1
        return cls(
            instance,
            kind if kind in tuple(PlanKind) else "",
            outcome if outcome in tuple(Outcome) else "",
            text,
            max(1, number),
        )

    @property
    def is_filtered(self) -> bool:
        """True if it leaves out actions."""
        return bool(self.instance or self.kind or self.outcome or self.text)

    def make_params(self, **changed: object) -> dict[str, object]:
        """Return the parameters of a link to the first page with the same filters."""
        filters = {"instance": self.instance, "kind": self.kind, "outcome": self.outcome, "text": self.text}
        return {**filters, **changed}

    def select(self, items: Sequence[PlanItem]) -> list[PlanItem]:
        """Return the items that match every filter but that of the kind."""
        wanted = self.text.casefold()
        return [
            item
            for item in items
            if (not self.instance or item.place == self.instance)
            and (not self.outcome or item.outcome == self.outcome)
            and (not wanted or wanted in item.name.casefold() or item.infohash.startswith(wanted))
        ]


@dataclass(frozen=True, slots=True)
class GuardBar:
    """A count of the guard against its limit. `share`: percent of the limit, at most 100."""

    subject: str
    value: str
    limit: str
    share: float
    tone: str


@dataclass(frozen=True, slots=True)
class PlanCard:
    """The plan of one instance, without its actions.

    `reasons`: of the guard, unless it has refused the plan. `zeros`: what the guard counts and is not in the plan.
    """

    name: str
    state: str
    tone: str
    facts: tuple[str, ...]
    error: str
    reasons: tuple[str, ...]
    blasts: tuple[tuple[str, str], ...]
    bars: tuple[GuardBar, ...]
    zeros: tuple[str, ...]


def build_card(instance: InstanceResult, mode: RunMode) -> PlanCard:
    """Return the card of an instance, in the words of the text report."""
    state, style = describe_state(instance, mode)
    counts = instance.verdict.counts
    facts = [f"qBittorrent {instance.version}" if instance.version else ""]
    if instance.is_read:
        facts += [f"{instance.owned:,} owned", f"{instance.foreign:,} not ours" if instance.foreign else ""]
    facts += [f"other desired states change it too: {describe_mark(mark)}" for mark in instance.marks]
    totals = {"deletions": sum_deletions(instance.results), "quarantines": sum_quarantines(instance.results)}
    return PlanCard(
        instance.name,
        state,
        _TONES.get(style) or ("good" if all(r.outcome is Outcome.APPLIED for r in instance.results) else "wait"),
        tuple(filter(None, facts)),
        strip_instance_prefix(instance.name, instance.error or ""),
        () if instance.verdict.refused else instance.verdict.reasons,
        tuple((label, blast_text(total)) for label, total in totals.items() if total.torrents),
        tuple(
            GuardBar(
                count.subject,
                f"{count.number:,}" + ("" if count.owned is None else f" of {count.owned:,} ({count.value:.0f} %)"),
                f"{count.limit:,}" if count.owned is None else f"{count.limit:g} %",
                round(min(100.0, 100 * count.value / count.limit) if count.limit else 100.0, 1),
                "bad" if count.is_exceeded else "",
            )
            for count in sorted(counts, key=lambda count: not count.is_exceeded)
            if count.number
        ),
        tuple(count.subject for count in counts if not count.number),
    )


@dataclass(frozen=True, slots=True)
class PlanDigest:
    """The part of the page that changes only with a run. `quiet`: the instances where nothing is to be done."""

    items: tuple[PlanItem, ...] = ()
    cards: tuple[PlanCard, ...] = ()
    quiet: tuple[str, ...] = ()
    summary: str = ""
    reasons: tuple[str, ...] = ()
    endless: tuple[tuple[str, str], ...] = ()
    acceptance: str = ""


def build_digest(run: Run) -> PlanDigest:
    """Return what the page says about a run."""
    busy = [instance for instance in run.instances if _is_busy(instance)]
    return PlanDigest(
        list_items(run),
        tuple(build_card(instance, run.mode) for instance in sorted(busy, key=lambda i: not i.verdict.refused)),
        tuple(instance.name for instance in run.instances if instance not in busy),
        capitalize_sentence(brief_summary_text(run)),
        tuple(refusal_reasons([instance for instance in run.instances if instance.verdict.refused])),
        tuple((endless_subject(endless), endless_text(endless)) for endless in run.endless),
        acceptance_text(run) if run.accepted_plan else "",
    )


def _is_busy(instance: InstanceResult) -> bool:
    has_news = instance.results or instance.faults or instance.error or instance.verdict.reasons
    return bool(has_news) or not instance.status.is_ok


class PlanPage:
    """The page."""

    def __init__(self, frame: PageFrame, context: WebContext) -> None:
        self._frame, self._context = frame, context
        self._digests = PerRun[PlanDigest]()

    def get(self, request: Request) -> Response:
        """Return the page."""
        view, query = self._context.board.get_view(), PlanQuery.from_params(request.query_params)
        last_run = view.last_run
        digest = self._digests.read(last_run, lambda: build_digest(last_run.run)) if last_run else PlanDigest()
        selected = query.select(digest.items)
        counts = Counter(item.kind for item in selected)
        matching = [item for item in selected if not query.kind or item.kind == query.kind]
        pages = max(1, -(-len(matching) // PAGE_SIZE))
        page = min(query.page, pages)
        links = map_links(view.last_run.run) if view.last_run else {}
        rows = [build_row(item, links) for item in matching[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]]
        return self._frame.respond(
            request,
            view,
            "plan.html",
            "Plan",
            query=query,
            digest=digest,
            run=view.last_run.run if view.last_run else None,
            unread=[instance for instance in view.instances if not instance.is_current],
            down_reason=find_down_reason,
            command=self._context.command,
            kinds=[(kind, counts[kind]) for kind in PlanKind if counts[kind] or kind == query.kind],
            places=sorted({item.place for item in digest.items} | ({query.instance} - {""})),
            outcomes=sorted({item.outcome for item in digest.items if item.outcome}),
            rows=rows,
            matching_count=len(matching),
            selected_count=len(selected),
            page_number=page,
            page_count=pages,
            is_nothing_managed=manages_nothing(view),
        )
