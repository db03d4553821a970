"""Feasibility of changes: now, after the instance has finished something, or after a person has acted.

See docs/decisions/0020-fetch-metadata-of-paused-magnets-only-when-needed.md.
See docs/decisions/0036-a-check-hides-the-stop-intent.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from reconciler.model.desired import DesiredTorrent
from reconciler.model.fields.names import (
    AUTO_TMM,
    CATEGORY,
    DOWNLOAD_PATH,
    FILES,
    FORCE_START,
    PAUSED,
    QUARANTINE,
    SAVE_PATH,
    SHARE_LIMITS,
    STOP_CONDITION,
)
from reconciler.model.fields.options import CREATE_ONLY_OPTIONS, METADATA_RECEIVED
from reconciler.model.fields.registry import FIELDS, entry_key_of, find_required_release
from reconciler.model.plan import Change, Outcome
from reconciler.model.snapshot import LiveTorrent, Snapshot
from reconciler.model.versions import ApiVersion
from reconciler.plan.platform import foreign_path_reason

CHECKED_REASON: Final = "it is being checked, which hides whether it is stopped; to stop it now would end the check"

AT_LIMIT_REASON: Final = (
    "contested: it has reached a share limit of the server, which would stop it again; "
    "declare share_limits, or do not declare that it runs"
)

HeldChanges = tuple[tuple[Change, ...], Outcome, str]


def split_feasible(
    changes: Sequence[Change], live: LiveTorrent, snapshot: Snapshot, *, metadata_first: bool
) -> tuple[tuple[Change, ...], list[HeldChanges]]:
    """Split the changes of a live torrent into feasible changes and blocked ones, each of these with the reason.

    `metadata_first`: the torrent runs until its metadata has arrived, though it is declared paused.
    """
    able, held = _split_unsupported(changes, snapshot.version, snapshot.api_version)
    is_at_limit = _is_stopped_by_limit(live) and not any(entry_key_of(change.field) == SHARE_LIMITS for change in able)
    free: list[Change] = []
    for change in able:
        is_path = change.field in (SAVE_PATH, DOWNLOAD_PATH)
        if is_path and (reason := foreign_path_reason((change.after,), snapshot)):
            held.append(((change,), Outcome.BLOCKED, reason))
        elif metadata_first and change.field == PAUSED and not live.has_metadata:
            held.append(((change,), Outcome.DEFERRED, "it waits for its metadata; it is stopped once that has arrived"))
        elif blocker := blocker_of(change, live):
            held.append(((change,), *blocker))
        elif is_at_limit and _is_start(change):
            held.append(((change,), Outcome.DEFERRED, AT_LIMIT_REASON))
        else:
            free.append(change)
    return tuple(free), held


def _is_start(change: Change) -> bool:
    return (change.field == PAUSED and not change.after) or (change.field == FORCE_START and bool(change.after))


def _is_stopped_by_limit(live: LiveTorrent) -> bool:
    return live.stopped and live.shared is not None and live.shared.is_at_limit


def split_feasible_add(
    declared: Sequence[Change], version: str, api_version: ApiVersion, *, carried_fields: Collection[str]
) -> tuple[tuple[Change, ...], list[HeldChanges]]:
    """Split the changes of an add to a server of these versions in the same way.

    Fields that only an add can set stay with it: see `unsupported_at_add`.

    `carried_fields` go with the source, such as web seeds with a magnet link, on every version.
    """
    able, held = _split_unsupported(declared, version, api_version, carried_fields)
    return tuple(able), held


def needs_metadata_first(entry: DesiredTorrent, snapshot: Snapshot) -> bool:
    """True if a torrent that is declared paused runs until its metadata has arrived (decision 20).

    That is so if something that is declared needs the metadata, and the server can stop the torrent at that point.
    """
    condition = entry.create_only.get(STOP_CONDITION)
    needed = condition == METADATA_RECEIVED or (bool(entry.files) and condition is None)
    if not (entry.paused and needed) or entry.has_metadata:
        return False
    return find_required_release(STOP_CONDITION, METADATA_RECEIVED, snapshot.api_version) is None


def unsupported_at_add(declared: Iterable[Change], snapshot: Snapshot) -> str | None:
    """Return the reason why a torrent cannot be added as declared.

    The server lacks a field that only an add can set.
    """
    changes = [change for change in declared if change.field in CREATE_ONLY_OPTIONS]
    _, held = _split_unsupported(changes, snapshot.version, snapshot.api_version)
    return held[0][2] if held else None


def _split_unsupported(
    changes: Iterable[Change], version: str, api_version: ApiVersion, carried_fields: Collection[str] = ()
) -> tuple[list[Change], list[HeldChanges]]:
    """Split the changes into supported or carried ones, and all others with one reason."""
    supported, lacking, descriptions = [], [], []
    for change in changes:
        is_carried = change.field in carried_fields
        release = None if is_carried else find_required_release(change.field, change.after, api_version)
        if release:
            lacking.append(change)
            description = f"{change.field} {change.after}" if change.field in CREATE_ONLY_OPTIONS else change.field
            descriptions.append(f"{description} ({release} and later can)")
        else:
            supported.append(change)
    if not lacking:
        return supported, []
    reason = f"unsupported: qBittorrent {version} cannot set {' and '.join(descriptions)}"
    return supported, [(tuple(lacking), Outcome.BLOCKED, reason)]


def is_moved_by_category(changes: Iterable[Change], live: LiveTorrent) -> bool:
    """True if the data follows a new category, because management is automatic and stays so."""
    fields = {change.field for change in changes}
    return CATEGORY in fields and live.auto_tmm and AUTO_TMM not in fields


def needs_data_move(changes: Sequence[Change], live: LiveTorrent) -> bool:
    """True if the instance moves files for these changes. Incomplete data is at the download path.

    A torrent whose files are all skipped has no size, and may have data.
    """
    if live.size == 0 and not live.content_path:
        return False
    is_moved = any(FIELDS[c.field].moves_data(c, live) for c in changes if c.field != CATEGORY)
    return is_moved or is_moved_by_category(changes, live)


def blocker_of(change: Change, live: LiveTorrent) -> tuple[Outcome, str] | None:
    """Return why a change of a live torrent cannot be made now: DEFERRED, or BLOCKED until a person has acted."""
    if live.is_moving and (FIELDS[change.field].sets_location or (change.field == CATEGORY and live.auto_tmm)):
        what = "path" if change.field == SAVE_PATH else change.field
        return Outcome.DEFERRED, f"its data is being moved; the {what} is set when that has ended"
    if live.is_stop_intent_hidden and change.field in (PAUSED, QUARANTINE):
        return Outcome.DEFERRED, CHECKED_REASON
    if _is_start(change) and live.has_missing_files:
        # qBittorrent #17626: starting a torrent whose files are missing may download everything again.
        risk = "its files are missing and starting could download them again"
        return Outcome.BLOCKED, f"{risk}; bring them back and recheck, or start it in qBittorrent"
    if change.field == FILES and change.before is None and live.has_metadata:
        return Outcome.DEFERRED, "its files were not read, or are not in the snapshot, so this may be no change"
    if change.field == FILES and change.before is None:
        never = ", which does not arrive while it is stopped" if live.stopped else ""
        return Outcome.DEFERRED, f"its files are not known before its metadata has arrived{never}"
    return None
