"""`reconcile add`: add entries to a YAML file."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from reconciler.cli import logs
from reconciler.cli.commands.edit import (
    EntryOutcome,
    FileChange,
    load_with_changes,
    read_file,
    save_and_report,
)
from reconciler.cli.console import print_warning
from reconciler.cli.loading import list_unknown_entries, load_desired, make_fetcher
from reconciler.cli.progress import ProgressBars
from reconciler.cli.settings import CommandFailure, Settings
from reconciler.cli.signals import StopSignals
from reconciler.desired import TorrentFetcher, TorrentFileCache
from reconciler.desired.edit import UnsupportedLayout, YamlFile
from reconciler.desired.render import EntrySource, YamlEntry
from reconciler.desired.render.entry import YamlValue
from reconciler.desired.torrent_files import is_url
from reconciler.desired.words import suggestion_text
from reconciler.model.desired import DesiredState, DesiredTorrent
from reconciler.model.infohash import InfoHashes
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.magnet import MagnetError, parse_magnet
from reconciler.model.torrent_file import FetchedTorrent, TorrentFileError


@dataclass(frozen=True, slots=True)
class AddSettings:
    """The options of `add`. `entry_keys` are the keys to set in each new entry."""

    torrents: tuple[str, ...]
    target_file: Path | None = None
    entry_keys: Mapping[str, YamlValue] | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class _NewTorrent:
    """A torrent to add. `name` is the name in its link or file."""

    source: EntrySource
    infohashes: InfoHashes
    name: str


def add_command(settings: Settings, options: AddSettings) -> int:
    """Add entries to a file, except for torrents that are declared already. Return the exit code."""
    logs.configure(settings)
    keys = options.entry_keys or {}
    if "name" in keys and len(options.torrents) > 1:
        raise CommandFailure("--name requires a single torrent", 4)
    with StopSignals() as stopping, ProgressBars(settings):
        # only a URL must be fetched: its infohash shows if it is declared already
        torrents = TorrentFileCache(
            _CachingFetch(make_fetcher(settings, stopping.event, read_only=True))
            if any(map(is_url, options.torrents))
            else None
        )
        torrents_to_add = _drop_duplicates(
            [_read_new_torrent(text, number, torrents) for number, text in enumerate(options.torrents, 1)]
        )
        desired = load_desired(settings, resolve_secrets=False, stop_signals=stopping, torrents=torrents)
        for line in list_unknown_entries(desired):
            print_warning(settings, f"one of the new torrents may be declared already: {line}")
        own_files = [Path(name) for name in desired.yaml_files if desired.intake is None or name != desired.intake.file]
        file = _choose_file(own_files, options.target_file)
        document = file.find_best_document(keys)
        defaults = file.get_defaults(document)
        instance = _choose_instance(desired, keys.get("instance") or defaults.get("instance"))
        new_torrents = [
            torrent for torrent in torrents_to_add if _find_declared(desired, instance, torrent.infohashes) is None
        ]
        outcomes = [
            _make_declared_outcome(torrent, desired, instance)
            for torrent in torrents_to_add
            if torrent not in new_torrents
        ]
        written_keys = {key: value for key, value in keys.items() if key not in defaults or defaults[key] != value}
        entries = [YamlEntry(_make_source_relative(torrent.source, file), written_keys) for torrent in new_torrents]
        if entries:
            change = _add_entries(file, document, entries)
            load_with_changes(settings, [change], torrents)
    if not entries:
        return save_and_report(settings, (), outcomes, dry_run=options.dry_run)
    changed_file = YamlFile(file.path, file.encode_text(change.text))
    positions = changed_file.list_entry_positions(document)[-len(new_torrents) :]
    note = _defaults_text(defaults, keys)
    outcomes += [
        EntryOutcome("add", str(torrent.infohashes), str(keys.get("name") or torrent.name), instance, position, note)
        for torrent, position in zip(new_torrents, positions, strict=True)
    ]
    return save_and_report(settings, [change], outcomes, dry_run=options.dry_run)


def _add_entries(file: YamlFile, document: int | None, entries: Sequence[YamlEntry]) -> FileChange:
    try:
        return FileChange(file, file.add_entries(document, entries))
    except UnsupportedLayout as error:
        raise CommandFailure(f"{file.name}: {error}. Add the torrent by hand", 4) from error


class _CachingFetch:
    """A `TorrentFetcher` that fetches each URL once, across all calls."""

    def __init__(self, fetch: TorrentFetcher) -> None:
        self._fetch = fetch
        self._cache: dict[str, FetchedTorrent] = {}

    def __call__(self, urls: Collection[str]) -> Mapping[str, FetchedTorrent]:
        """Return the torrent of each URL, or the error."""
        if missing := [url for url in urls if url not in self._cache]:
            self._cache |= self._fetch(missing)
        return {url: self._cache[url] for url in urls}


def _read_new_torrent(text: str, number: int, torrents: TorrentFileCache) -> _NewTorrent:
    """Read the argument with this number. Raises `CommandFailure`, which never quotes it: it may contain a passkey."""
    try:
        if is_url(text) and torrents.fetch:
            fetched = torrents.fetch([text])[text].source
            if fetched is None:
                raise CommandFailure(f"argument {number} cannot be added: {torrents.fetch([text])[text].error}", 1)
            name = fetched.name or str(fetched.infohashes)
            return _NewTorrent(EntrySource("torrent", text), fetched.infohashes, name)
        if not text.lower().startswith("magnet:") and Path(text).exists():
            file = torrents.get(text)
            return _NewTorrent(EntrySource("torrent", text), file.infohashes, file.name)
        magnet = parse_magnet(text)
    except TorrentFileError as error:
        raise CommandFailure(f"argument {number} cannot be added: {error}", 4) from error
    except MagnetError as error:
        hint = "" if text.lower().startswith("magnet:") else ", and there is no such file"
        raise CommandFailure(f"argument {number} cannot be added: {error}{hint}", 4) from error
    return _NewTorrent(EntrySource("magnet", magnet.uri), magnet.infohashes, magnet.name or str(magnet.infohashes))


def _make_source_relative(source: EntrySource, file: YamlFile) -> EntrySource:
    """Return the source with its path relative to the YAML file."""
    if source.key != "torrent" or is_url(source.text):
        return source
    return EntrySource("torrent", os.path.relpath(Path(source.text).absolute(), file.path.parent.absolute()))


def _make_declared_outcome(new: _NewTorrent, desired: DesiredState, instance: str) -> EntryOutcome:
    entry = _find_declared(desired, instance, new.infohashes)
    assert entry
    _reject_absent(entry)
    return EntryOutcome("declared already", str(new.infohashes), entry.label, instance, entry.position)


def _drop_duplicates(torrents: Sequence[_NewTorrent]) -> list[_NewTorrent]:
    """Return each torrent once, whatever its links look like."""
    seen_ids: set[str] = set()
    unique = []
    for torrent in torrents:
        if seen_ids.isdisjoint(torrent.infohashes.ids):
            unique.append(torrent)
        seen_ids.update(torrent.infohashes.ids)
    return unique


def _choose_file(files: Sequence[Path], target_file: Path | None) -> YamlFile:
    """Return the file to add to: `--to`, or the only file with torrents, or the only file. Raises `CommandFailure`."""
    if target_file is not None:
        matching = [path for path in files if path == target_file or path.resolve() == target_file.resolve()]
        if not matching:
            raise CommandFailure(
                f"--to: {target_file} is not a file of the desired state: {', '.join(map(str, files))}", 4
            )
        return read_file(matching[0])
    yaml_files = [read_file(path) for path in files]
    candidates = [file for file in yaml_files if file.documents_with_torrents] or yaml_files
    if len(candidates) > 1:
        names = ", ".join(file.name for file in candidates)
        raise CommandFailure(f"several files could contain the entry: {names}. Choose one with --to FILE", 4)
    return candidates[0]


def _choose_instance(desired: DesiredState, name: object) -> str:
    names = (*desired.groups, *desired.instances)
    if name is None and len(desired.instances) > 1:
        raise CommandFailure(f"there are several instances: {', '.join(names)}. Choose one with --instance NAME", 4)
    if name is not None and name not in names:
        kind = "instance or group" if desired.groups else "instance"
        raise CommandFailure(
            f'there is no {kind} "{name}". {suggestion_text(str(name), names) or "Known: " + ", ".join(names)}', 4
        )
    return str(name or next(iter(desired.instances)))


def _find_declared(desired: DesiredState, instance: str, infohashes: InfoHashes) -> DesiredTorrent | None:
    """Return the entry that declares the torrent on that instance, or on a member of that group."""
    ids, members = set(infohashes.ids), set(desired.members_of(instance))
    entries = (entry for entry in desired.torrents if ids & set(entry.ids))
    return next((entry for entry in entries if members & set(desired.instances_of(entry))), None)


def _reject_absent(entry: DesiredTorrent) -> None:
    if entry.absent:
        prefix = str(entry.infohashes)[:10]
        raise CommandFailure(
            f"{entry.label} is declared absent at {entry.position}. Remove that entry first: reconcile rm {prefix}", 4
        )


def _defaults_text(defaults: Mapping[str, object], keys: Mapping[str, object]) -> str:
    """Return a note about the defaults of the file that apply to the entry although no option set them."""
    inherited = [key for key in defaults if key not in keys and defaults[key] is not None]
    return f"with these defaults of the file: {', '.join(inherited)}" if inherited else ""
