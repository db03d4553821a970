"""Stop intents that a check hides, as the journal shows them: a run has stopped the torrent, or started it, before.

See docs/decisions/0036-a-check-hides-the-stop-intent.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from reconciler.journal.journal import Journal
from reconciler.journal.run_rows import value_text
from reconciler.model.fields import PAUSED, to_declared_value
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.plan import PlanInput


def recall_stop_intents(plan_input: PlanInput, journal: Journal) -> PlanInput:
    """Return the input with the stop intent from before the check, for each torrent where a run has set it."""
    infohashes = [
        str(torrent.infohashes)
        for snapshot in plan_input.snapshots.values()
        for torrent in snapshot.torrents
        if _is_unknown(torrent)
    ]
    changes = journal.read_changes(plan_input.desired.owner, infohashes) if infohashes else {}
    if not changes:
        return plan_input
    snapshots = {name: _recall(name, snapshot, changes) for name, snapshot in plan_input.snapshots.items()}
    return replace(plan_input, snapshots=snapshots)


def _is_unknown(torrent: LiveTorrent) -> bool:
    return torrent.is_stop_intent_hidden and torrent.is_meant_stopped is None


def _recall(name: str, snapshot: Snapshot, changes: Mapping[tuple[str, str], Sequence[str]]) -> Snapshot:
    torrents = tuple(
        replace(torrent, stopped_before_check=_find_last_intent(changes.get((name, str(torrent.infohashes)), ())))
        if _is_unknown(torrent)
        else torrent
        for torrent in snapshot.torrents
    )
    return replace(snapshot, torrents=torrents)


def _find_last_intent(texts: Sequence[str]) -> bool | None:
    """Return the last value that recorded changes have set `paused` to; None if there is none."""
    values = {f" -> {value_text(to_declared_value(PAUSED, stopped))}": stopped for stopped in (True, False)}
    for text in reversed(texts):
        for change in text.split("; "):
            if change.startswith(f"{PAUSED}: "):
                return next((stopped for end, stopped in values.items() if change.endswith(end)), None)
    return None
