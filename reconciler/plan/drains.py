"""The progress of members that are drained: `drain: true`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from reconciler.model.desired import DesiredTorrent
from reconciler.model.groups import DrainProgress, Group
from reconciler.model.plan import InstancePlan, TorrentAction
from reconciler.model.run import InstanceResult
from reconciler.plan.assignment import Disposition
from reconciler.plan.match import Match
from reconciler.plan.placement import Placement

_EXTENT: Final = re.compile(r" \([0-9]+ %\)\Z")  # of one copy, which says nothing about the others


def list_drains(
    groups: Iterable[Group], entries: Sequence[DesiredTorrent], placement: Placement, plans: Sequence[InstancePlan]
) -> tuple[DrainProgress, ...]:
    """Return what the plans find on the drained members, in the order of the groups and their members."""
    drained = [(group, name) for group in groups for name in group.drained_members]
    if not drained:
        return ()
    unknown = Counter(entry.instance for entry in entries if not (entry.infohashes or entry.absent))
    spared = {plan.name: {torrent.infohash: torrent.reason for torrent in plan.spared} for plan in plans}
    return tuple(
        replace(_measure_drain(group.name, name, placement, spared.get(name, {})), unknown=unknown[group.name])
        for group, name in drained
    )


def subtract_deleted(drain: DrainProgress, result: InstanceResult | None) -> DrainProgress:
    """Return the progress after a run has deleted copies from the member."""
    if not (result and drain.left):
        return drain
    deleted = sum(_is_deleted_from(drain.group, entry.action) and entry.has_effect for entry in result.results)
    return replace(drain, left=drain.left - deleted, moving=drain.moving - deleted)


def _is_deleted_from(group: str, action: object) -> bool:
    """True for the deletion of a copy that another member of the group keeps."""
    placement = action.placement if isinstance(action, TorrentAction) else None
    return placement is not None and placement.kept_copy is not None and placement.group == group


def _measure_drain(group: str, name: str, placement: Placement, spared: Mapping[str, str]) -> DrainProgress:
    matches = placement.entries_by_instance.get(name)
    if matches is None:
        return DrainProgress(name, group, None)
    copies = [match for match in matches if match.entry.instance == group and match.live]
    waiting = Counter(_iter_waiting_reasons(copies, spared, f"{group}: "))
    in_order = sorted(waiting.items(), key=lambda item: (-item[1], item[0]))
    return DrainProgress(name, group, len(copies), len(copies) - waiting.total(), tuple(in_order))


def _iter_waiting_reasons(copies: Collection[Match], spared: Mapping[str, str], prefix: str) -> Iterator[str]:
    """Yield the reason of each copy that stays for another reason than that its successor is not complete yet."""
    for match in copies:
        assignment, live = match.assignment, match.live
        if assignment is None or live is None:
            continue
        reason = spared.get(str(live.infohashes))
        is_kept = assignment.disposition is Disposition.SURPLUS and reason is not None
        if not assignment.moves_to or is_kept:
            text = reason or assignment.stays_reason or assignment.reason
            yield _EXTENT.sub("", text.removeprefix(prefix))
