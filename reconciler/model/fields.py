"""The fields of a torrent that can be managed: how each is read from a live torrent and when a change has arrived.

The planner finds drift with these and apply checks its read-back with them, so the two can never disagree.
"""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.model.data_overlap import normalize_data_path
from reconciler.model.files import FileRule, LiveFile, Priority, find_wrong_priorities
from reconciler.model.links import find_missing_urls
from reconciler.model.options import OPTIONS, STOP_CONDITION
from reconciler.model.paths import normalize_path
from reconciler.model.plan import Action, Change, FieldValue, Verb
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.tags import (
    CONTENT_OF_TAG,
    CONTENT_TAG,
    PROTECT_TAG,
    QUARANTINE_PREFIX,
    build_owner_tag,
    extract_quarantines,
    read_held_state,
    select_user_tags,
)


def read_live_value(torrent: LiveTorrent, field: str) -> FieldValue:
    """The present value of a field that has one value, as plans and reports show it. None: the server does not tell."""
    if option := OPTIONS.get(field):
        return option.read(torrent)
    match field:
        case "name":
            return torrent.name
        case "category":
            return torrent.category
        case "save_path":
            return normalize_path(torrent.save_path)
        case "paused":
            return torrent.stopped
        case "tags":
            return tuple(sorted(select_user_tags(torrent.tags)))
        case "protect":
            return PROTECT_TAG in torrent.tags
        case "quarantine":
            return extract_quarantines(torrent.tags)
        case "held":
            return read_held_state(torrent.tags)
    raise ValueError(f"{field} is not a field of a live torrent")


def matches(field: str, torrent: LiveTorrent, wanted: FieldValue) -> bool:
    """Is a field of the live torrent, to qBittorrent, as it is wanted?"""
    value, option = read_live_value(torrent, field), OPTIONS.get(field)
    if option is None:
        return value == wanted
    if field == "download_path" and wanted == torrent.save_path:
        wanted = ""  # a path of its own that is the save path is none
    return option.is_same(value, wanted)


def is_applied(change: Change, torrent: LiveTorrent, action: Action) -> bool:
    """Does the live torrent show what the change asked for? This is what counts as success, not a server's reply."""
    before, after = change.before, change.after
    match change.field:
        case "tags" | "quarantine":
            prefix = QUARANTINE_PREFIX if change.field == "quarantine" else ""
            was = {prefix + tag for tag in before} if isinstance(before, tuple) else set()
            want = {prefix + tag for tag in after} if isinstance(after, tuple) else set()
            return want <= torrent.tags and not (was - want) & torrent.tags
        case "owner":
            lost = before is None or build_owner_tag(str(before)) not in torrent.tags
            return lost and build_owner_tag(str(after)) in torrent.tags
        case "save_path":
            return read_live_value(torrent, "save_path") == normalize_path(str(after)) and not torrent.is_moving
        case "magnet" | "content_layout" | "skip_checking" | "stop_condition" | "export" | "creator_task" | "peer":
            return True  # the torrent is there: that is all that can be seen of it
        case "paused" if action.verb is Verb.ADD and action.get_new_value(STOP_CONDITION) not in (None, "none"):
            return True  # it stops by itself, in its own time
        case "content" | "content_of":
            return _is_from_content(change, torrent)
        case "trackers" | "web_seeds":
            return not find_missing_urls(action.added_urls.get(change.field, ()), torrent.links, change.field)
        case "files":
            return _is_file_change_applied(change, torrent.files, action.file_rules)
    return matches(change.field, torrent, after)


def _is_from_content(change: Change, torrent: LiveTorrent) -> bool:
    """Does it bear the mark of where it comes from, with its data at the content that it was made from?"""
    if change.field == "content_of":
        return CONTENT_OF_TAG in torrent.tags
    return CONTENT_TAG in torrent.tags and normalize_data_path(torrent.content_path) == normalize_data_path(
        str(change.after)
    )


def file_text(file: LiveFile, priority: Priority) -> str:
    """A file with a priority, as a change shows it."""
    return f"{priority} {file.path}"


def _is_file_change_applied(change: Change, files: Sequence[LiveFile] | None, rules: Sequence[FileRule]) -> bool:
    if files is None:
        return False
    if rules:
        return not find_wrong_priorities(files, rules)
    return isinstance(change.after, tuple) and {file_text(file, file.priority) for file in files} >= {*change.after}
