"""The actions of one instance as lines: by verb, what needs attention first, and cut where they are many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from reconciler.model.plan import Action, Outcome, Spared, Verb
from reconciler.model.run import ActionResult
from reconciler.report.lines import Line, Style, columns, line, padded
from reconciler.report.safe import clean
from reconciler.report.summary import ATTENTION
from reconciler.report.wording import background, change_text, shout, sign, subject, told, value

SHOWN: Final = 20  # of each verb on each instance
SPARED_SHOWN: Final = 5  # of each reason
_NAME_COLUMNS: Final = 44
_WELL: Final = (Outcome.PLANNED, Outcome.APPLIED)
_INDENT: Final = " " * 24


def action_lines(results: Sequence[ActionResult], shown: int = SHOWN) -> Iterator[Line]:
    """Every kind of action on one instance; `results` come in the order of the plan, so equal verbs are together."""
    for _, group in groupby(results, key=lambda result: (result.action.kind, result.action.verb)):
        members = sorted(group, key=_attention)
        first = members[:shown]
        width = min(_NAME_COLUMNS, max(columns(clean(result.action.name)) for result in first))
        for result in first:
            yield from _action(result, width)
        if rest := members[shown:]:
            yield _more(rest)


def spared_lines(spared: Sequence[Spared], shown: int = SPARED_SHOWN) -> Iterator[Line]:
    """What was left alone and why: each reason once, with the first names."""
    by_reason: dict[str, list[Spared]] = {}
    for item in spared:
        by_reason.setdefault(item.reason, []).append(item)
    for reason, items in by_reason.items():
        yield line("  ", (f"= spared  {len(items):,}: {reason}", Style.DIM))
        for item in items[:shown]:
            yield line((f"            {item.infohash[:10]:<10}  {item.name}", Style.DIM))
        if len(items) > shown:
            yield line((f"            … and {len(items) - shown:,} more", Style.DIM))


def _attention(result: ActionResult) -> tuple[int, bool]:
    return ATTENTION[result.outcome], not shout(result.action, result.outcome)


def _action(result: ActionResult, width: int) -> Iterator[Line]:
    action, outcome = result.action, result.outcome
    symbol, word, style = sign(action, outcome)
    loud = shout(action, outcome)
    yield line(
        (f"  {symbol} {word:<8}", style),
        f"{subject(action):<10}  ",
        padded(action.name, width),
        *((("  ", Style.PLAIN), (loud.upper(), Style.ALARM)) if loud else ()),
        background("" if outcome in _WELL else action.verb, action.reason, str(action.source or "")),
    )
    yield from _changes(action)
    if result.error:
        yield line(_INDENT, (f"{outcome}: {result.error}", Style.WAIT if outcome is Outcome.DEFERRED else Style.BAD))


def _changes(action: Action) -> Iterator[Line]:
    changes = told(action)
    if action.verb is Verb.ADD and changes:
        values = " · ".join(f"{change.field}: {value(change.after)}" for change in changes)
        yield line(_INDENT, (values, Style.GOOD))
        return
    for change in changes:
        yield line(_INDENT, (change_text(change), Style.WAIT))


def _more(rest: Sequence[ActionResult]) -> Line:
    """The line for what is not shown, with enough in it to know whether to look."""
    counts: Counter[str] = Counter()
    for result in rest:
        counts.update([str(result.outcome)] if result.outcome not in _WELL else [])
        counts.update([loud] if (loud := shout(result.action, result.outcome)) else [])
        if result.action.verb in (Verb.UPDATE, Verb.ADOPT):
            counts.update(change.field for change in told(result.action))
    symbol, _, style = sign(rest[0].action, Outcome.PLANNED)
    what = ", ".join(f"{number:,} {name}" for name, number in counts.most_common())
    return line(
        (f"  {symbol} ", style),
        (f"… and {len(rest):,} more to {rest[0].action.verb}", Style.STRONG),
        background(what, "--output json shows all"),
    )
