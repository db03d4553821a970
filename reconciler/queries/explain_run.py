"""The explanation of one torrent by the last run of a loop, with its live torrents as they are now. Sends nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import cast

from reconciler.engine.events import FinishedRun
from reconciler.model.explanation import Explanation, InstanceExplanation
from reconciler.model.fields.names import PAUSED
from reconciler.model.live_state import LiveInstance
from reconciler.model.rows import InstanceRows
from reconciler.model.run import InstanceResult
from reconciler.model.snapshot import LiveTorrent
from reconciler.qbittorrent.convert import convert_torrents, find_hidden_stop_intents, is_stop_intent_hidden
from reconciler.qbittorrent.schemas import TorrentRow
from reconciler.queries.explain import InstanceExplainer


def explain_run(
    finished_run: FinishedRun, name: str, ids: Collection[str], rows: Mapping[str, InstanceRows]
) -> Explanation | None:
    """Explain the torrent with these ids as the last run planned it, and compare its entry with its rows.

    `rows`: the instances as they are now. None if the run made no plan.
    """
    plan, live_state = finished_run.plan, finished_run.live_state
    if plan is None or live_state is None:
        return None
    explainer = InstanceExplainer(plan, frozenset(ids))
    results = {result.name: result for result in finished_run.run.instances}
    instances = []
    for live in live_state.instances:
        result = results.get(live.name)
        if result is None and live.error is None:
            continue  # read only because other instances depend on it
        result = result or InstanceResult(live.name, live.status, live.error, health=live.health)
        torrents = _list_torrents(live, explainer.ids, rows.get(live.name)) if result.is_read else None
        explanation = explainer.explain(result, torrents)
        instances.append(_leave_out_unknown_intent(explanation, live))
    infohash = next(iter(ids), "")
    return Explanation(
        name,
        infohash,
        plan.resolved.desired.owner,
        tuple(instances),
        pending_reason=explainer.pending_reason(),
    )


def _list_torrents(live: LiveInstance, ids: frozenset[str], rows: InstanceRows | None) -> list[LiveTorrent]:
    """Return the torrents of an instance with these ids as they are now, with what only the run has read."""
    torrents = live.snapshot.torrents if live.snapshot else ()
    known = {
        torrent.id: torrent for torrent in torrents if torrent.id in ids or not ids.isdisjoint(torrent.infohashes.ids)
    }
    if rows is None or not rows.is_read:
        return list(known.values())
    present = [cast("TorrentRow", rows.rows[torrent_id]) for torrent_id in sorted(ids) if torrent_id in rows.rows]
    stopped = [key for key in find_hidden_stop_intents(present) if key in known and known[key].stopped]
    return [_complete(torrent, known.get(torrent.id)) for torrent in convert_torrents(present, stopped)]


def _leave_out_unknown_intent(explanation: InstanceExplanation, live: LiveInstance) -> InstanceExplanation:
    """Return the explanation without `paused` if the state hides that and the run has not read the torrent.

    A torrent that was added a moment ago is checked first.
    """
    known = {torrent.id for torrent in live.snapshot.torrents} if live.snapshot else set()
    torrents = explanation.live_torrents[:1]
    if not any(is_stop_intent_hidden(torrent.state) and torrent.id not in known for torrent in torrents):
        return explanation
    return replace(explanation, fields=tuple(field for field in explanation.fields if field.field != PAUSED))


def _complete(torrent: LiveTorrent, known: LiveTorrent | None) -> LiveTorrent:
    """Return a torrent with what its row does not show."""
    if known is None:
        return torrent
    comment = known.comment if torrent.comment is None else torrent.comment
    return replace(torrent, files=known.files, stopped_before_check=known.stopped_before_check, comment=comment)
