"""The state of an intake, and a draft of the next one that several changes go into before it is written once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import Any, Final

from reconciler.desired.context import InvalidValue
from reconciler.desired.render import EntrySource
from reconciler.desired.schema.torrents import SOURCE_KEYS, TorrentEntry, check_torrent_location
from reconciler.desired.torrent_files import is_url
from reconciler.desired.words import quote_word
from reconciler.desired.yaml.document import YamlDocument
from reconciler.desired.yaml.entries import compose_nodes
from reconciler.intake.checking import EntryChecker, build_categories
from reconciler.intake.folder import Fingerprint
from reconciler.intake.text import Block, change_block, change_categories, iter_lines, plain_value, render_block
from reconciler.model.codes import Code
from reconciler.model.desired import DesiredCategory, DesiredState, DesiredTorrent
from reconciler.model.gateway import IntakeSettings
from reconciler.model.intake import (
    DeclaredElsewhere,
    EntryChanges,
    EntryValue,
    HandedIn,
    HandInResult,
    IntakeError,
    IntakeFull,
    make_url_id,
)
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.magnet import MagnetError, parse_magnet
from reconciler.model.position import Position, Problem
from reconciler.model.torrent_file import TorrentFileError, identify_torrent

_OWN_KEYS: Final = frozenset({*SOURCE_KEYS, "export", "state", "delete_files"})
_KEPT_KEYS: Final = frozenset({"name", "instance", "labels"})  # of an entry that is to be deleted


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry of the file, and its torrent. An entry that means the same torrent as an earlier one has none."""

    block: Block
    torrent: DesiredTorrent | None

    @property
    def keys(self) -> tuple[str, ...]:
        """The ids of its torrent and of its URL, and the URL: what finds it."""
        ids = self.torrent.ids if self.torrent else ()
        return (*ids, make_url_id(self.url), self.url) if self.url else ids

    @property
    def url(self) -> str:
        """The URL of its .torrent file; "" if it has none."""
        location = str(self.block.data.get("torrent", ""))
        return location if is_url(location) else ""

    @property
    def is_unknown(self) -> bool:
        """True if it has a URL, and nobody knows yet which torrent that is."""
        return self.torrent is not None and self.torrent.unknown_source is not None

    @property
    def file_name(self) -> str:
        """The name of its uploaded .torrent file; "" if it has none."""
        return "" if self.url else str(self.block.data.get("torrent", ""))

    @property
    def is_absent(self) -> bool:
        """True if it is to be deleted."""
        return self.block.data.get("state") == "absent"


@dataclass(frozen=True, slots=True)
class IntakeState:
    """The file as it was last read or written. Never changed. `unknown_urls`: those whose torrents are not known."""

    head: str
    tail: str
    entries: tuple[StoredEntry, ...]
    categories: Mapping[str, DesiredCategory]
    fingerprint: Fingerprint | None
    torrents: Mapping[str, DesiredTorrent] = field(default_factory=dict)
    unknown_urls: frozenset[str] = frozenset()

    @property
    def text(self) -> str:
        """The text of the file."""
        blocks = [entry.block.text for entry in self.entries] or ["  []\n"]
        return "".join([self.head, *blocks, self.tail])


def locate_entries(path: Path, head: str, entries: Sequence[StoredEntry]) -> tuple[StoredEntry, ...]:
    """Return the entries with the positions that they have in a text after this head."""
    first_line = head.count("\n") + 1
    located = []
    for entry, line in zip(entries, iter_lines(tuple(entry.block for entry in entries), first_line), strict=True):
        torrent = entry.torrent
        if torrent is not None and torrent.position.line != line:
            torrent = replace(torrent, position=Position(str(path), line, torrent.position.column))
            entry = StoredEntry(entry.block, torrent)
        located.append(entry)
    return tuple(located)


