"""The journal as runs use it: it never raises."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from reconciler.journal.database import (
    JOURNAL_FILE_NAME,
    JournalError,
    compress_ids,
    decompress_ids,
    open_for_reading,
    open_for_writing,
    read_rows,
    rename_damaged,
)
from reconciler.journal.declared_rows import (
    find_unread_files,
    read_declared_ids,
)
from reconciler.journal.login_rows import (
    clear_failed_logins,
    has_failed_logins,
    read_login_row,
    write_login_row,
)
from reconciler.journal.placement_rows import read_placement_facts
from reconciler.journal.run_recorder import RunRecorder
from reconciler.journal.suspension_rows import read_suspension_rows, write_suspension_rows
from reconciler.journal.unchanged_reads import UnchangedReads
from reconciler.model.desired import DesiredState
from reconciler.model.groups import NO_PLACEMENT_FACTS, PlacementFacts
from reconciler.model.history import AddKey, OwnedCount, UnreadFile, UntaggedAdds
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.login import LoginRecord
from reconciler.model.plan import ObjectKind, Verb
from reconciler.model.run import RunMode
from reconciler.model.secret import Secret

if TYPE_CHECKING:
    from reconciler.engine.events import FinishedRun
    from reconciler.engine.placement_memory import PlacementMemory

T = TypeVar("T")

_APPLIED: Final = (
    "SELECT instance, kind, ifnull(infohash, name) AS item, verb, changes, began FROM action "
    "JOIN run ON run = number WHERE owner = ? AND outcome = 'applied'"
)
_APPLIED_TYPES: Final = (str, str, str, str, str, float)
_HISTORIES: Final = f"{_APPLIED} AND infohash IN (SELECT value FROM json_each(?)) ORDER BY number"
_CORRECTIONS: Final = (
    f"WITH recent AS ({_APPLIED} AND began > ? AND began <= ?) SELECT * FROM recent WHERE (instance, kind, item) IN "
    "(SELECT instance, kind, item FROM recent GROUP BY instance, kind, item HAVING count(*) > 1) ORDER BY began"
)


@dataclass(frozen=True, slots=True)
class ContestedField:
    """A field that another tool keeps changing back; it is left alone until `until` (UTC)."""

    instance: str
    kind: str
    item: str
    field: str
    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class PastCorrection:
    """An action that a run has applied: its verb, its changes as recorded, and its time (UTC)."""

    verb: Verb
    changes: str
    at: datetime


ItemKey = tuple[str, str, str]  # an instance, a kind of object, and the infohash of a torrent or the name of a setting


class Journal:
    """The journal in `folder`. It never raises: it calls `warn` with an error, once while the error is the same."""

    def __init__(self, folder: Path, warn: Callable[[str], None], utc: Callable[[], datetime]) -> None:
        self._path = folder / JOURNAL_FILE_NAME
        self._warn = warn
        self.utc = utc
        self._last_warning: str | None = None
        self._damage: JournalError | None = None  # that a read met, until the next write
        self._unchanged = UnchangedReads(self._path)
        self._recorder = RunRecorder(self._path, self._unchanged)

    def read_owned_counts(self, desired: DesiredState) -> dict[str, OwnedCount]:
        """Return the number of owned torrents by instance, as of its last successful read."""
        return self._run_safely(lambda: self._query_owned_counts(desired), {})

    def read_placement_facts(self, desired: DesiredState) -> PlacementFacts:
        """Return the saved facts about placement."""

        def read() -> PlacementFacts:
            with open_for_reading(self._path, min_version=2) as file:
                return read_placement_facts(file, desired) if file else NO_PLACEMENT_FACTS

        return self._run_safely(read, NO_PLACEMENT_FACTS)

    def find_unread_files(self, desired: DesiredState) -> Mapping[str, Sequence[UnreadFile]]:
        """Return the files that declared torrents of an instance in earlier runs and that this load has not read."""

        def read() -> Mapping[str, Sequence[UnreadFile]]:
            with open_for_reading(self._path, min_version=5) as file:
                remembered = read_declared_ids(file, desired) if file else {}
            return find_unread_files(remembered, desired)

        return self._run_safely(read, {})

    def record_run(
        self, desired: DesiredState, finished_run: FinishedRun, placement_memory: PlacementMemory | None = None
    ) -> None:
        """Save the actions and problems of a run, the owned counts, declarations and placement. Ignore a dry-run."""
        if finished_run.run.mode is RunMode.APPLY:

            def write() -> None:
                counts = self._query_owned_counts(desired)
                self._recorder.record(desired, finished_run, counts, placement_memory, self.utc())

            self._run_safely(write, None, writes=True)

    def read_contested(self, owner: str) -> list[ContestedField]:
        """Return the saved fields that are still contested."""

        def read() -> list[ContestedField]:
            query = "SELECT instance, kind, item, field, until, reason FROM contested WHERE owner = ? AND until > ?"
            types = (str, str, str, str, float, str)
            with open_for_reading(self._path) as file:
                rows = read_rows(file, query, (owner, self.utc().timestamp()), *types) if file else ()
                return [
                    ContestedField(instance, ObjectKind(kind), item, field, datetime.fromtimestamp(until, UTC), reason)
                    for instance, kind, item, field, until, reason in rows
                ]

        return self._run_safely(read, [])

    def read_corrections(self, owner: str, since: datetime) -> dict[ItemKey, list[PastCorrection]]:
        """Return what runs have applied since then, oldest first, for each item with at least two such actions."""
        return self._read_applied(_CORRECTIONS, (owner, since.timestamp(), self.utc().timestamp()))

    def read_histories(self, owner: str, infohashes: Sequence[str]) -> dict[ItemKey, list[PastCorrection]]:
        """Return what runs have applied to these torrents, oldest first."""
        return self._read_applied(_HISTORIES, (owner, json.dumps(infohashes))) if infohashes else {}

    def _read_applied(self, query: str, values: tuple[object, ...]) -> dict[ItemKey, list[PastCorrection]]:
        def read() -> dict[ItemKey, list[PastCorrection]]:
            corrections: defaultdict[ItemKey, list[PastCorrection]] = defaultdict(list)
            with open_for_reading(self._path) as file:
                rows = read_rows(file, query, values, *_APPLIED_TYPES) if file else ()
                for instance, kind, item, verb, changes, began in rows:
                    correction = PastCorrection(Verb(verb), changes, datetime.fromtimestamp(began, UTC))
                    corrections[instance, kind, item].append(correction)
            return dict(corrections)

        return self._run_safely(read, {})

    def save_contested(self, owner: str, instances: Collection[str], contested: Iterable[ContestedField]) -> None:
        """Replace the saved fields of `instances`. Fields of other instances stay, as another process may own them."""
        rows = [
            (owner, entry.instance, entry.kind, entry.item, entry.field, entry.until.timestamp(), entry.reason)
            for entry in contested
            if entry.instance in instances
        ]

        def write() -> None:
            with open_for_writing(self._path) as file:
                keys = ((owner, name, self.utc().timestamp()) for name in instances)
                file.executemany("DELETE FROM contested WHERE owner = ? AND (instance = ? OR until <= ?)", keys)
                file.executemany("INSERT INTO contested VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

        self._run_safely(write, None, writes=True)

    def read_untagged_adds(self) -> dict[AddKey, UntaggedAdds]:
        """Return the adds that may not have their tag yet. One that lies in the future counts as made now."""

        def read() -> dict[AddKey, UntaggedAdds]:
            query, types = "SELECT owner, instance, url, ids, at FROM untagged", (str, str, str, bytes, float)
            with open_for_reading(self._path, min_version=3) as file:
                rows = read_rows(file, query, (), *types) if file else ()
                return {
                    AddKey(*key): UntaggedAdds(decompress_ids(ids), min(datetime.fromtimestamp(at, UTC), self.utc()))
                    for *key, ids, at in rows
                }

        return self._run_safely(read, {})

    def save_untagged_adds(self, key: AddKey, adds: UntaggedAdds | None) -> bool:
        """Replace the adds of one instance; None: none. Return True if this was saved."""

        def write() -> bool:
            with open_for_writing(self._path) as file:
                file.execute("DELETE FROM untagged WHERE (owner, instance, url) = (?, ?, ?)", key)
                if adds:
                    row = (*key, compress_ids(adds.ids), adds.added_at.timestamp())
                    file.execute("INSERT INTO untagged VALUES (?, ?, ?, ?, ?)", row)
            return True

        return self._run_safely(write, False, writes=True)

    def read_login(self, url: str, credentials: Secret) -> LoginRecord | None:
        """Return the record of the last login with these credentials; None if nothing is known of them."""

        def read() -> LoginRecord | None:
            with open_for_reading(self._path, min_version=4) as file:
                return read_login_row(file, url, credentials) if file else None

        return self._run_safely(read, None)

    def save_login(self, url: str, credentials: Secret, record: LoginRecord) -> bool:
        """Replace the record of the logins with these credentials. Return False if that failed."""

        def write() -> bool:
            with open_for_writing(self._path) as file:
                write_login_row(file, url, credentials, record)
            return True

        return self._run_safely(write, False, writes=True)

    def accept_logins(self, url: str, at: datetime) -> None:
        """Let the records of all credentials at this URL begin again. Write nothing if none has failures."""

        def write() -> None:
            with open_for_reading(self._path, min_version=4) as file:
                if file is None or not has_failed_logins(file, url):
                    return
            with open_for_writing(self._path) as file:
                clear_failed_logins(file, url, at)

        self._run_safely(write, None, writes=True)

    def read_suspensions(self, owner: str) -> dict[str, datetime] | None:
        """Return until when (UTC) each instance is suspended; None if this cannot be read."""

        def read() -> dict[str, datetime] | None:
            with open_for_reading(self._path, min_version=7) as file:
                return read_suspension_rows(file, owner, self.utc()) if file else {}

        return self._run_safely(read, None)

    def save_suspensions(self, owner: str, changes: Mapping[str, datetime | None]) -> bool:
        """Replace the ends of these suspensions; None: there is none any more. Return False if that failed."""

        def write() -> bool:
            with open_for_writing(self._path) as file:
                write_suspension_rows(file, owner, changes, self.utc())
            return True

        return self._run_safely(write, False, writes=True)

    def _query_owned_counts(self, desired: DesiredState) -> dict[str, OwnedCount]:
        now = self.utc()
        counts = self._unchanged.get(("owned", desired.owner), lambda: self._read_owned_counts(desired.owner))
        return {
            name: OwnedCount(torrents, min(at, now))
            for name, url, torrents, at in counts
            if name in desired.instances and desired.instances[name].url == url
        }

    def _read_owned_counts(self, owner: str) -> list[tuple[str, str, int, datetime]]:
        query = "SELECT instance, url, torrents, at FROM owned WHERE owner = ?"
        with open_for_reading(self._path) as file:
            rows = read_rows(file, query, (owner,), str, str, int, float) if file else ()
            return [(name, url, torrents, datetime.fromtimestamp(at, UTC)) for name, url, torrents, at in rows]

    def _run_safely(self, work: Callable[[], T], default: T, *, writes: bool = False) -> T:
        if writes and self._damage:
            self._rename_damaged(self._damage)
        try:
            result = work()
        except JournalError as error:
            if writes and error.damaged and self._rename_damaged(error):
                return self._run_safely(work, default)
            self._damage = error if error.damaged else self._damage
            self._warn_once(str(error))
            return default
        except Exception as error:  # a bug here must not end a run
            self._warn_once(
                f"the journal {self._path}: internal error: {type(error).__name__}: {error}; please report it"
            )
            return default
        self._last_warning = None
        return result

    def _rename_damaged(self, error: JournalError) -> bool:
        """Rename a damaged file before a write. A read changes no file, so a dry-run changes none."""
        self._damage = None
        try:
            new_path = rename_damaged(self._path, f"{self.utc():%Y%m%dT%H%M%SZ}")
        except OSError:
            return False
        self._warn(f"{error}; it was renamed to {new_path}, and a new one begins")
        return True

    def _warn_once(self, message: str) -> None:
        if message != self._last_warning:
            self._last_warning = message
            self._warn(message)
