"""`reconcile intake`: what services have handed in, and how it becomes a person's own."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from reconciler.cli import console, logs
from reconciler.cli.commands.edit import EntryOutcome, FileChange, load_with_changes, read_file, save_and_report
from reconciler.cli.loading import load_desired, make_fetcher
from reconciler.cli.progress import ProgressBars
from reconciler.cli.settings import CommandFailure, OutputFormat, Settings, measure_terminal
from reconciler.cli.signals import StopSignals
from reconciler.desired import TorrentFileCache
from reconciler.desired.edit import SaveError, TorrentFolder, UnsupportedLayout, YamlFile
from reconciler.desired.render import EntrySource, YamlEntry
from reconciler.fetch import Fetcher
from reconciler.intake import IntakeStore
from reconciler.intake.draft import StoredEntry
from reconciler.intake.promotion import make_own_entry, undo_defaults
from reconciler.model.desired import DesiredState, DesiredTorrent
from reconciler.model.gateway import IntakeSettings
from reconciler.model.intake import IntakeError
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.lookup import LookupEntry, find_matches, find_similar
from reconciler.report.intake import render_intake, write_intake

TORRENTS_FOLDER: Final = "torrents"  # beside the file that an uploaded .torrent file is moved to


def list_command(settings: Settings) -> int:
    """Show the entries of the intake. Return the exit code."""
    logs.configure(settings)
    with StopSignals(), ProgressBars(settings):
        desired = load_desired(settings, resolve_secrets=False)
    intake = _get_intake(desired)
    entries = [entry for entry in desired.torrents if entry.is_handed_in]
    if settings.output is OutputFormat.JSON:
        console.write_report(lambda stream: write_intake(intake, entries, desired.unfetched_count, stream))
    else:
        width = measure_terminal(sys.stdout)
        console.write_report_lines(render_intake(intake, entries, desired.unfetched_count, width))
    return 0


def promote_command(settings: Settings, arguments: Sequence[str], *, dry_run: bool) -> int:
    """Move entries into a file of the desired state that people write. Return the exit code."""
    logs.configure(settings)
    if len(arguments) < 2:
        raise CommandFailure("intake promote needs torrents and a file: reconcile intake promote TORRENT... FILE", 4)
    *texts, target = arguments
    with StopSignals() as stopping, ProgressBars(settings):
        fetcher = make_fetcher(settings, stopping.event, read_only=True)
        torrents = TorrentFileCache(fetcher)
        desired = load_desired(settings, resolve_secrets=False, stop_signals=stopping, torrents=torrents)
        intake = _get_intake(desired)
        if intake.is_missing:
            raise CommandFailure(f"there is no file {intake.file} here: run this where the sidecar runs", 1)
        store = _open_store(desired, fetcher)
        chosen = _choose_entries(texts, store.list_stored())
    promotion = _Promotion(desired, Path(intake.file), _choose_target(desired, target), chosen)
    change = promotion.build_change()
    after = load_with_changes(settings, [change], torrents) if change else desired
    if change and not dry_run:
        change = promotion.copy_torrents(change)
    code = save_and_report(settings, [change] if change else [], promotion.list_outcomes(after), dry_run=dry_run)
    if not dry_run:
        _drop_entries(store, chosen)
    return code


@dataclass(frozen=True, slots=True)
class _Promotion:
    """Entries that become a person's own, in the file `target`. What a person has declared already stays as it is."""

    desired: DesiredState
    intake_file: Path
    target: YamlFile
    chosen: Sequence[StoredEntry]

    def build_change(self) -> FileChange | None:
        """Return the target with the entries, each naming its .torrent file where it lies. Raises `CommandFailure`."""
        return self._make_change({})

    def copy_torrents(self, change: FileChange) -> FileChange:
        """Copy the uploaded .torrent files to the target, and return the change that names them there."""
        folder = TorrentFolder(self.target.path.parent / TORRENTS_FOLDER, self.target.path.parent)
        locations = {}
        for entry in self._list_new():
            if entry.file_name and entry.torrent:
                content = (self.intake_file.parent / entry.file_name).read_bytes()
                try:
                    locations[entry.file_name] = folder.save_torrent(entry.torrent.infohash, content)
                except SaveError as error:
                    raise CommandFailure(str(error), 1) from error
        return (self._make_change(locations) if locations else None) or change

    def list_outcomes(self, after: DesiredState) -> list[EntryOutcome]:
        """Return the outcome of each entry. `after`: the desired state with the change."""
        own_after, new = _index_own(after), self._list_new()
        outcomes = []
        for entry in self.chosen:
            torrent = own_after[_get_torrent(entry).ids[0]]
            verb = "promote" if entry in new else "declared already"
            outcomes.append(EntryOutcome(verb, torrent.infohash, torrent.label, torrent.instance, torrent.position))
        return outcomes

    def _list_new(self) -> list[StoredEntry]:
        own = _index_own(self.desired)
        return [entry for entry in self.chosen if own.keys().isdisjoint(_get_torrent(entry).ids)]

    def _make_change(self, locations: Mapping[str, str]) -> FileChange | None:
        """Return the target with the new entries. `locations`: where the uploaded .torrent files of entries are."""
        text, file = self.target.text, self.target
        new = self._list_new()
        for entry in new:
            own = make_own_entry(entry, self.intake_file, self.target.path, _get_torrent(entry).instance)
            if location := locations.get(entry.file_name):
                own = YamlEntry(EntrySource(own.source.key, location), own.keys, own.comments)
            document = file.find_best_document(own.keys)
            try:
                text = file.add_entries(document, [undo_defaults(own, file.get_defaults(document))])
            except UnsupportedLayout as error:
                raise CommandFailure(f"{file.name}: {error}. Move the torrent by hand", 4) from error
            file = YamlFile(file.path, file.encode_text(text))
        return FileChange(self.target, text) if new else None


