"""Which changes can be made now, which must wait for the instance, and which need a person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reconciler.model.options import CREATE_ONLY, unsupported
from reconciler.model.plan import Change, Outcome
from reconciler.model.snapshot import LiveTorrent, Snapshot

Held = tuple[Change, Outcome, str]

_PLACES = ("save_path", "download_path", "auto_tmm")


def sort_out(found: Sequence[Change], live: LiveTorrent, snapshot: Snapshot) -> tuple[tuple[Change, ...], list[Held]]:
    """Part the changes of a live torrent that can be made now from those that cannot, each with the reason."""
    free: list[Change] = []
    held: list[Held] = []
    for change in found:
        if why := _why_not(change, live, snapshot):
            held.append((change, *why))
        else:
            free.append(change)
    return tuple(free), held


def sort_out_add(declared: Sequence[Change], snapshot: Snapshot) -> tuple[tuple[Change, ...], list[Held]]:
    """The same for what an add declares. What could not be made up for later is not parted from it: see `impossible`.

    Web seeds go with the magnet link, which every version understands.
    """
    lacking = {change.field: lacks(change, snapshot) for change in declared if change.field != "web_seeds"}
    held = [(change, Outcome.BLOCKED, why) for change in declared if (why := lacking.get(change.field))]
    return tuple(change for change in declared if not lacking.get(change.field)), held


def impossible(declared: Iterable[Change], snapshot: Snapshot) -> str | None:
    """Why a torrent cannot be added as declared: a field that is only heeded then, and not on this server."""
    return next((why for change in declared if change.field in CREATE_ONLY and (why := lacks(change, snapshot))), None)


def lacks(change: Change, snapshot: Snapshot) -> str | None:
    """What the server lacks for a change, and which qBittorrent has it."""
    release = unsupported(change.field, change.after, snapshot.api)
    if release is None:
        return None
    what = f"{change.field} {change.after}" if change.field in CREATE_ONLY else change.field
    return f"unsupported: qBittorrent {snapshot.version} cannot set {what}; {release} and later can"


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


def _why_not(change: Change, live: LiveTorrent, snapshot: Snapshot) -> tuple[Outcome, str] | None:
    if why := lacks(change, snapshot):
        return Outcome.BLOCKED, why
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
