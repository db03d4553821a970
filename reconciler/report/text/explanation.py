"""`reconcile explain` as people read it: instance by instance, what is declared beside what is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from humanize import naturalsize

from reconciler.model.explanation import Candidate, Explanation, FieldView, Whereabouts
from reconciler.model.history import PastAction, PastRun
from reconciler.model.plan import Action, Outcome
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.tags import held, owner_tag
from reconciler.report.phrases import change_text, shout, sign, symbol_of, told, told_value, without_name
from reconciler.report.text.lines import EMPTY, Line, Span, Style, columns, line, padded, table

_LABEL: Final = 10  # columns before what is said
_HELD: Final = {"running": "it ran before", "forced": "it ran before, by force"}


def explanation_lines(found: Explanation) -> Iterator[Line]:
    """The whole explanation."""
    yield line((found.name, Style.STRONG), (f"   {found.infohash}", Style.DIM))
    if found.pending:
        yield line(("pending   ", Style.WAIT), (found.pending, Style.PLAIN))
    for part in found.instances:
        if part.concerned:
            yield EMPTY
            yield from _instance(part, found.owner)
    elsewhere = [part.instance for part in found.instances if not part.concerned]
    if elsewhere:
        yield EMPTY
        yield line((f"neither declared for nor on {', '.join(elsewhere)}", Style.DIM))
    if found.lately:
        yield EMPTY
        yield line(("lately", Style.STRONG))
        rows = [_past(run, action) for run in found.lately for action in run.actions]
        yield from (line("  ", *row) for row in table(("when", "instance", "", "what", "why not"), rows, ()))


def candidate_lines(candidates: Iterable[Candidate]) -> list[str]:
    """Torrents that may have been meant, a line each."""
    return [f"{one.infohash[:10]}  {one.name}   {', '.join(one.places)}" for one in candidates]


def _instance(part: Whereabouts, owner: str) -> Iterator[Line]:
    yield line((part.instance, Style.STRONG), (f"   {part.status}" if part.status != "ok" else "", Style.ALARM))
    if part.error:
        yield _said("not read", (without_name(part.instance, part.error), Style.BAD))
    yield from _declaration(part)
    if part.error:
        return
    if not part.lives:
        yield _said("live", ("not here", Style.WAIT))
    for live in part.lives:
        yield _said("live", (_condition(live), Style.PLAIN))
    if part.lives:
        yield _said("owner", _ownership(part, owner))
    if part.health and not part.health.healthy:
        yield _said("health", (part.health.why, Style.BAD))
    if how := next((how for live in part.lives if (how := held(live.tags))), None):
        yield _said("held", (f"{_HELD[how]}; what the kill switch stopped, it starts once all is well", Style.WAIT))
    yield from _plan(part)
    yield from _guard(part)
    if part.lives and part.entry and not part.entry.absent:
        yield EMPTY
        rows = [_cells(view) for view in part.fields]
        yield from ((("  ", Style.PLAIN), *cells) for cells in table(("", "declared", "live", ""), rows, ()))


def _declaration(part: Whereabouts) -> Iterator[Line]:
    yield _said("declared", (str(part.entry.at), Style.PLAIN) if part.entry else ("nowhere", Style.WAIT))
    if part.group:
        absent = "nobody can say while it is not read" if part.error else "not to be on this member"
        here = (part.placement, Style.PLAIN) if part.placement else (absent, Style.DIM)
        yield _said("group", (f"{part.group}: ", Style.PLAIN), here)
    if part.entry and part.entry.absent:
        yield _said("", ("absent: it should not be here", Style.CHANGE))


def _plan(part: Whereabouts) -> Iterator[Line]:
    label = "plan"
    for action in part.actions:
        yield _said(label, *_action(action))
        for change in told(action):
            yield _said("", (change_text(change), Style.PLAIN))
        label = ""
    if part.spared:
        yield _said(label, ("left alone: ", Style.WAIT), (part.spared, Style.PLAIN))
    elif not part.actions:
        foreign = part.lives and not part.owned and not part.entry
        text = "nothing to do: what is neither declared nor ours is never touched" if foreign else "nothing to do"
        yield _said(label, (text, Style.GOOD))


def _action(action: Action) -> tuple[Span, ...]:
    symbol, word, style = sign(action, action.hold or Outcome.PLANNED)
    loud = shout(action, action.hold or Outcome.PLANNED)
    return (f"{symbol} {word}: ", style), (action.reason, Style.PLAIN), (f"   {loud}" if loud else "", Style.ALARM)


def _guard(part: Whereabouts) -> Iterator[Line]:
    reasons = part.verdict.reasons
    if not part.actions:
        return
    if part.verdict.refused:
        yield _said("guard", ("refuses the whole plan of this instance", Style.ALARM))
        yield from (_said("", (reason, Style.PLAIN)) for reason in reasons)
    else:
        yield _said("guard", ("; ".join(reasons) or "nothing against it", Style.PLAIN if reasons else Style.DIM))


def _past(run: PastRun, action: PastAction) -> Sequence[Span]:
    undone = "" if action.outcome is Outcome.APPLIED else f"{action.outcome}: {action.error or 'no reason known'}"
    return (
        (run.began.astimezone().strftime("%Y-%m-%d %H:%M:%S"), Style.DIM),
        (action.instance, Style.PLAIN),
        symbol_of(action.verb, action.outcome),
        (action.changes or str(action.verb), Style.PLAIN),
        (undone, Style.BAD),
    )


def _condition(live: LiveTorrent) -> str:
    size = naturalsize(live.size, binary=True) if live.size > 0 else "size not known yet"
    return f"{live.state} · {int(live.progress * 100)} % · {size} · id {live.id[:10]}"


def _ownership(part: Whereabouts, owner: str) -> Span:
    names = ", ".join(owner_tag(name) for name in part.owners)
    if part.owned:
        return f"ours ({owner_tag(owner)})" + (f", and {names}" if names else ""), Style.GOOD
    return (f"another's: {names}", Style.WAIT) if names else ("nobody's: it bears no owner's tag", Style.WAIT)


def _cells(view: FieldView) -> Sequence[Span]:
    style = Style.CHANGE if view.differs else Style.PLAIN
    declared = ("not managed", Style.DIM) if view.declared is None else (told_value(view.field, view.declared), style)
    return (
        (view.field, Style.DIM),
        declared,
        (told_value(view.field, view.live), style),
        ("differs" if view.differs else "", style),
    )


def _said(label: str, *spans: Span) -> Line:
    return (f"  {padded(label, max(_LABEL, columns(label)))}", Style.DIM), *spans
