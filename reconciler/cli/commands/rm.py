"""The command rm."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from reconciler.cli import logs
from reconciler.cli.commands.edit import Change, Done, conclude, read_file, reload
from reconciler.cli.loading import load_desired
from reconciler.cli.settings import Failure, Settings
from reconciler.cli.signals import Stopping
from reconciler.desired import TorrentFiles
from reconciler.desired.edit import Stuck
from reconciler.fetch import Fetcher
from reconciler.model.desired import Desired, DesiredTorrent, Policy
from reconciler.model.lookup import Known, lookup, near
from reconciler.model.magnet import MagnetError, parse_magnet


@dataclass(frozen=True, slots=True)
class RemoveSettings:
    """Which entries are to go. `instance`: only those for it."""

    torrents: tuple[str, ...]
    instance: str | None = None
    dry_run: bool = False


def remove_command(settings: Settings, options: RemoveSettings) -> int:
    """Remove entries, with the comments inside of them, from the files that hold them."""
    logs.configure(settings)
    torrents = TorrentFiles()
    with Stopping() as stopping:
        desired = load_desired(settings, resolve_secrets=False, torrents=torrents)
        if desired.unfetched and not all(lookup(text, _known(desired, options)) for text in options.torrents):
            torrents = TorrentFiles(Fetcher(stopping.event))  # those that are given by URL are known only then
            desired = load_desired(settings, resolve_secrets=False, stopping=stopping, torrents=torrents)
    places = (*desired.groups, *desired.instances)
    if options.instance and options.instance not in places:
        what = "instance or group" if desired.groups else "instance"
        raise Failure(f'there is no {what} "{options.instance}". Known: {", ".join(places)}', 4)
    known = _known(desired, options)
    entries = list({id(one): one for one in (_one(text, known) for text in options.torrents)}.values())
    by_file: defaultdict[str, list[DesiredTorrent]] = defaultdict(list)
    for entry in entries:
        by_file[entry.at.file].append(entry)
    changes = []
    for name, some in by_file.items():
        file = read_file(Path(name))
        try:
            changes.append(Change(file, file.removed({file.place_of(entry.at) for entry in some})))
        except Stuck as error:
            raise Failure(f"{name}: {error}. Remove the entry by hand", 4) from error
    after = reload(settings, changes, torrents)
    done = [
        Done("remove", one.infohash, one.label, one.instance, one.at, _effect(one, desired, after)) for one in entries
    ]
    return conclude(settings, changes, done, dry_run=options.dry_run)


def _known(desired: Desired, options: RemoveSettings) -> list[Known[DesiredTorrent]]:
    """What may be named: an entry by its own name, and by that of its link or file."""
    return [
        Known(one, one.infohashes, _names(one)) for one in desired.torrents if options.instance in (None, one.instance)
    ]


def _names(entry: DesiredTorrent) -> tuple[str, ...]:
    given = entry.source or entry.content
    return tuple(name for name in (entry.name, given and given.name) if name)


def _one(text: str, known: list[Known[DesiredTorrent]]) -> DesiredTorrent:
    with suppress(MagnetError):
        text = str(parse_magnet(text).infohashes)  # a link is not repeated: it may hold a passkey
    found = lookup(text, known)
    if len(found) == 1:
        return found[0]
    if found:
        more = [f"{one.at}  {one.infohash[:10]}  {one.label}  on {one.instance}" for one in found]
        raise Failure(f'"{text}" is {len(found)} entries. Say which by its infohash, or with --instance', 1, more=more)
    close = [f"{one.at}  {one.infohash[:10]}  {one.label}" for one in near(text, known)]
    raise Failure(f'no entry is called "{text}"' + (", but there is" if close else ""), 1, more=close)


def _effect(entry: DesiredTorrent, desired: Desired, after: Desired) -> str:
    """What the next run does, now that it is no longer declared."""
    if entry.absent:
        return "it may be there again"
    if desired.policy is not Policy.SYNC:
        return f"policy {desired.policy}: the torrent itself stays"
    if not after.torrents:
        return "nothing is declared any more, and the guard refuses to delete then"
    if desired.quarantine:
        return f"policy sync: the next run stops the torrent, if it is ours, and deletes it after {desired.quarantine}d"
    return "policy sync: the next run deletes the torrent, if it is ours"
