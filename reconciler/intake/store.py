"""The intake of a sidecar: changes from any thread, each on disk before it is answered, many of them in one write."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Generic, TypeVar

from reconciler.intake.checking import EntryChecker, KnownSources, build_categories
from reconciler.intake.draft import Draft, IntakeState, StoredEntry, locate_entries, make_state
from reconciler.intake.folder import MAX_INTAKE_BYTES, IntakeFolder, UnsuitableFolder
from reconciler.intake.text import NEW_TEXT, UnusableText, parse_intake
from reconciler.model.codes import Code
from reconciler.model.desired import DesiredCategory, DesiredState, DesiredTorrent
from reconciler.model.fields.names import SAVE_PATH
from reconciler.model.gateway import IntakeSettings
from reconciler.model.intake import (
    EntryChanges,
    HandedIn,
    HandInResult,
    IntakeError,
    IntakeFull,
    IntakeUnavailable,
    make_url_id,
)
from reconciler.model.position import Position, Problem

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
Result = TypeVar("Result")


class IntakeStore:
    """Implements `model.intake.Intake` for the file that the desired state in force declares.

    Calls that wait for each other are written together. `get_desired` returns the desired state in force;
    `list_fetched` the torrents of URLs that were fetched; `on_change` is called after each write, and returns at once.
    """

    def __init__(
        self,
        get_desired: Callable[[], DesiredState],
        list_fetched: Callable[[], KnownSources] = lambda: _NOTHING,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._get_desired = get_desired
        self._list_fetched = list_fetched
        self._on_change = on_change
        self._write_lock = threading.Lock()
        self._queue_lock = threading.Lock()
        self._queue: list[_Job[Any]] = []
        self._path: Path | None = None
        self._state: IntakeState | None = None
        self._own: tuple[DesiredState | None, Mapping[str, DesiredTorrent]] = (None, _NOTHING)

    def open(self) -> None:
        """Read the file, or create it. Raises `IntakeUnavailable` where that cannot be done."""
        self._commit(lambda _draft: None)

    @property
    def entries(self) -> Mapping[str, DesiredTorrent]:
        """The entries of the file as last written, by every id of their torrents, and also what is to be deleted."""
        state = self._refresh()
        if state is None:
            return _NOTHING
        if state.unknown_urls and not state.unknown_urls.isdisjoint(self._list_fetched()):
            self._commit(Draft.identify_fetched)
        return MappingProxyType(self._state.torrents if self._state else {})

    @property
    def unfetched(self) -> Mapping[str, DesiredTorrent]:
        """The entries of URLs whose torrents are not known yet, by `make_url_id`."""
        state = self._refresh()
        if state is None or not state.unknown_urls:
            return _NOTHING
        return {make_url_id(entry.url): entry.torrent for entry in state.entries if entry.is_unknown and entry.torrent}

    def list_stored(self) -> tuple[StoredEntry, ...]:
        """Return the entries with their texts, in the order of the file."""
        return self._state.entries if self._state else ()

    @property
    def categories(self) -> Mapping[str, DesiredCategory]:
        """The categories of the file as last written, by name."""
        state = self._refresh()
        return MappingProxyType(state.categories) if state else _NOTHING

    def _refresh(self) -> IntakeState | None:
        """Return the state, read again if another process has written the file and it can be read."""
        state, path = self._state, self._path
        with suppress(OSError, IntakeError):
            if state and path and IntakeFolder(path).find_fingerprint() not in (None, state.fingerprint):
                self._commit(lambda _draft: None)
        return self._state

    def hand_in(self, torrents: Sequence[HandedIn]) -> list[HandInResult]:
        """Add entries, in one write. A torrent that cannot be added has its problem in its result."""
        return self._commit(lambda draft: draft.hand_in(torrents, self._own[1]))

    def find_infohash(self, url: str) -> str:
        """Return the infohash of a torrent by the URL of its file; "" while no run has read that file."""
        source = self._list_fetched().get(url)
        return source.infohashes.ids[0] if source else ""

    def change(
        self, infohashes: Sequence[str], changes: EntryChanges | Callable[[DesiredTorrent], EntryChanges]
    ) -> None:
        """Change keys of entries, in one write. Raises `DeclaredElsewhere`, and KeyError if none is known."""
        self._commit(lambda draft: draft.change(infohashes, changes, self._own[1]))

    def remove(self, infohashes: Sequence[str], *, delete_files: bool) -> None:
        """Mark entries as absent. The runs delete their torrents, and then the entries are dropped."""
        self._commit(lambda draft: draft.remove(infohashes, self._own[1], delete_files=delete_files))

    def drop(self, infohashes: Collection[str], *, only_absent: bool = False) -> None:
        """Remove entries from the file, with their .torrent files: their torrents are gone, or declared elsewhere."""
        self._commit(lambda draft: draft.drop(infohashes, only_absent=only_absent))

    def set_category(self, name: str, save_path: str | None, *, download_path: str | bool | None = None) -> None:
        """Declare a category, or replace its declaration."""
        keys = {SAVE_PATH: save_path, "download_path": download_path}
        given = {key: value for key, value in keys.items() if value is not None}
        self._commit(lambda draft: draft.set_categories({name: given}))

    def remove_categories(self, names: Sequence[str]) -> None:
        """Remove categories from the file."""
        self._commit(lambda draft: draft.set_categories(dict.fromkeys(names)))

    # --- writing

    def _commit(self, change: Callable[[Draft], Result]) -> Result:
        """Return the result of a change, once it is on disk. Whoever is first writes for all who wait."""
        job = _Job(change)
        with self._queue_lock:
            self._queue.append(job)
        with self._write_lock:
            if not job.is_done:
                with self._queue_lock:
                    jobs, self._queue = self._queue, []
                self._run_jobs(jobs)
        return job.get_result()

    def _run_jobs(self, jobs: Sequence[_Job[Any]]) -> None:
        """Write the changes of all jobs, and set the result or the error of each."""
        failure: Exception | None = None
        try:
            desired = self._get_desired()
            if desired.intake is None:
                raise IntakeUnavailable(_make_problem("", "no intake is declared any more"))
            if self._own[0] is not desired:
                own = {key: entry for entry in desired.torrents if not entry.is_handed_in for key in entry.ids}
                self._own = (desired, own)
            self._write_jobs(jobs, desired, desired.intake)
        except OSError as error:
            failure = IntakeUnavailable(_make_problem("", f"the intake cannot be written: {error.strerror or error}"))
        except Exception as error:
            failure = error
        for job in jobs:
            job.finish(failure)

    def _write_jobs(self, jobs: Sequence[_Job[Any]], desired: DesiredState, settings: IntakeSettings) -> None:
        path = Path(settings.file)
        folder = IntakeFolder(path)
        if self._path != path:
            _check_folder(folder)
        with folder.lock():
            checker = EntryChecker(path, desired, self._list_fetched())
            state = self._read_state(folder, checker, desired)
            saved: list[str] = []

            def save_torrent(infohash: str, content: bytes) -> None:
                if new := folder.save_torrent(infohash, content):
                    saved.append(new.name)

            draft = Draft(path, state, desired, settings, checker, save_torrent)
            try:
                for job in jobs:
                    job.run(draft)
                following = draft.finish() if draft.is_changed else state
                if following.text != state.text:
                    _check_size(folder, state.text, following.text)
                    following = replace(following, fingerprint=folder.write(following.text, with_folder=bool(saved)))
            except BaseException:
                if folder.find_fingerprint() == state.fingerprint:  # else an entry may name them
                    folder.delete_torrents(saved)
                raise
            named = {entry.file_name for entry in following.entries}
            folder.delete_torrents(({entry.file_name for entry in state.entries} | {*saved}) - named)
        has_changed = following.fingerprint != state.fingerprint
        self._path, self._state = path, following
        if has_changed:
            self._on_change()

    def _read_state(self, folder: IntakeFolder, checker: EntryChecker, desired: DesiredState) -> IntakeState:
        """Return the file as it is. Another process may have changed it, such as `intake promote`."""
        fingerprint = folder.find_fingerprint()
        is_first = self._path != folder.path
        if self._state and not is_first and fingerprint == self._state.fingerprint:
            return self._state
        if fingerprint is None and not is_first:
            message = f"{folder.path} is gone. Restore it, or restart reconcile to begin with an empty one"
            raise IntakeUnavailable(_make_problem(str(folder.path), message))
        if fingerprint is None:
            fingerprint = folder.write(f"{NEW_TEXT}  []\n")
        state = replace(_parse_state(folder, checker), fingerprint=fingerprint)
        if is_first:
            named = {entry.file_name for entry in state.entries}
            folder.delete_orphans(named, set(map(os.path.realpath, desired.files)))
        return state


class _Job(Generic[Result]):
    """A change that waits to be written, and then its result."""

    def __init__(self, change: Callable[[Draft], Result]) -> None:
        self._change = change
        self._result: Result | None = None
        self._error: Exception | None = None
        self.is_done = False

    def run(self, draft: Draft) -> None:
        """Apply the change to a draft. One that is refused has changed nothing in it."""
        try:
            self._result = self._change(draft)
        except (IntakeError, KeyError) as error:
            self._error = error

    def finish(self, failure: Exception | None) -> None:
        """End the wait. `failure`: why nothing was written, for those who are not refused anyway."""
        self._error = self._error or failure
        self.is_done = True

    def get_result(self) -> Result:
        """Return the result, or raise the error."""
        if self._error:
            raise self._error
        return self._result  # type: ignore[return-value]  # set by `run`


def _check_size(folder: IntakeFolder, before: str, after: str) -> None:
    """Raise `IntakeFull` for a file that grows beyond what is read."""
    if len(after) > len(before) and len(after.encode()) > MAX_INTAKE_BYTES:
        message = f"the intake is full: its file may have {MAX_INTAKE_BYTES >> 20} MiB"
        raise IntakeFull(_make_problem(str(folder.path), message))


def _check_folder(folder: IntakeFolder) -> None:
    try:
        folder.check()
    except UnsuitableFolder as error:
        raise IntakeUnavailable(_make_problem(str(folder.path), str(error))) from error


def _parse_state(folder: IntakeFolder, checker: EntryChecker) -> IntakeState:
    """Return the state of a file. Raises `IntakeUnavailable` if it is invalid."""
    name = str(folder.path)
    try:
        parsed = parse_intake(name, folder.read() or "")
    except UnusableText as error:
        raise IntakeUnavailable(*error.problems) from error
    except ValueError:
        raise IntakeUnavailable(_make_problem(name, f"{name} is not UTF-8 text")) from None
    torrents, problems = checker.build_from(parsed.document)
    if problems:
        raise IntakeUnavailable(*problems)
    by_line = {torrent.position.line: torrent for torrent in torrents}
    lines = [position.line for position in parsed.document.find_item_positions("torrents")]
    stored = [StoredEntry(block, by_line.get(line)) for block, line in zip(parsed.blocks, lines, strict=True)]
    entries = locate_entries(folder.path, parsed.head, stored)
    categories = build_categories(parsed.document)
    return make_state(parsed.head, parsed.tail, entries, categories, None)


def _make_problem(name: str, message: str) -> Problem:
    return Problem(Position(name or "intake", 1, 1), Code.INTAKE_FILE, message, of_file=True)
