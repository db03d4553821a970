"""The reasons of placement: why a group has a torrent where it is, by the plan of the last run. Pure."""

from __future__ import annotations

from collections.abc import Collection

from reconciler.engine.events import FinishedRun


def find_placements(finished_run: FinishedRun | None, ids: Collection[str]) -> dict[str, str]:
    """Return the reason for each instance that a group has placed a torrent on; none for an entry of one instance.

    `ids`: the torrent's, any of them.
    """
    if finished_run is None or finished_run.plan is None:
        return {}
    wanted = frozenset(ids)
    return {
        instance: match.assignment.reason
        for instance, matches in finished_run.plan.placement.entries_by_instance.items()
        for match in matches
        if match.assignment and not wanted.isdisjoint(match.entry.ids)
    }
