"""Refuses paths of another platform: qBittorrent takes them as relative, to folders below its default path.

Measured on Linux with 4.2.5, 4.5.2, 5.1.0 and 5.3.0: `C:\\data` becomes a folder of that name. All but 4.2.5 report the
path where it is, so each run would move the data again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from reconciler.model.desired import DesiredCategory
from reconciler.model.fields.names import CATEGORY, SAVE_PATH
from reconciler.model.paths import is_windows_path
from reconciler.model.plan import AddTorrent, AdoptTorrent, Outcome, SparedTorrent, UpdateTorrent
from reconciler.model.snapshot import Snapshot
from reconciler.plan.context import Decision


def foreign_path_reason(paths: Iterable[object], snapshot: Snapshot) -> str | None:
    """Return the reason why one of these values cannot be a path on the instance; None if all can, as far as known."""
    for path in paths:
        if not isinstance(path, str) or (is_windows := is_windows_path(path)) is None:
            continue
        if is_windows == (on_windows := snapshot.is_on_windows) or on_windows is None:
            continue
        if on_windows:
            return f"this qBittorrent runs on Windows, where {path} is not a full path; write it like C:\\data"
        return f"{path} is a path for Windows, and this qBittorrent does not run on Windows; write it like /data"
    return None


def block_undeclarable_categories(
    decisions: Iterable[Decision], declared: Mapping[str, DesiredCategory], snapshot: Snapshot
) -> list[Decision]:
    """Block what needs a declared category whose path is for another platform: its data would go elsewhere."""
    reasons = {
        category.name: reason
        for category in declared.values()
        if (reason := foreign_path_reason((category.save_path, category.download_path), snapshot))
    }
    return [_block_category(decision, reasons, snapshot) for decision in decisions] if reasons else list(decisions)


def _block_category(decision: Decision, reasons: Mapping[str, str], snapshot: Snapshot) -> Decision:
    if isinstance(decision, SparedTorrent) or decision.hold:
        return decision
    category = str(decision.get_new_value(CATEGORY, ""))
    if category not in reasons:
        return decision
    needs_path = isinstance(decision, AddTorrent) and decision.get_new_value(SAVE_PATH) is None
    is_missing = isinstance(decision, (AddTorrent, AdoptTorrent, UpdateTorrent)) and category not in snapshot.categories
    if not (needs_path or is_missing):
        return decision
    return replace(decision, reason=f"its category {category}: {reasons[category]}", hold=Outcome.BLOCKED)
