"""The command add."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.cli import logs
from reconciler.cli.commands.edit import Change, Done, conclude, files_in, read_file, reload
from reconciler.cli.loading import load_desired
from reconciler.cli.settings import Failure, Settings
from reconciler.cli.signals import Stopping
from reconciler.desired import Fetch, TorrentFiles
from reconciler.desired.edit import Stuck, YamlFile
from reconciler.desired.messages import suggestion
from reconciler.desired.render import Entry, Source
from reconciler.desired.render.entry import Plain
from reconciler.desired.torrent_files import is_url
from reconciler.fetch import Fetcher
from reconciler.model.desired import Desired, DesiredTorrent
from reconciler.model.infohash import InfoHashes
from reconciler.model.magnet import MagnetError, parse_magnet
from reconciler.model.torrent_file import SourceError, TorrentFile


@dataclass(frozen=True, slots=True)
class AddSettings:
    """What is to be added, where, and with which keys."""

    torrents: tuple[str, ...]
    to: Path | None = None
    keys: Mapping[str, Plain] | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class _New:
    """One torrent to be added. `name` is what its source calls it."""

    source: Source
    infohashes: InfoHashes
    name: str


def add_command(settings: Settings, options: AddSettings) -> int:
    """Add entries to a file; what is declared already stays as it is."""
    logs.configure(settings)
    keys = options.keys or {}
    if "name" in keys and len(options.torrents) > 1:
        raise Failure("--name is for one torrent, and several are given", 4)
    with Stopping() as stopping:
        # a URL has to be fetched to know which torrent it is, and whether it is declared already; else all is offline
        torrents = TorrentFiles(_Remembering(Fetcher(stopping.event)) if any(map(is_url, options.torrents)) else None)
        asked = _distinct([_new(text, number, torrents) for number, text in enumerate(options.torrents, 1)])
        desired = load_desired(settings, resolve_secrets=False, stopping=stopping, torrents=torrents)
        file = _target(settings, options.to)
        document = file.best_document(keys)
        defaults = file.defaults(document)
        instance = _instance(desired, keys.get("instance") or defaults.get("instance"))
        new = [one for one in asked if _declared(desired, instance, one.infohashes) is None]
        done = [_left(one, desired, instance) for one in asked if one not in new]
        if not new:
            return conclude(settings, (), done, dry_run=options.dry_run)
        said = {key: one for key, one in keys.items() if key not in defaults or defaults[key] != one}
        entries = [Entry(_beside(one.source, file), said) for one in new]
        try:
            change = Change(file, file.added(document, entries))
        except Stuck as error:
            raise Failure(f"{file.name}: {error}. Add the torrent by hand", 4) from error
        reload(settings, [change], torrents)
    places = YamlFile(file.path, file.bytes_of(change.text)).places(document)[-len(new) :]
    note = _inherited(defaults, keys)
    done += [
        Done("add", str(one.infohashes), str(keys.get("name") or one.name), instance, at, note)
        for one, at in zip(new, places, strict=True)
    ]
    return conclude(settings, [change], done, dry_run=options.dry_run)


class _Remembering:
    """A `Fetch` that gets each URL once, whichever others it is asked for with."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._known: dict[str, TorrentFile | SourceError] = {}

    def __call__(self, urls: Collection[str]) -> Mapping[str, TorrentFile | SourceError]:
        """For each URL what it leads to, or why that is not known."""
        if missing := [url for url in urls if url not in self._known]:
            self._known |= self._fetch(missing)
        return {url: self._known[url] for url in urls}


def _new(text: str, number: int, torrents: TorrentFiles) -> _New:
    """A torrent of the command line; it is not quoted, since it may hold a passkey. Raises `Failure`."""
    try:
        if is_url(text) and torrents.fetch:
            found = torrents.fetch([text])[text]
            if isinstance(found, SourceError):
                raise found
            return _New(Source("torrent", text), found.infohashes, found.name)
        if not text.lower().startswith("magnet:") and Path(text).exists():
            file = torrents.at(text)
            return _New(Source("torrent", text), file.infohashes, file.name)
        magnet = parse_magnet(text)
    except SourceError as error:
        code = 1 if error.remote else 4
        raise Failure(f"argument {number} cannot be added: {error}", code) from error
    except MagnetError as error:
        hint = "" if text.lower().startswith("magnet:") else ", and there is no such file"
        raise Failure(f"argument {number} cannot be added: {error}{hint}", 4) from error
    return _New(Source("magnet", magnet.uri), magnet.infohashes, magnet.name or str(magnet.infohashes))


def _beside(source: Source, file: YamlFile) -> Source:
    """The source as an entry of that file names it: paths are relative to the file."""
    if source.key != "torrent" or is_url(source.text):
        return source
    return Source("torrent", os.path.relpath(Path(source.text).absolute(), file.path.parent.absolute()))


def _left(new: _New, desired: Desired, instance: str) -> Done:
    found = _declared(desired, instance, new.infohashes)
    assert found
    _refuse_absent(found)
    return Done("declared already", str(new.infohashes), found.label, instance, found.at)


def _distinct(asked: Sequence[_New]) -> list[_New]:
    """Each torrent once, whatever its links look like."""
    taken: set[str] = set()
    kept = []
    for new in asked:
        if taken.isdisjoint(new.infohashes.ids):
            kept.append(new)
        taken.update(new.infohashes.ids)
    return kept


def _target(settings: Settings, to: Path | None) -> YamlFile:
    """The file that takes the entries: the one that is named, else the only one that has torrents, or is there."""
    files = files_in(settings)
    if to is not None:
        found = [path for path in files if path == to or path.resolve() == to.resolve()]
        if not found:
            raise Failure(f"--to: {to} is not one of the files: {', '.join(map(str, files))}", 4)
        return read_file(found[0])
    read = [read_file(path) for path in files]
    listing = [file for file in read if file.lists] or read
    if len(listing) > 1:
        names = ", ".join(file.name for file in listing)
        raise Failure(f"there are several files that could take it: {names}. Say which with --to FILE", 4)
    return listing[0]


def _instance(desired: Desired, said: object) -> str:
    known = (*desired.groups, *desired.instances)
    if said is None and len(desired.instances) > 1:
        raise Failure(f"there are several instances: {', '.join(known)}. Say which with --instance NAME", 4)
    if said is not None and said not in known:
        what = "instance or group" if desired.groups else "instance"
        raise Failure(f'there is no {what} "{said}". {suggestion(str(said), known) or "Known: " + ", ".join(known)}', 4)
    return str(said or next(iter(desired.instances)))


def _declared(desired: Desired, instance: str, infohashes: InfoHashes) -> DesiredTorrent | None:
    """The entry for that torrent on that instance, or on one of the members that the group has."""
    ids, places = set(infohashes.ids), set(desired.members_of(instance))
    found = (one for one in desired.torrents if ids & set(one.ids))
    return next((one for one in found if places & set(desired.places_of(one))), None)


def _refuse_absent(found: DesiredTorrent) -> None:
    if found.absent:
        prefix = str(found.infohashes)[:10]
        raise Failure(f"{found.label} is declared absent at {found.at}. Remove that first: reconcile rm {prefix}", 4)


def _inherited(defaults: Mapping[str, object], keys: Mapping[str, object]) -> str:
    """Which defaults hold for it without being asked for."""
    surplus = [key for key in defaults if key not in keys and defaults[key] is not None]
    return f"with the defaults there: {', '.join(surplus)}" if surplus else ""
