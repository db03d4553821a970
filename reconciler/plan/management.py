"""Automatic management that is declared and must outlast a change of the path that a torrent follows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from reconciler.model.plan import SetPreference, UpdateCategory
from reconciler.model.preferences import DEFAULT_SAVE_PATH
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.tags import IGNORE_TAG
from reconciler.plan.actions import is_kept_automatic
from reconciler.plan.context import Decision, PlanContext
from reconciler.plan.match import Match


def keep_management(
    decisions: Sequence[Decision], matches: Iterable[Match], context: PlanContext
) -> Sequence[Decision]:
    """Return the decisions, each change of a path with the torrents whose automatic management it must not end.

    The server may be set to end it; the next run would have to begin it again.
    """
    if not any(map(_changes_path, decisions)):
        return decisions
    torrents = [match.live for match in matches if match.live and _is_kept(match, match.live, context)]
    return [_attach_torrents(decision, torrents) for decision in decisions]


def _is_kept(match: Match, live: LiveTorrent, context: PlanContext) -> bool:
    is_ours = context.is_owned(live) or context.take_over or not context.list_other_owners(live)
    return is_ours and not match.entry.absent and IGNORE_TAG not in live.tags and is_kept_automatic(match.entry, live)


def _changes_path(decision: Decision) -> bool:
    return isinstance(decision, UpdateCategory) or (
        isinstance(decision, SetPreference) and decision.name == DEFAULT_SAVE_PATH
    )


def _attach_torrents(decision: Decision, torrents: Sequence[LiveTorrent]) -> Decision:
    if isinstance(decision, SetPreference) and decision.name == DEFAULT_SAVE_PATH:
        return replace(decision, automatic_ids=tuple(torrent.id for torrent in torrents))
    if isinstance(decision, UpdateCategory):
        within = f"{decision.name}/"
        inside = (torrent for torrent in torrents if f"{torrent.category}/".startswith(within))
        return replace(decision, automatic_ids=tuple(torrent.id for torrent in inside))
    return decision
