"""The list of actions and spared torrents: one entry each, or grouped and cut if there are many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Final, NamedTuple

from reconciler.model.groups import PendingTorrent
from reconciler.model.plan import Change, Outcome, SparedTorrent, TorrentAction, TorrentFault, Verb
from reconciler.model.position import Position
from reconciler.model.run import ActionResult, InstanceResult
from reconciler.report.blast import BlastTotals, sum_deletions, sum_quarantines
from reconciler.report.phrases import (
    change_text,
    dim_suffix,
    fault_symbol,
    format_value,
    note_text,
    subject_text,
    verb_symbol,
    visible_changes,
    warning_label,
)
from reconciler.report.sanitize import sanitize_text, truncate_text
from reconciler.report.shared_values import list_shared_values
from reconciler.report.summary import ATTENTION_RANKS
from reconciler.report.text.lines import BREAK, HANG, Line, Style, make_line, measure_width

MAX_ENTRIES: Final = 20  # of one verb on one instance; or groups of equal entries
MAX_DELETIONS: Final = 100  # more, because a person has to read these
MAX_SPARED: Final = 5
_MIN_GROUP_NAMES: Final = 3  # of a group
_MAX_NAME_WIDTH: Final = 44  # columns; longer names are not aligned
_MAX_NAME_LENGTH: Final = 255  # characters: no file system allows more
_INDENT: Final = " " * 14
_SUCCESS_OUTCOMES: Final = (Outcome.PLANNED, Outcome.APPLIED)


class EntryKind(NamedTuple):
    """The part of entries that they can have in common, and that can then be shown once for a group of them."""

    rank: int  # the lowest needs attention first
    label: tuple[str, str, Style]
    noun: str
    warning: str = ""
    note: str = ""
    details: tuple[Line, ...] = ()


class ReportEntry(NamedTuple):
    """The report on one torrent or setting."""

    kind: EntryKind
    subject: str
    name: str
    position: Position | None = None

    @property
    def source(self) -> str:
        """The position as text."""
        return str(self.position or "")


def render_instance_actions(instance: InstanceResult, *, has_sizes: bool = True) -> Iterator[Line]:
    """Return all actions of one instance, verb by verb in the order of the plan, then the faults and the spared.

    `has_sizes`: the sizes of their data are known.
    """
    if has_sizes:
        yield from _render_blast_totals("quarantines", sum_quarantines(instance.results))
        yield from _render_blast_totals("deletions", sum_deletions(instance.results))
    links: dict[Position | None, str] = {
        content.position: content.magnet for content in instance.content if content.magnet
    }
    for (_, verb), results in groupby(instance.results, key=lambda result: (result.action.kind, result.action.verb)):
        limit = MAX_DELETIONS if verb is Verb.DELETE else MAX_ENTRIES
        yield from _render_entries(list(_make_action_entries(results, links)), limit)
    yield from _render_entries(list(map(_entry_from_fault, instance.faults)), MAX_ENTRIES)
    yield from _render_entries([_entry_from_spared(item) for item in instance.spared], MAX_SPARED)


def _render_blast_totals(label: str, totals: BlastTotals) -> Iterator[Line]:
    """Return `  deletions: 3 torrents, 12.4 GiB on disk, …`, or nothing if there are none."""
    if totals.torrents:
        yield make_line((f"  {label}: ", Style.DELETE), (blast_text(totals), Style.WAIT))


def blast_text(totals: BlastTotals) -> str:
    """Return `3 torrents, 12.4 GiB on disk, …`."""
    last_copies = totals.without_other_seed
    parts = [
        f"{totals.torrents:,} torrent{'' if totals.torrents == 1 else 's'}",
        f"{_format_size(totals.bytes)} on disk",
        *([f"{totals.with_data:,} deleted with data"] if totals.with_data else []),
        f"{totals.seeding:,} seeding",
        "other seeds unknown" if last_copies is None else f"{last_copies:,} with no other seed known",
    ]
    if totals.sharing_files:
        parts.append(f"{totals.sharing_files:,} may share files with a torrent that stays")
    return ", ".join(parts)


def _format_size(number: int) -> str:
    from humanize import naturalsize  # a slow import, needed only for deletions

    return str(naturalsize(number, binary=True))


def render_pending(pending: Sequence[PendingTorrent]) -> Iterator[Line]:
    """Return the torrents that wait for a healthy instance."""
    label = ("?", "pending", Style.WAIT)
    entries = []
    for torrent in pending:
        details = (make_line((f"{torrent.group}: {torrent.reason}", Style.WAIT)),)
        kind = EntryKind(0, label, "torrent", details=details)
        entries.append(ReportEntry(kind, torrent.infohash[:10], torrent.name, torrent.position))
    yield from _render_entries(entries, MAX_ENTRIES)


def _make_action_entries(
    results: Iterable[ActionResult], links: Mapping[Position | None, str]
) -> Iterator[ReportEntry]:
    """Yield an entry for each action. Thousands of them are of a kind, which is made once."""
    kinds: dict[tuple[object, ...], EntryKind] = {}
    for result in results:
        action = result.action
        link = links.get(action.position) if links and action.verb is Verb.ADD else None
        if action.blast:
            kind = _make_action_kind(result, link)
        else:
            key = type(action), id(action.changes), link, *list_shared_values(result)
            kind = kinds.get(key) or kinds.setdefault(key, _make_action_kind(result, link))
        yield ReportEntry(kind, subject_text(action), action.name, action.position)


def _make_action_kind(result: ActionResult, link: str | None) -> EntryKind:
    action, outcome = result.action, result.outcome
    is_success = outcome in _SUCCESS_OUTCOMES
    warning = warning_label(action, outcome)
    details = list(_render_changes(action.verb, tuple(visible_changes(action))))
    placement = action.placement if isinstance(action, TorrentAction) else None
    if placement and not placement.kept_copy:
        details.append(make_line((f"{placement.group}: {placement.reason}", Style.DIM)))
    if not is_success:
        style = Style.WAIT if outcome is Outcome.DEFERRED else Style.BAD
        details.append(make_line((result.error or action.reason, style)))
    elif link:
        details.append(make_line((link, Style.PLAIN)))
    return EntryKind(
        rank=2 * ATTENTION_RANKS[outcome] + (not warning),
        label=verb_symbol(action, outcome),
        noun=str(action.kind),
        warning=warning,
        note=note_text(action) if is_success else str(action.verb),
        details=tuple(details),
    )


@lru_cache(1024)  # many torrents have the same changes
def _render_changes(verb: Verb, changes: tuple[Change, ...]) -> Sequence[Line]:
    if verb is not Verb.ADD:
        return [make_line(change_text(change)) for change in changes]
    values = [
        f"{change.field}: {format_value(change.field, change.after)}" for change in changes if change.field != "name"
    ]
    fields = [(" · " if index else "") + value for index, value in enumerate(values)]
    return [make_line(*(part for text in fields for part in (BREAK, text)))] if fields else []


def _entry_from_fault(fault: TorrentFault) -> ReportEntry:
    symbol, style = fault_symbol(fault)
    details = (make_line((fault.reason, Style.BAD if fault.is_serious else Style.WAIT)),)
    kind = EntryKind(int(not fault.is_serious), (symbol, fault.label, style), "torrent", details=details)
    return ReportEntry(kind, fault.infohash[:10], fault.name, fault.position)


def _entry_from_spared(item: SparedTorrent) -> ReportEntry:
    kind = EntryKind(0, ("=", "spared", Style.DIM), "torrent", note=item.reason)
    return ReportEntry(kind, item.infohash[:10], item.name)


def _render_entries(entries: Sequence[ReportEntry], limit: int) -> Iterator[Line]:
    """Return up to `limit` entries one by one; more as groups of equal entries, the largest first, cut at `limit`."""
    if len(entries) <= limit:
        yield from _render_single_entries(sorted(entries, key=lambda entry: entry.kind.rank))
        return
    groups: dict[EntryKind, list[ReportEntry]] = {}
    for entry in entries:
        groups.setdefault(entry.kind, []).append(entry)
    ordered = sorted(groups.values(), key=lambda group: (group[0].kind.rank, -len(group)))
    names = max(_MIN_GROUP_NAMES, limit // len(ordered))
    for group in ordered[:limit]:
        yield from _render_single_entries(group) if len(group) == 1 else _render_group(group, names)
    if missing := sum(len(group) for group in ordered[limit:]):
        symbol, _, style = entries[0].kind.label
        yield make_line((f"  {symbol} ", style), *_render_more(missing))


def _render_single_entries(entries: Sequence[ReportEntry]) -> Iterator[Line]:
    width = _measure_names(entries)
    for entry in entries:
        yield make_line(
            *_render_head(entry.kind),
            f"{entry.subject:<10}  ",
            HANG,
            *_render_name(entry, width),
            *_render_warning(entry.kind),
            dim_suffix(entry.kind.note, entry.source),
        )
        for detail in entry.kind.details:
            yield make_line(_INDENT + " " * 12, *detail)


def _render_group(group: Sequence[ReportEntry], max_names: int) -> Iterator[Line]:
    kind = group[0].kind
    plural = kind.noun.removesuffix("y") + "ies" if kind.noun.endswith("y") else kind.noun + "s"
    yield make_line(*_render_head(kind), f"{len(group):,} {plural}", *_render_warning(kind), dim_suffix(kind.note))
    for detail in kind.details:
        yield make_line(_INDENT, *detail)
    width = _measure_names(group[:max_names])
    for entry in group[:max_names]:
        yield make_line(
            _INDENT,
            f"  {entry.subject:<10}  ",
            HANG,
            *_render_name(entry, width),
            dim_suffix(entry.source),
        )
    if len(group) > max_names:
        yield make_line(_INDENT, "  ", *_render_more(len(group) - max_names))


def _render_head(kind: EntryKind) -> Line:
    symbol, word, style = kind.label
    return make_line((f"  {symbol} {word:<10}", style))


def _render_name(entry: ReportEntry, width: int) -> Line:
    name = sanitize_text(truncate_text(entry.name, _MAX_NAME_LENGTH))
    return make_line((name, Style.NAME), " " * (width - measure_width(name)))


def _render_warning(kind: EntryKind) -> Line:
    return make_line("  ", (kind.warning.upper(), Style.ALARM)) if kind.warning else ()


def _render_more(count: int) -> Line:
    return make_line((f"… and {count:,} more", Style.STRONG), dim_suffix("--output json shows all"))


def _measure_names(entries: Iterable[ReportEntry]) -> int:
    return max((min(_MAX_NAME_WIDTH, measure_width(sanitize_text(entry.name))) for entry in entries), default=0)
