"""Actions and spared torrents as entries of a list, and how a list is laid out: grouped and cut where it is long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Final

from reconciler.model.groups import Pending
from reconciler.model.plan import Action, Change, Outcome, Spared, Verb
from reconciler.model.position import Position
from reconciler.model.run import ActionResult, InstanceResult
from reconciler.report.blast import deletions, is_last, quarantines, radius_lines
from reconciler.report.phrases import background, change_text, shout, sign, subject, told, told_value
from reconciler.report.sanitize import clean, clipped
from reconciler.report.summary import ATTENTION
from reconciler.report.text.lines import Line, Style, columns, line, padded

SHOWN: Final = 20  # entries of one verb on one instance, or groups of equal ones
DELETIONS_SHOWN: Final = 100  # a person has to read these
SPARED_SHOWN: Final = 5
_FEWEST: Final = 3  # names that a group shows at least
_WIDEST: Final = 44  # columns up to which names are aligned
_LONGEST: Final = 255  # characters of a name that are shown: no file system has longer ones
_INDENT: Final = " " * 14
_WELL: Final = (Outcome.PLANNED, Outcome.APPLIED)


@dataclass(frozen=True, slots=True)
class Entry:
    """What the report says about one torrent or setting. All but `subject`, `name` and `source` can be shared."""

    rank: int  # what needs attention comes first
    sign: tuple[str, str, Style]
    noun: str
    subject: str
    name: str
    source: str = ""
    loud: str = ""
    note: str = ""
    details: tuple[Line, ...] = ()

    @property
    def kind(self) -> tuple[object, ...]:
        """What equal entries have in common."""
        return self.rank, self.sign, self.noun, self.loud, self.note, self.details


def body_lines(instance: InstanceResult) -> Iterator[Line]:
    """All actions of one instance, verb by verb in the order of the plan, then what was spared."""
    yield from radius_lines("quarantines", quarantines(instance.results))
    yield from radius_lines("deletions", deletions(instance.results))
    links: dict[Position | None, str] = {one.source: one.magnet for one in instance.content if one.magnet}
    for (_, verb), results in groupby(instance.results, key=lambda result: (result.action.kind, result.action.verb)):
        shown = DELETIONS_SHOWN if verb is Verb.DELETE else SHOWN
        yield from _laid_out([_action(result, links) for result in results], shown)
    yield from _laid_out([_spared(item) for item in instance.spared], SPARED_SHOWN)


def pending_lines(pending: Sequence[Pending]) -> Iterator[Line]:
    """What is wanted with nowhere healthy to be."""
    sign = ("?", "pending", Style.WAIT)
    entries = [
        Entry(
            0,
            sign,
            "torrent",
            one.infohash[:10],
            one.name,
            str(one.source),
            details=(line((f"{one.group}: {one.reason}", Style.WAIT)),),
        )
        for one in pending
    ]
    yield from _laid_out(entries, SHOWN)


def _action(result: ActionResult, links: Mapping[Position | None, str]) -> Entry:
    action, outcome = result.action, result.outcome
    well = outcome in _WELL
    loud = shout(action, outcome)
    details = list(_changes(action.verb, tuple(told(action))))
    if action.placed and not action.placed.keeper:
        details.append(line((f"{action.placed.group}: {action.placed.reason}", Style.DIM)))
    if not well:
        style = Style.WAIT if outcome is Outcome.DEFERRED else Style.BAD
        details.append(line((result.error or action.reason, style)))
    elif action.verb is Verb.ADD and action.source in links:
        details.append(line((links[action.source], Style.PLAIN)))
    return Entry(
        rank=2 * ATTENTION[outcome] + (not loud),
        sign=sign(action, outcome),
        noun=str(action.kind),
        subject=subject(action),
        name=action.name,
        source=str(action.source or ""),
        loud=loud,
        note=_note(action) if well else str(action.verb),
        details=tuple(details),
    )


def _note(action: Action) -> str:
    """Why; and of what is deleted or stopped, whether it may be the last of its kind."""
    return action.reason + ("; no other seed is known" if is_last(action.blast) else "")


@lru_cache(1024)  # many torrents change alike
def _changes(verb: Verb, changes: tuple[Change, ...]) -> Sequence[Line]:
    if verb is not Verb.ADD:
        return [line((change_text(change), Style.WAIT)) for change in changes]
    values = [
        f"{change.field}: {told_value(change.field, change.after)}" for change in changes if change.field != "name"
    ]
    return [line((" · ".join(values), Style.GOOD))] if values else []


def _spared(item: Spared) -> Entry:
    return Entry(0, ("=", "spared", Style.DIM), "torrent", item.infohash[:10], item.name, note=item.reason)


def _laid_out(entries: Sequence[Entry], shown: int) -> Iterator[Line]:
    """Up to `shown` one by one; more by groups of equal ones, the largest first, and not all of them."""
    if len(entries) <= shown:
        yield from _one_by_one(sorted(entries, key=lambda entry: entry.rank))
        return
    groups: dict[tuple[object, ...], list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.kind, []).append(entry)
    ordered = sorted(groups.values(), key=lambda group: (group[0].rank, -len(group)))
    names = max(_FEWEST, shown // len(ordered))
    for group in ordered[:shown]:
        yield from _one_by_one(group) if len(group) == 1 else _together(group, names)
    if rest := sum(len(group) for group in ordered[shown:]):
        symbol, _, style = entries[0].sign
        yield line((f"  {symbol} ", style), *_more(rest))


def _one_by_one(entries: Sequence[Entry]) -> Iterator[Line]:
    width = _width(entries)
    for entry in entries:
        yield line(
            *_head(entry),
            f"{entry.subject:<10}  ",
            padded(clipped(entry.name, _LONGEST), width),
            *_loud(entry),
            background(entry.note, entry.source),
        )
        for detail in entry.details:
            yield line(_INDENT + " " * 12, *detail)


def _together(group: Sequence[Entry], names: int) -> Iterator[Line]:
    first, noun = group[0], group[0].noun
    plural = noun.removesuffix("y") + "ies" if noun.endswith("y") else noun + "s"
    yield line(*_head(first), f"{len(group):,} {plural}", *_loud(first), background(first.note))
    for detail in first.details:
        yield line(_INDENT, *detail)
    width = _width(group[:names])
    for entry in group[:names]:
        name = padded(clipped(entry.name, _LONGEST), width)
        yield line(_INDENT, f"  {entry.subject:<10}  {name}", background(entry.source))
    if len(group) > names:
        yield line(_INDENT, "  ", *_more(len(group) - names))


def _head(entry: Entry) -> Line:
    symbol, word, style = entry.sign
    return line((f"  {symbol} {word:<10}", style))


def _loud(entry: Entry) -> Line:
    return line("  ", (entry.loud.upper(), Style.ALARM)) if entry.loud else ()


def _more(number: int) -> Line:
    return line((f"… and {number:,} more", Style.STRONG), background("--output json shows all"))


def _width(entries: Iterable[Entry]) -> int:
    return max((min(_WIDEST, columns(clean(entry.name))) for entry in entries), default=0)
