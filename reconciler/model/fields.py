"""The fields of a torrent that can be managed: how each is read from a live torrent and when a change has arrived.

The planner finds drift with these and apply checks its read-back with them, so the two can never disagree.
"""

from __future__ import annotations

from reconciler.model.plan import Change, Value
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.tags import PROTECT, free_tags, held, owner_tag


def normal_path(path: str) -> str:
    """A path as it is compared: no trailing separator (qBittorrent 4.2 and 4.3 add one); on Windows `/` for `\\`."""
    if len(path) > 1 and (path[1] == ":" or path.startswith("\\\\")):
        path = path.replace("\\", "/")
    return path.rstrip("/") or path[:1]


def live_value(torrent: LiveTorrent, field: str) -> Value:
    """The present value of one of the simple fields, as plans and reports show it."""
    match field:
        case "name":
            return torrent.name
        case "category":
            return torrent.category
        case "save_path":
            return normal_path(torrent.save_path)
        case "paused":
            return torrent.stopped
        case "tags":
            return tuple(sorted(free_tags(torrent.tags)))
        case "protect":
            return PROTECT in torrent.tags
        case "force_start":
            return torrent.force_start
        case "held":
            return held(torrent.tags)
    raise ValueError(f"{field} is not a field of a live torrent")


def arrived(change: Change, torrent: LiveTorrent) -> bool:
    """Does the live torrent show what the change asked for? This is what counts as success, not a server's reply."""
    before, after = change.before, change.after
    match change.field:
        case "tags":
            was = set(before) if isinstance(before, tuple) else set()
            want = set(after) if isinstance(after, tuple) else set()
            return want <= torrent.tags and not (was - want) & torrent.tags
        case "owner":
            lost = before is None or owner_tag(str(before)) not in torrent.tags
            return lost and owner_tag(str(after)) in torrent.tags
        case "save_path":
            return live_value(torrent, "save_path") == normal_path(str(after))
        case "magnet":
            return True  # the torrent is there: that is all an add by magnet asks for
    return live_value(torrent, change.field) == after
