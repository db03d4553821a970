"""The calls that change torrents: each is a change of the keys of their entries.

See docs/decisions/0146-a-request-to-the-gateway-is-a-change-of-an-entry.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from starlette.exceptions import HTTPException

from reconciler.model.desired import DesiredTorrent
from reconciler.model.fields.names import (
    AUTO_TMM,
    DOWNLOAD_PATH,
    FIRST_LAST_PIECE_FIRST,
    FORCE_START,
    SAVE_PATH,
    SHARE_LIMITS,
)
from reconciler.model.intake import EntryChanges
from reconciler.web.catalogue import KnownTorrent
from reconciler.web.gateway.change_call import ChangeCall, ChangeContext, ChangeOne
from reconciler.web.gateway.parameters import (
    minutes_value,
    parse_bool,
    parse_float,
    parse_int,
    rate_value,
    ratio_value,
    split_tags,
    tags_value,
)
from reconciler.web.gateway.trackers import add_trackers, edit_tracker, remove_trackers

SEQUENTIAL: Final = "sequential"


def _always(changes: EntryChanges) -> ChangeOne:
    return lambda _known, _entry: changes


# --- running


def _stop(_fields: Mapping[str, str], _context: ChangeContext) -> ChangeOne:
    return _always({"paused": True, "force_start": None})


def _start(_fields: Mapping[str, str], _context: ChangeContext) -> ChangeOne:
    def change(known: KnownTorrent, entry: DesiredTorrent) -> EntryChanges:
        is_forced = entry.options.get(FORCE_START) is not None or bool(known.row["force_start"])
        return {"paused": False, "force_start": False if is_forced else None, "stop_condition": None}

    return change


def _set_force_start(fields: Mapping[str, str], _context: ChangeContext) -> ChangeOne:
    is_forced = parse_bool(fields["value"]) or False
    return _always({"paused": False, "force_start": is_forced, "stop_condition": None})


# --- category, tags, name


def _set_category(fields: Mapping[str, str], context: ChangeContext) -> ChangeOne:
    category = fields["category"]

    def change(_known: KnownTorrent, _entry: DesiredTorrent) -> EntryChanges:
        if category and category not in context.categories:
            raise HTTPException(409, "Incorrect category name")
        return {"category": category}

    return change


def _add_tags(fields: Mapping[str, str], _context: ChangeContext) -> ChangeOne:
    added = split_tags(fields["tags"])

    def change(_known: KnownTorrent, entry: DesiredTorrent) -> EntryChanges:
        names = entry.tags.names if entry.tags else frozenset()
        if not added or names.issuperset(added):
            return {}
        return {"tags": tags_value(names.union(added), only=entry.tags is not None and entry.tags.only)}

    return change


def _remove_tags(fields: Mapping[str, str], _context: ChangeContext) -> ChangeOne:
    removed = split_tags(fields.get("tags", ""))

    def change(known: KnownTorrent, entry: DesiredTorrent) -> EntryChanges:
        return remove_tags(known, entry, removed or None)

    return change


def remove_tags(known: KnownTorrent, entry: DesiredTorrent, removed: Sequence[str] | None) -> EntryChanges:
    """Return the change that takes tags, or all, off a torrent: its tags are then declared in full."""
    names = find_tags(known, entry)
    rest = names.difference(removed) if removed is not None else frozenset()
    return {} if rest == names else {"tags": tags_value(rest, only=True)}


def find_tags(known: KnownTorrent, entry: DesiredTorrent) -> frozenset[str]:
    """Return the tags that a client sees on a torrent: its entry's, and what others have set."""
    names = entry.tags.names if entry.tags else frozenset()
    if entry.tags and entry.tags.only:
        return names
    return names.union(split_tags(str(known.row["tags"])))


def _set_tags(fields: Mapping[str, str], _context: ChangeContext) -> ChangeOne:
    return _always({"tags": tags_value(split_tags(fields["tags"]), only=True)})


def _rename(fields: Mapping[str, str], _context: ChangeContext) -> ChangeOne:
    name = " ".join(fields["name"].strip().splitlines())
    if not name:
        raise HTTPException(409, "Incorrect torrent name")
    return _always({"name": name})


# --- limits


def _set_download_limit(fields: Mapping[str, str], _context: ChangeContext) -> ChangeOne:
    return _always({"download_limit": rate_value(parse_int(fields["limit"]) or 0)})


def _set_upload_limit(fields: Mapping[str, str], _context: ChangeContext) -> ChangeOne:
    return _always({"upload_limit": rate_value(parse_int(fields["limit"]) or 0)})


def _set_share_limits(fields: Mapping[str, str], _context: ChangeContext) -> ChangeOne:
    ratio = parse_float(fields["ratioLimit"])
    seeding_time, inactive_time = parse_int(fields["seedingTimeLimit"]), parse_int(fields["inactiveSeedingTimeLimit"])
    if ratio is None or seeding_time is None or inactive_time is None:
        raise HTTPException(400, "A share limit is not a number")  # 5.1 takes it for 0, and stops the torrent
    limits = {
        "ratio": ratio_value(ratio),
        "seeding_time": minutes_value(seeding_time),
        "inactive_seeding_time": minutes_value(inactive_time),
    }

    def change(_known: KnownTorrent, entry: DesiredTorrent) -> EntryChanges:
        action = entry.options.get(f"{SHARE_LIMITS}.action")
        return {"share_limits": {**limits, "action": action} if action else limits}

    return change


