"""Stop intents that a check hides, as the journal shows them: a run has stopped the torrent, or started it, before.

See docs/decisions/0036-a-check-hides-the-stop-intent.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from reconciler.journal.journal import ItemKey, Journal, PastCorrection
from reconciler.journal.run_rows import value_text
from reconciler.model.fields.names import PAUSED
from reconciler.model.fields.registry import to_declared_value
from reconciler.model.plan import ObjectKind
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
    histories = journal.read_histories(plan_input.desired.owner, infohashes)
    if not histories:
        return plan_input
    snapshots = {name: _recall(name, snapshot, histories) for name, snapshot in plan_input.snapshots.items()}
    return replace(plan_input, snapshots=snapshots)


def _is_unknown(torrent: LiveTorrent) -> bool:
    return torrent.is_stop_intent_hidden and torrent.is_meant_stopped is None


def _recall(name: str, snapshot: Snapshot, histories: Mapping[ItemKey, Sequence[PastCorrection]]) -> Snapshot:
    torrents = tuple(
        replace(torrent, stopped_before_check=_find_last_intent(histories.get(_key(name, torrent), ())))
        if _is_unknown(torrent)
        else torrent
        for torrent in snapshot.torrents
    )
    return replace(snapshot, torrents=torrents)


def _key(name: str, torrent: LiveTorrent) -> ItemKey:
    return name, str(ObjectKind.TORRENT), str(torrent.infohashes)


def _find_last_intent(history: Sequence[PastCorrection]) -> bool | None:
    """Return the last value that recorded changes have set `paused` to; None if there is none."""
    values = {f" -> {value_text(to_declared_value(PAUSED, stopped))}": stopped for stopped in (True, False)}
    for past in reversed(history):
        for change in past.changes.split("; "):
            if change.startswith(f"{PAUSED}: "):
                return next((stopped for end, stopped in values.items() if change.endswith(end)), None)
    return None
