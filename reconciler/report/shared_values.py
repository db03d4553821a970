"""The values that thousands of actions have in common: reports render them once."""

from __future__ import annotations

from reconciler.model.plan import DeleteTorrent, TorrentAction
from reconciler.model.run import ActionResult


def list_shared_values(result: ActionResult) -> tuple[object, ...]:
    """Return what reports show of an action without a blast, other than its type, its changes and its torrent."""
    action = result.action
    placement = action.placement if isinstance(action, TorrentAction) else None
    risks = action.disruptive, isinstance(action, DeleteTorrent) and action.delete_files
    return risks, result.is_removed, action.reason, placement, result.outcome, result.error
