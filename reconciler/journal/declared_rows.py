"""The rows of declarations: the file that declared each torrent in the last run that was applied.

See docs/decisions/0048-refuse-deletions-of-files-that-were-not-read.md.
"""

from __future__ import annotations

import os
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from reconciler.journal.database import compress_ids, decompress_ids, read_rows
from reconciler.model.desired import DesiredState
from reconciler.model.history import UnreadFile
from reconciler.model.run import ActionResult, InstanceResult

IdsByFile = Mapping[str, frozenset[str]]
"""The ids of the torrents that each file declared, by its absolute path."""
IdsByInstance = dict[str, IdsByFile]


def read_declared_ids(connection: sqlite3.Connection, desired: DesiredState) -> IdsByInstance:
    """Return what was declared for each declared instance that still has the same URL."""
    query = "SELECT instance, url, file, ids FROM declared WHERE owner = ?"
    ids: defaultdict[str, dict[str, frozenset[str]]] = defaultdict(dict)
    for name, url, file, compressed in read_rows(connection, query, (desired.owner,), str, str, str, bytes):
        if name in desired.instances and desired.instances[name].url == url:
            ids[name][file] = decompress_ids(compressed)
    return dict(ids)


def write_declared_ids(connection: sqlite3.Connection, desired: DesiredState, name: str, ids: IdsByFile) -> None:
    """Replace what was declared for one instance."""
    connection.execute("DELETE FROM declared WHERE owner = ? AND instance = ?", (desired.owner, name))
    url = desired.instances[name].url
    rows = ((desired.owner, name, url, file, compress_ids(file_ids)) for file, file_ids in ids.items())
    connection.executemany("INSERT INTO declared VALUES (?, ?, ?, ?, ?)", rows)


def collect_declared_ids(desired: DesiredState) -> IdsByInstance:
    """Return what is declared now, for each instance. Entries whose infohash is not known count for nothing."""
    ids_by_place: defaultdict[tuple[str, str], list[str]] = defaultdict(list)  # by file and by instance or group
    for entry in desired.torrents:
        if not entry.absent:
            ids_by_place[entry.position.file, entry.instance].extend(entry.ids)
    declared: defaultdict[str, dict[str, frozenset[str]]] = defaultdict(dict)
    for (file, place), ids in ids_by_place.items():
        for name in desired.members_of(place) if ids else ():
            path = _make_absolute(file)
            declared[name][path] = declared[name].get(path, frozenset()).union(ids)
    return dict(declared)


def find_new_declarations(
    connection: sqlite3.Connection | None,
    desired: DesiredState,
    declared: IdsByInstance,
    results: Sequence[InstanceResult],
) -> IdsByInstance:
    """Return what to remember after a run of each instance of which something else is remembered.

    `declared`: what is declared now. No `connection`: nothing is remembered.
    """
    before = read_declared_ids(connection, desired) if connection else {}
    after = {
        result.name: next_declared_ids(before.get(result.name, {}), declared.get(result.name, {}), result)
        for result in results
    }
    return {name: ids for name, ids in after.items() if ids != before.get(name, {})}


def next_declared_ids(before: IdsByFile, declared: IdsByFile, result: InstanceResult) -> IdsByFile:
    """Return what to remember of one instance after a run.

    A torrent belongs to the file that declares it. One that no file declares any more keeps its file for as long as it
    is there and ours, so that a deletion that was refused, or that the policy spares, is judged in the same way again.
    """
    from reconciler.plan.guard import is_removal  # the journal is opened before a run plans

    if not before:
        return declared
    current = frozenset[str]().union(*declared.values())
    removals = [item for item in result.results if is_removal(item.action)]
    gone = frozenset(key for item in removals if item.has_effect for key in _list_ids(item))
    waiting = frozenset(key for item in removals if not item.has_effect for key in _list_ids(item))
    waiting |= {spared.infohash for spared in result.spared}
    merged: dict[str, frozenset[str]] = dict(declared)
    for file, ids in before.items():
        kept = ids - current - gone
        if result.status.is_ok:  # else the plan may not name all of them
            kept &= waiting
        if kept:
            merged[file] = merged.get(file, frozenset()) | kept
    return merged


def has_removed(result: InstanceResult) -> bool:
    """Return True if a run has deleted something, or put it into quarantine."""
    if not result.results:
        return False
    from reconciler.plan.guard import is_removal

    return any(item.has_effect and is_removal(item.action) for item in result.results)


def find_unread_files(remembered: IdsByInstance, desired: DesiredState) -> dict[str, tuple[UnreadFile, ...]]:
    """Return the files that declared torrents and that this load has not read, for each instance.

    A file that was removed on purpose is none of them.
    """
    names = {*desired.yaml_files, *(entry.position.file for entry in desired.torrents)}
    read_files = frozenset(map(_make_absolute, names))
    real_paths = frozenset(map(os.path.realpath, read_files))

    @cache
    def is_unread(file: str) -> bool:
        return os.path.realpath(file) not in real_paths and not is_gone_on_purpose(file, read_files)

    unread = {
        name: tuple(UnreadFile(_shorten(file), ids) for file, ids in sorted(ids_by_file.items()) if is_unread(file))
        for name, ids_by_file in remembered.items()
    }
    return {name: files for name, files in unread.items() if files}


def is_gone_on_purpose(file: str, read_files: Collection[str]) -> bool:
    """Return True if a file is gone from a folder that files were read from.

    If its folder is gone, too, the next one above counts: git keeps no empty folders. An empty or missing mount point
    has no files that were read.
    """
    if os.path.lexists(file):
        return False
    folders = (str(folder) for folder in Path(file).parents if folder.is_dir())
    folder = next(folders, "/")
    return folder != "/" and any(read_file.startswith(f"{folder}/") for read_file in read_files)


def _list_ids(result: ActionResult) -> Iterator[str]:
    return (key for key in (result.action.infohash, result.action.torrent_id) if key)


def _make_absolute(name: str) -> str:
    return os.path.abspath(name)  # noqa: PTH100 - keeps the links, which a checkout may replace


def _shorten(file: str) -> str:
    """Return a path as a person in the current folder writes it."""
    folder = f"{Path.cwd()}/"
    return file.removeprefix(folder)
