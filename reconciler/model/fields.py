"""The fields of a torrent that can be managed: how each is read from a live torrent and when a change has arrived.

The planner finds drift with these and apply checks its read-back with them, so the two can never disagree.
"""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.model.data_overlap import place_of
from reconciler.model.files import FileRule, LiveFile, Priority, unsettled
from reconciler.model.links import missing_urls
from reconciler.model.options import OPTIONS, STOP_CONDITION
from reconciler.model.paths import normal_path
from reconciler.model.plan import Action, Change, Value, Verb
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.tags import CONTENT, CONTENT_OF, PROTECT, QUARANTINE, free_tags, held, owner_tag, quarantines


def live_value(torrent: LiveTorrent, field: str) -> Value:
    """The present value of a field that has one value, as plans and reports show it. None: the server does not tell."""
    if option := OPTIONS.get(field):
        return option.read(torrent)
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
        case "quarantine":
            return quarantines(torrent.tags)
        case "held":
            return held(torrent.tags)
    raise ValueError(f"{field} is not a field of a live torrent")


def agrees(field: str, live: LiveTorrent, wanted: Value) -> bool:
    """Is a field of the live torrent, to qBittorrent, as it is wanted?"""
    value, option = live_value(live, field), OPTIONS.get(field)
    if option is None:
        return value == wanted
    if field == "download_path" and wanted == live.save_path:
        wanted = ""  # a path of its own that is the save path is none
    return option.same(value, wanted)


def arrived(change: Change, torrent: LiveTorrent, action: Action) -> bool:
    """Does the live torrent show what the change asked for? This is what counts as success, not a server's reply."""
    before, after = change.before, change.after
    match change.field:
        case "tags" | "quarantine":
            prefix = QUARANTINE if change.field == "quarantine" else ""
            was = {prefix + tag for tag in before} if isinstance(before, tuple) else set()
            want = {prefix + tag for tag in after} if isinstance(after, tuple) else set()
            return want <= torrent.tags and not (was - want) & torrent.tags
        case "owner":
            lost = before is None or owner_tag(str(before)) not in torrent.tags
            return lost and owner_tag(str(after)) in torrent.tags
        case "save_path":
            return live_value(torrent, "save_path") == normal_path(str(after)) and not torrent.moving
        case "magnet" | "content_layout" | "skip_checking" | "stop_condition" | "export" | "creator_task" | "peer":
            return True  # the torrent is there: that is all that can be seen of it
        case "paused" if action.verb is Verb.ADD and action.wanted(STOP_CONDITION) not in (None, "none"):
            return True  # it stops by itself, in its own time
        case "content" | "content_of":
            return _comes_from(change, torrent)
        case "trackers" | "web_seeds":
            return not missing_urls(action.urls.get(change.field, ()), torrent.links, change.field)
        case "files":
            return _files_arrived(change, torrent.files, action.files)
    return agrees(change.field, torrent, after)


def _comes_from(change: Change, torrent: LiveTorrent) -> bool:
    """Does it bear the mark of where it comes from, with its data at the content that it was made from?"""
    if change.field == "content_of":
        return CONTENT_OF in torrent.tags
    return CONTENT in torrent.tags and place_of(torrent.content_path) == place_of(str(change.after))


def file_text(file: LiveFile, priority: Priority) -> str:
    """A file with a priority, as a change shows it."""
    return f"{priority} {file.path}"


def _files_arrived(change: Change, files: Sequence[LiveFile] | None, rules: Sequence[FileRule]) -> bool:
    if files is None:
        return False
    if rules:
        return not unsettled(files, rules)
    return isinstance(change.after, tuple) and {file_text(file, file.priority) for file in files} >= {*change.after}