class Draft:
    """The next state, with the changes of several calls. A change that is refused leaves nothing in it.

    `save_torrent` writes an uploaded .torrent file; it is there before the entry that names it.
    """

    def __init__(
        self,
        path: Path,
        state: IntakeState,
        desired: DesiredState,
        settings: IntakeSettings,
        checker: EntryChecker,
        save_torrent: Callable[[str, bytes], object],
    ) -> None:
        self.is_changed = False  # there is something to write, or to know
        self._path = path
        self._head, self._tail, self._fingerprint = state.head, state.tail, state.fingerprint
        self._entries: list[StoredEntry | None] = list(state.entries)
        self._index_by_key: dict[str, int] = {}
        for number, entry in enumerate(state.entries):
            for key in entry.keys:
                self._index_by_key.setdefault(key, number)  # of two entries of a torrent, the first counts in a load
        self._count = len(state.entries)
        self._line_count = sum(entry.block.line_count for entry in state.entries)
        self._categories = dict(state.categories)
        self._desired = desired
        self._settings = settings
        self._checker = checker
        self._save_torrent = save_torrent

    def finish(self) -> IntakeState:
        """Return the next state, not yet written."""
        entries = [entry for entry in self._entries if entry is not None]
        located = locate_entries(self._path, self._head, entries)
        return make_state(self._head, self._tail, located, self._categories, self._fingerprint)

    def identify_fetched(self) -> None:
        """Look again which torrents the URLs are that were not known."""
        for number, entry in enumerate(self._entries):
            if entry and entry.is_unknown:
                self._identify_again(number, entry)

    def _identify_again(self, number: int, entry: StoredEntry) -> StoredEntry:
        torrent, _ = self._checker.build_entry(entry.block)
        identified = StoredEntry(entry.block, torrent)
        self._put(number, identified)
        return identified

    # --- torrents

    def hand_in(self, torrents: Sequence[HandedIn], own: Mapping[str, DesiredTorrent]) -> list[HandInResult]:
        """Add entries. `own`: the torrents that people declare, by their ids."""
        results = [self._hand_in(torrent, own) for torrent in torrents]
        is_full = any(isinstance(result, _FullResult) for result in results)
        if is_full and not any(result.problem is None for result in results):
            raise IntakeFull(*(result.problem for result in results if result.problem))
        return results

    def _hand_in(self, torrent: HandedIn, own: Mapping[str, DesiredTorrent]) -> HandInResult:
        try:
            ids, source = self._identify(torrent)
            self._check_keys(torrent.keys)
        except InvalidValue as invalid:
            return HandInResult(problem=self._make_problem(invalid.code, invalid.message, invalid.hint))
        infohash = ids[0] if ids else ""
        if declared := next((own[key] for key in ids if key in own), None):
            if declared.absent:
                message = f"this torrent is declared absent at {declared.position}"
                return HandInResult(infohash, problem=self._make_problem(Code.DUPLICATE_TORRENT, message))
            return HandInResult(infohash, declared.position, is_known=True)
        number = next((self._index_by_key[key] for key in (*ids, source.text) if key in self._index_by_key), None)
        known = None if number is None else self._entries[number]
        if known and number is not None and known.is_unknown:
            known = self._identify_again(number, known)
        if known and not known.is_absent:
            if known.torrent is None:
                return HandInResult(infohash, is_known=True)
            return HandInResult(infohash or known.torrent.infohash, known.torrent.position, is_known=True)
        if known is None and self._count >= self._settings.max_torrents:
            message = f"the intake is full: it may hold {self._settings.max_torrents:,} torrents"
            hint = "Remove some, or raise intake.max_torrents"
            return _FullResult(infohash, problem=self._make_problem(Code.INTAKE_FILE, message, hint))
        return self._add_entry(torrent, infohash, source, number)

    def _add_entry(self, torrent: HandedIn, infohash: str, source: EntrySource, number: int | None) -> HandInResult:
        """Add an entry, or declare one again that is about to be deleted."""
        known = None if number is None else self._entries[number]
        if known is not None:  # its .torrent file is there
            source = EntrySource(known.block.source_key, str(known.block.data[known.block.source_key]))
        elif torrent.content:
            self._save_torrent(infohash, torrent.content)
        keys = {key: plain_value(value) for key, value in torrent.keys.items() if value is not None}
        block = render_block(source, keys)
        entry, problems = self._checker.build_entry(block)
        if problems:
            return HandInResult(infohash, problem=problems[0])
        line = self._head.count("\n") + self._line_count + 1
        position = known.torrent.position if known and known.torrent else Position(str(self._path), line, 5)
        if number is None:
            self._entries.append(None)
            number, self._count = len(self._entries) - 1, self._count + 1
        self._put(number, StoredEntry(block, entry))
        return HandInResult(infohash, position)

    def _identify(self, torrent: HandedIn) -> tuple[tuple[str, ...], EntrySource]:
        """Return the ids of a torrent, as far as they are known, and its source. Raises `InvalidValue`."""
        if bool(torrent.link) == bool(torrent.content):
            raise InvalidValue(Code.SOURCE_COUNT, "a torrent needs a link or a .torrent file, and not both")
        if torrent.content:
            try:
                infohashes = identify_torrent(torrent.content).infohashes
            except TorrentFileError as error:
                raise InvalidValue(Code.TORRENT_FILE, f"the .torrent file cannot be used: {error}") from None
            return (str(infohashes), *infohashes.ids), EntrySource("torrent", f"{infohashes}.torrent")
        if is_url(torrent.link):
            return (), EntrySource("torrent", check_torrent_location(torrent.link))
        try:
            magnet = parse_magnet(torrent.link)
        except MagnetError as error:
            raise InvalidValue(Code.MAGNET, f"this link cannot be used: {error}") from None
        return (str(magnet.infohashes), *magnet.infohashes.ids), EntrySource("magnet", magnet.uri)

    def _check_keys(self, keys: Collection[str]) -> None:
        for key in keys:
            if key in _OWN_KEYS:
                raise InvalidValue(Code.MISPLACED_KEY, f'a service cannot set "{key}"', "Remove it")
            if key not in TorrentEntry.__annotations__:  # it would be written as it is
                raise InvalidValue(Code.UNKNOWN_KEY, f"unknown key {quote_word(key)}", "Remove it")

    def change(
        self,
        infohashes: Collection[str],
        changes: EntryChanges | Callable[[DesiredTorrent], EntryChanges],
        own: Mapping[str, DesiredTorrent],
    ) -> None:
        """Change keys of entries."""
        found = self._find(infohashes, own)
        if not found:
            raise KeyError("no entry of the intake has one of these infohashes")
        changed = []
        for number, entry in found:
            assert entry.torrent
            new = changes(entry.torrent) if callable(changes) else changes
            try:
                self._check_keys(new)
            except InvalidValue as invalid:
                raise IntakeError(self._make_problem(invalid.code, invalid.message, invalid.hint)) from None
            block = change_block(entry.block, new)
            if block.text != entry.block.text:
                changed.append((number, block))
        self._replace(changed)

    def remove(self, infohashes: Collection[str], own: Mapping[str, DesiredTorrent], *, delete_files: bool) -> None:
        """Mark entries as absent."""
        changed = []
        for number, entry in self._find(infohashes, own, with_absent=True):
            kept = {entry.block.source_key, *_KEPT_KEYS}
            changes: dict[str, EntryValue | None] = {key: None for key in entry.block.data if key not in kept}
            with_files = delete_files or entry.block.data.get("delete_files") is True
            block = change_block(entry.block, {**changes, "state": "absent", "delete_files": with_files})
            if block.data != entry.block.data:
                changed.append((number, block))
        waiting = {number for number, entry in enumerate(self._entries) if entry and entry.is_absent}
        if len(waiting | {number for number, _ in changed}) > self._settings.max_delete:
            most = f"one run may delete {self._settings.max_delete:,}"
            message = f"{len(waiting):,} torrents wait for their deletion already, and {most}"
            hint = "Try again later, or raise intake.max_delete"
            raise IntakeFull(self._make_problem(Code.INTAKE_FILE, message, hint))
        self._replace(changed)

    def drop(self, infohashes: Collection[str], *, only_absent: bool) -> None:
        """Remove entries from the file."""
        for key in infohashes:
            number = self._index_by_key.get(key)
            entry = None if number is None else self._entries[number]
            if number is None or entry is None or (only_absent and not entry.is_absent):
                continue
            self._entries[number] = None
            self._count -= 1
            self._line_count -= entry.block.line_count
            self.is_changed = True
            for own_key in entry.keys:
                self._index_by_key.pop(own_key, None)

    def _find(
        self, infohashes: Collection[str], own: Mapping[str, DesiredTorrent], *, with_absent: bool = False
    ) -> list[tuple[int, StoredEntry]]:
        """Return the entries that are known, each once. Raises `DeclaredElsewhere`."""
        keys = [key if is_url(key) else key.lower() for key in infohashes]
        numbers = dict.fromkeys(self._index_by_key[key] for key in keys if key in self._index_by_key)
        if declared := [own[key] for key in keys if key in own and key not in self._index_by_key]:
            problems = [
                Problem(entry.position, Code.DUPLICATE_TORRENT, f'"{entry.label}" is declared at {entry.position}')
                for entry in declared
            ]
            raise DeclaredElsewhere(*problems)
        found = [(number, entry) for number in numbers if (entry := self._entries[number])]
        return [(number, entry) for number, entry in found if with_absent or not entry.is_absent]

    def _replace(self, changed: Sequence[tuple[int, Block]]) -> None:
        """Put changed entries in their places, if all of them are valid. Raises `IntakeError`."""
        built = []
        for number, block in changed:
            torrent, problems = self._checker.build_entry(block)
            if problems:
                raise IntakeError(*problems)
            built.append((number, StoredEntry(block, torrent)))
        for number, entry in built:
            self._put(number, entry)

    def _put(self, number: int, entry: StoredEntry) -> None:
        before = self._entries[number]
        self._line_count += entry.block.line_count - (before.block.line_count if before else 0)
        self._entries[number] = entry
        self._index_by_key.update(dict.fromkeys(entry.keys, number))
        self.is_changed = True

    # --- categories

    def set_categories(self, changes: Mapping[str, Mapping[str, Any] | None]) -> None:
        """Declare categories, or remove those with None. Raises `IntakeError`."""
        for name in changes:
            declared = self._desired.categories.get(name)
            if declared and name not in self._categories:
                message = f'the category "{name}" is declared at {declared.position}'
                raise DeclaredElsewhere(Problem(declared.position, Code.DEFINED_TWICE, message))
        known = {name: keys for name, keys in changes.items() if keys is not None or name in self._categories}
        head = change_categories(self._head, known)
        if head == self._head:
            return
        roots, problem = compose_nodes(str(self._path), f"{head}  []\n")
        if problem:
            raise IntakeError(problem)
        document = YamlDocument(str(self._path), self._path.parent, roots[0], head)
        _, problems = self._checker.build_from(document)
        if problems:
            raise IntakeError(*problems)
        self._head, self._categories, self.is_changed = head, build_categories(document), True

    def _make_problem(self, code: str, message: str, hint: str = "") -> Problem:
        return Problem(Position(str(self._path), 1, 1), code, message, hint, of_file=True)


class _FullResult(HandInResult):
    """The answer to a torrent for which there was no room."""


def make_state(
    head: str,
    tail: str,
    entries: tuple[StoredEntry, ...],
    categories: Mapping[str, DesiredCategory],
    fingerprint: Fingerprint | None,
) -> IntakeState:
    """Return the state of a file with these parts."""
    unknown_urls = frozenset(entry.url for entry in entries if entry.is_unknown)
    return IntakeState(head, tail, entries, categories, fingerprint, index_torrents(entries), unknown_urls)


def index_torrents(entries: Sequence[StoredEntry]) -> dict[str, DesiredTorrent]:
    """Return the torrents by every id."""
    torrents: dict[str, DesiredTorrent] = {}
    for entry in entries:
        if entry.torrent:
            for key in entry.torrent.ids:
                torrents.setdefault(key, entry.torrent)
    return torrents