def _index_own(desired: DesiredState) -> dict[str, DesiredTorrent]:
    return {key: entry for entry in desired.torrents if not entry.is_handed_in for key in entry.ids}


def _get_torrent(entry: StoredEntry) -> DesiredTorrent:
    assert entry.torrent is not None  # those without one are not listed
    return entry.torrent


def _get_intake(desired: DesiredState) -> IntakeSettings:
    if desired.intake is None:
        raise CommandFailure("no intake is declared: services cannot hand in anything. See intake in the docs", 4)
    return desired.intake


def _open_store(desired: DesiredState, fetcher: Fetcher) -> IntakeStore:
    store = IntakeStore(lambda: desired, fetcher.list_known)
    try:
        store.open()
    except IntakeError as error:
        raise CommandFailure(str(error), 1, error.problems) from error
    return store


def _choose_entries(texts: Sequence[str], stored: Sequence[StoredEntry]) -> list[StoredEntry]:
    """Return the entries that the texts name, each once. Raises `CommandFailure`."""
    candidates = [
        LookupEntry(entry, torrent.infohashes, tuple(name for name in (torrent.name, torrent.label) if name))
        for entry in stored
        if (torrent := entry.torrent) and torrent.ids
    ]
    chosen: list[StoredEntry] = []
    for text in texts:
        matches = find_matches(text, candidates)
        if len(matches) != 1:
            shown = matches or find_similar(text, candidates)
            lines = [f"{_get_torrent(entry).infohash[:10]}  {_get_torrent(entry).label}" for entry in shown]
            found = f'"{text}" matches {len(matches)} entries. Choose one by its infohash' if matches else ""
            message = found or f'nothing that was handed in is called "{text}"' + (". Similar:" if shown else "")
            raise CommandFailure(message, 1, detail_lines=lines)
        if matches[0].is_absent:
            raise CommandFailure(f"{_get_torrent(matches[0]).label} is about to be deleted: a service took it back", 1)
        if matches[0] not in chosen:
            chosen.append(matches[0])
    return chosen


def _choose_target(desired: DesiredState, target: str) -> YamlFile:
    """Return the file of the desired state that has this path. Raises `CommandFailure`."""
    own_files = [Path(name) for name in desired.yaml_files if desired.intake is None or name != desired.intake.file]
    path = next((file for file in own_files if file.resolve() == Path(target).resolve()), None)
    if path is None:
        known = ", ".join(map(str, own_files))
        raise CommandFailure(f"{target} is not a file of the desired state that people write: {known}", 4)
    return read_file(path)


def _drop_entries(store: IntakeStore, chosen: Sequence[StoredEntry]) -> None:
    try:
        store.drop([_get_torrent(entry).ids[0] for entry in chosen])
    except IntakeError as error:
        message = f"the torrents are in your file now, and in the intake too: {error}. Run the same command again"
        raise CommandFailure(message, 1) from error
