"""Which changes can be made now, which must wait for the instance, and which need a person."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from reconciler.model.desired import DesiredTorrent
from reconciler.model.options import CREATE_ONLY, METADATA_RECEIVED, STOP_CONDITION, unsupported
from reconciler.model.plan import Change, Outcome
from reconciler.model.snapshot import LiveTorrent, Snapshot

Held = tuple[tuple[Change, ...], Outcome, str]

_PLACES = ("save_path", "download_path", "auto_tmm")


def sort_out(
    found: Sequence[Change], live: LiveTorrent, snapshot: Snapshot, *, metadata_first: bool
) -> tuple[tuple[Change, ...], list[Held]]:
    """Part the changes of a live torrent that can be made now from those that cannot, each with the reason.

    `metadata_first`: does it run until its metadata is there, though it is declared paused?
    """
    able, held = _part_lacking(found, snapshot)
    free: list[Change] = []
    for change in able:
        if metadata_first and change.field == "paused" and not live.has_metadata:
            held.append(((change,), Outcome.DEFERRED, "its metadata is awaited; it is stopped once that is there"))
        elif why := why_not(change, live):
            held.append(((change,), *why))
        else:
            free.append(change)
    return tuple(free), held


def sort_out_add(
    declared: Sequence[Change], snapshot: Snapshot, *, carried: Collection[str]
) -> tuple[tuple[Change, ...], list[Held]]:
    """The same for what an add declares. What could not be made up for later is not parted from it: see `impossible`.

    `carried` are fields that go with what is added, such as web seeds with a magnet link, on every version.
    """
    able, held = _part_lacking(declared, snapshot, carried)
    return tuple(able), held


def metadata_first(entry: DesiredTorrent, snapshot: Snapshot) -> bool:
    """Does a torrent that is declared paused run until its metadata is there (docs/decisions/0020)?

    It does where something that is declared needs the metadata, and the server can stop it at that very point.
    """
    condition = entry.create_only.get("stop_condition")
    needed = condition == METADATA_RECEIVED or (bool(entry.files) and condition is None)
    if not (entry.paused and needed) or entry.has_metadata:
        return False
    return unsupported(STOP_CONDITION, METADATA_RECEIVED, snapshot.api) is None


def impossible(declared: Iterable[Change], snapshot: Snapshot) -> str | None:
    """Why a torrent cannot be added as declared: fields that only an add heeds, and not on this server."""
    _, held = _part_lacking([change for change in declared if change.field in CREATE_ONLY], snapshot)
    return held[0][2] if held else None


def _part_lacking(
    found: Iterable[Change], snapshot: Snapshot, carried: Collection[str] = ()
) -> tuple[list[Change], list[Held]]:
    """Part what the version of the server has, or is `carried` anyway, from what it lacks, which is told together."""
    able, lacking, told = [], [], []
    for change in found:
        release = None if change.field in carried else unsupported(change.field, change.after, snapshot.api)
        if release:
            lacking.append(change)
            what = f"{change.field} {change.after}" if change.field in CREATE_ONLY else change.field
            told.append(f"{what} ({release} and later can)")
        else:
            able.append(change)
    if not lacking:
        return able, []
    reason = f"unsupported: qBittorrent {snapshot.version} cannot set {' and '.join(told)}"
    return able, [(tuple(lacking), Outcome.BLOCKED, reason)]


def follows_category(changes: Iterable[Change], live: LiveTorrent) -> bool:
    """Does the data follow a new category, because management is automatic, and stays so?"""
    fields = {change.field for change in changes}
    return "category" in fields and live.auto_tmm and "auto_tmm" not in fields


def moves_data(changes: Sequence[Change], live: LiveTorrent) -> bool:
    """Will the instance move files for these changes? An incomplete torrent is where its download path says."""
    if live.size == 0:
        return False
    fields = {change.field for change in changes}
    automatic = any(change.field == "auto_tmm" and change.after for change in changes)
    elsewhere = "download_path" in fields and live.progress < 1
    return "save_path" in fields or automatic or elsewhere or follows_category(changes, live)


def why_not(change: Change, live: LiveTorrent) -> tuple[Outcome, str] | None:
    """Why a change of a live torrent cannot be made now, if so: deferred, or blocked until a person has acted."""
    if live.moving and (change.field in _PLACES or (change.field == "category" and live.auto_tmm)):
        what = "path" if change.field == "save_path" else change.field
        return Outcome.DEFERRED, f"its data is being moved; the {what} is set when that has ended"
    starts = (change.field == "paused" and not change.after) or (change.field == "force_start" and change.after)
    if starts and live.missing_files:
        # qBittorrent #17626: starting a torrent whose files are missing may download everything again.
        risk = "its files are missing and starting could download them again"
        return Outcome.BLOCKED, f"{risk}; bring them back and recheck, or start it in qBittorrent"
    if change.field == "files" and change.before is None:
        never = ", which does not come while it is stopped" if live.stopped else ""
        return Outcome.DEFERRED, f"its files are not known before its metadata is there{never}"
    return None
