"""The command add."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.cli import logs
from reconciler.cli.commands.edit import (
    EntryOutcome,
    FileChange,
    list_desired_files,
    load_with_changes,
    read_file,
    save_and_report,
)
from reconciler.cli.loading import load_desired
from reconciler.cli.settings import CommandFailure, Settings
from reconciler.cli.signals import StopSignals
from reconciler.desired import TorrentFetcher, TorrentFileCache
from reconciler.desired.edit import UnsupportedLayout, YamlFile
from reconciler.desired.messages import suggestion_text
from reconciler.desired.render import EntrySource, YamlEntry
from reconciler.desired.render.entry import YamlValue
from reconciler.desired.torrent_files import is_url
from reconciler.fetch import Fetcher
from reconciler.model.desired import DesiredState, DesiredTorrent
from reconciler.model.infohash import InfoHashes
from reconciler.model.magnet import MagnetError, parse_magnet
from reconciler.model.torrent_file import TorrentFile, TorrentFileError


@dataclass(frozen=True, slots=True)
class AddSettings:
    """What is to be added, where, and with which keys."""

    torrents: tuple[str, ...]
    target_file: Path | None = None
    entry_keys: Mapping[str, YamlValue] | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class _NewTorrent:
    """One torrent to be added. `name` is what its source calls it."""

    source: EntrySource
    infohashes: InfoHashes
    name: str


def add_command(settings: Settings, options: AddSettings) -> int:
    """Add entries to a file; what is declared already stays as it is."""
    logs.configure(settings)
    keys = options.entry_keys or {}
    if "name" in keys and len(options.torrents) > 1:
        raise CommandFailure("--name is for one torrent, and several are given", 4)
    with StopSignals() as stopping:
        # a URL has to be fetched to know which torrent it is, and whether it is declared already; else all is offline
        torrents = TorrentFileCache(
            _CachingFetch(Fetcher(stopping.event)) if any(map(is_url, options.torrents)) else None
        )
        asked = _drop_duplicates(
            [_read_new_torrent(text, number, torrents) for number, text in enumerate(options.torrents, 1)]
        )
        desired = load_desired(settings, resolve_secrets=False, stop_signals=stopping, torrents=torrents)
        file = _choose_file(settings, options.target_file)
        document = file.find_best_document(keys)
        defaults = file.get_defaults(document)
        instance = _choose_instance(desired, keys.get("instance") or defaults.get("instance"))
        new = [one for one in asked if _find_declared(desired, instance, one.infohashes) is None]
        done = [_make_declared_outcome(one, desired, instance) for one in asked if one not in new]
        if not new:
            return save_and_report(settings, (), done, dry_run=options.dry_run)
        said = {key: one for key, one in keys.items() if key not in defaults or defaults[key] != one}
        entries = [YamlEntry(_make_source_relative(one.source, file), said) for one in new]
        try:
            change = FileChange(file, file.add_entries(document, entries))
        except UnsupportedLayout as error:
            raise CommandFailure(f"{file.name}: {error}. Add the torrent by hand", 4) from error
        load_with_changes(settings, [change], torrents)
    places = YamlFile(file.path, file.encode_text(change.text)).list_entry_positions(document)[-len(new) :]
    note = _defaults_text(defaults, keys)
    done += [
        EntryOutcome("add", str(one.infohashes), str(keys.get("name") or one.name), instance, at, note)
        for one, at in zip(new, places, strict=True)
    ]
    return save_and_report(settings, [change], done, dry_run=options.dry_run)


class _CachingFetch:
    """A `TorrentFetcher` that gets each URL once, whichever others it is asked for with."""

    def __init__(self, fetch: TorrentFetcher) -> None:
        self._fetch = fetch
        self._cache: dict[str, TorrentFile | TorrentFileError] = {}

    def __call__(self, urls: Collection[str]) -> Mapping[str, TorrentFile | TorrentFileError]:
        """For each URL what it leads to, or why that is not known."""
        if missing := [url for url in urls if url not in self._cache]:
            self._cache |= self._fetch(missing)
        return {url: self._cache[url] for url in urls}


def _read_new_torrent(text: str, number: int, torrents: TorrentFileCache) -> _NewTorrent:
    """A torrent of the command line; it is not quoted, since it may hold a passkey. Raises `CommandFailure`."""
    try:
        if is_url(text) and torrents.fetch:
            found = torrents.fetch([text])[text]
            if isinstance(found, TorrentFileError):
                raise found
            return _NewTorrent(EntrySource("torrent", text), found.infohashes, found.name)
        if not text.lower().startswith("magnet:") and Path(text).exists():
            file = torrents.get(text)
            return _NewTorrent(EntrySource("torrent", text), file.infohashes, file.name)
        magnet = parse_magnet(text)
    except TorrentFileError as error:
        code = 1 if error.remote else 4
        raise CommandFailure(f"argument {number} cannot be added: {error}", code) from error
    except MagnetError as error:
        hint = "" if text.lower().startswith("magnet:") else ", and there is no such file"
        raise CommandFailure(f"argument {number} cannot be added: {error}{hint}", 4) from error
    return _NewTorrent(EntrySource("magnet", magnet.uri), magnet.infohashes, magnet.name or str(magnet.infohashes))


def _make_source_relative(source: EntrySource, file: YamlFile) -> EntrySource:
    """The source as an entry of that file names it: paths are relative to the file."""
    if source.key != "torrent" or is_url(source.text):
        return source
    return EntrySource("torrent", os.path.relpath(Path(source.text).absolute(), file.path.parent.absolute()))


def _make_declared_outcome(new: _NewTorrent, desired: DesiredState, instance: str) -> EntryOutcome:
    found = _find_declared(desired, instance, new.infohashes)
    assert found
    _reject_absent(found)
    return EntryOutcome("declared already", str(new.infohashes), found.label, instance, found.position)


def _drop_duplicates(asked: Sequence[_NewTorrent]) -> list[_NewTorrent]:
    """Each torrent once, whatever its links look like."""
    taken: set[str] = set()
    kept = []
    for new in asked:
        if taken.isdisjoint(new.infohashes.ids):
            kept.append(new)
        taken.update(new.infohashes.ids)
    return kept


def _choose_file(settings: Settings, target_file: Path | None) -> YamlFile:
    """The file that takes the entries: the one that is named, else the only one that has torrents, or is there."""
    files = list_desired_files(settings)
    if target_file is not None:
        found = [path for path in files if path == target_file or path.resolve() == target_file.resolve()]
        if not found:
            raise CommandFailure(f"--to: {target_file} is not one of the files: {', '.join(map(str, files))}", 4)
        return read_file(found[0])
    read = [read_file(path) for path in files]
    listing = [file for file in read if file.documents_with_torrents] or read
    if len(listing) > 1:
        names = ", ".join(file.name for file in listing)
        raise CommandFailure(f"there are several files that could take it: {names}. Say which with --to FILE", 4)
    return listing[0]


def _choose_instance(desired: DesiredState, name: object) -> str:
    known = (*desired.groups, *desired.instances)
    if name is None and len(desired.instances) > 1:
        raise CommandFailure(f"there are several instances: {', '.join(known)}. Say which with --instance NAME", 4)
    if name is not None and name not in known:
        what = "instance or group" if desired.groups else "instance"
        raise CommandFailure(
            f'there is no {what} "{name}". {suggestion_text(str(name), known) or "Known: " + ", ".join(known)}', 4
        )
    return str(name or next(iter(desired.instances)))


def _find_declared(desired: DesiredState, instance: str, infohashes: InfoHashes) -> DesiredTorrent | None:
    """The entry for that torrent on that instance, or on one of the members that the group has."""
    ids, places = set(infohashes.ids), set(desired.members_of(instance))
    found = (one for one in desired.torrents if ids & set(one.ids))
    return next((one for one in found if places & set(desired.instances_of(one))), None)


def _reject_absent(entry: DesiredTorrent) -> None:
    if entry.absent:
        prefix = str(entry.infohashes)[:10]
        raise CommandFailure(
            f"{entry.label} is declared absent at {entry.position}. Remove that first: reconcile rm {prefix}", 4
        )


def _defaults_text(defaults: Mapping[str, object], keys: Mapping[str, object]) -> str:
    """Which defaults hold for it without being asked for."""
    surplus = [key for key in defaults if key not in keys and defaults[key] is not None]
    return f"with the defaults there: {', '.join(surplus)}" if surplus else ""