# --- how it downloads


def _toggle(key: str, row_key: str) -> Callable[[Mapping[str, str], ChangeContext], ChangeOne]:
    def change(known: KnownTorrent, entry: DesiredTorrent) -> EntryChanges:
        declared = entry.options.get(key)
        return {key: not (known.row[row_key] if declared is None else declared)}

    return lambda _fields, _context: change


def _set_super_seeding(fields: Mapping[str, str], _context: ChangeContext) -> ChangeOne:
    return _always({"super_seeding": parse_bool(fields["value"]) or False})


# --- paths


def _set_auto_management(fields: Mapping[str, str], context: ChangeContext) -> ChangeOne:
    is_automatic = parse_bool(fields["enable"]) or False

    def change(known: KnownTorrent, entry: DesiredTorrent) -> EntryChanges:
        if is_automatic:
            return {"auto_tmm": True, SAVE_PATH: None, "download_path": None}
        path = known.row[SAVE_PATH] if known.instance and is_managed_automatically(known, entry) else None
        return {"auto_tmm": False, **({SAVE_PATH: context.to_instance_path(known, str(path))} if path else {})}

    return change


def _set_location(fields: Mapping[str, str], context: ChangeContext) -> ChangeOne:
    path = fields["location"].strip()
    if not path:
        raise HTTPException(400, "Save path cannot be empty")
    return lambda known, _entry: {SAVE_PATH: context.to_instance_path(known, path), "auto_tmm": False}


def _set_save_path(fields: Mapping[str, str], context: ChangeContext) -> ChangeOne:
    path = fields["path"]
    if not path:
        raise HTTPException(400, "Save path cannot be empty")

    def change(known: KnownTorrent, entry: DesiredTorrent) -> EntryChanges:
        if is_managed_automatically(known, entry):
            return {}
        return {SAVE_PATH: context.to_instance_path(known, path)}

    return change


def _set_download_path(fields: Mapping[str, str], context: ChangeContext) -> ChangeOne:
    path = fields["path"]

    def change(known: KnownTorrent, entry: DesiredTorrent) -> EntryChanges:
        if is_managed_automatically(known, entry):
            return {}
        changes: dict[str, str | bool] = {"download_path": context.to_instance_path(known, path) if path else ""}
        return changes if entry.save_path else {**changes, "auto_tmm": False}

    return change


def is_managed_automatically(known: KnownTorrent, entry: DesiredTorrent) -> bool:
    """Return True if the category determines the paths of a torrent, which are then not changed by themselves."""
    declared = entry.options.get(AUTO_TMM)
    if declared is not None:
        return bool(declared)
    if entry.save_path is not None or entry.options.get(DOWNLOAD_PATH) is not None:
        return False
    return bool(known.row["auto_tmm"]) if known.instance else bool(entry.category)


CHANGE_CALLS: Final[Mapping[str, ChangeCall]] = MappingProxyType(
    {
        "stop": ChangeCall(("hashes",), _stop),
        "pause": ChangeCall(("hashes",), _stop),
        "start": ChangeCall(("hashes",), _start, reads_row=True),
        "resume": ChangeCall(("hashes",), _start, reads_row=True),
        "setForceStart": ChangeCall(("hashes", "value"), _set_force_start),
        "setCategory": ChangeCall(("hashes", "category"), _set_category),
        "addTags": ChangeCall(("hashes", "tags"), _add_tags),
        "removeTags": ChangeCall(("hashes",), _remove_tags, reads_row=True),
        "setTags": ChangeCall(("hashes", "tags"), _set_tags),
        "rename": ChangeCall(("hash", "name"), _rename),
        "setDownloadLimit": ChangeCall(("hashes", "limit"), _set_download_limit),
        "setUploadLimit": ChangeCall(("hashes", "limit"), _set_upload_limit),
        "setShareLimits": ChangeCall(
            ("hashes", "ratioLimit", "seedingTimeLimit", "inactiveSeedingTimeLimit"), _set_share_limits
        ),
        "toggleSequentialDownload": ChangeCall(("hashes",), _toggle(SEQUENTIAL, "seq_dl"), reads_row=True),
        "toggleFirstLastPiecePrio": ChangeCall(
            ("hashes",), _toggle(FIRST_LAST_PIECE_FIRST, "f_l_piece_prio"), reads_row=True
        ),
        "setSuperSeeding": ChangeCall(("hashes", "value"), _set_super_seeding),
        "setAutoManagement": ChangeCall(("hashes", "enable"), _set_auto_management, reads_row=True),
        "setLocation": ChangeCall(("hashes", "location"), _set_location),
        "setSavePath": ChangeCall(("id", "path"), _set_save_path, reads_row=True),
        "setDownloadPath": ChangeCall(("id", "path"), _set_download_path, reads_row=True),
        "addTrackers": ChangeCall(("hash", "urls"), add_trackers),
        "editTracker": ChangeCall(("hash", "origUrl", "newUrl"), edit_tracker, reads_row=True),
        "removeTrackers": ChangeCall(("hash", "urls"), remove_trackers, reads_row=True),
    }
)
