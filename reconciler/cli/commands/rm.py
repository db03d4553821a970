"""The command rm."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from reconciler.cli import logs
from reconciler.cli.commands.edit import EntryOutcome, FileChange, load_with_changes, read_file, save_and_report
from reconciler.cli.loading import load_desired
from reconciler.cli.settings import CommandFailure, Settings
from reconciler.cli.signals import StopSignals
from reconciler.desired import TorrentFileCache
from reconciler.desired.edit import UnsupportedLayout
from reconciler.fetch import Fetcher
from reconciler.model.desired import DesiredState, DesiredTorrent, Policy
from reconciler.model.lookup import LookupEntry, find_matches, find_similar
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
    torrents = TorrentFileCache()
    with StopSignals() as stopping:
        desired = load_desired(settings, resolve_secrets=False, torrents=torrents)
        if desired.unfetched_count and not all(
            find_matches(text, _list_lookup_entries(desired, options)) for text in options.torrents
        ):
            torrents = TorrentFileCache(Fetcher(stopping.event))  # those that are given by URL are known only then
            desired = load_desired(settings, resolve_secrets=False, stop_signals=stopping, torrents=torrents)
    places = (*desired.groups, *desired.instances)
    if options.instance and options.instance not in places:
        what = "instance or group" if desired.groups else "instance"
        raise CommandFailure(f'there is no {what} "{options.instance}". Known: {", ".join(places)}', 4)
    known = _list_lookup_entries(desired, options)
    entries = list({id(one): one for one in (_find_entry(text, known) for text in options.torrents)}.values())
    by_file: defaultdict[str, list[DesiredTorrent]] = defaultdict(list)
    for entry in entries:
        by_file[entry.position.file].append(entry)
    changes = []
    for name, some in by_file.items():
        file = read_file(Path(name))
        try:
            changes.append(FileChange(file, file.remove_entries({file.find_entry(entry.position) for entry in some})))
        except UnsupportedLayout as error:
            raise CommandFailure(f"{name}: {error}. Remove the entry by hand", 4) from error
    after = load_with_changes(settings, changes, torrents)
    done = [
        EntryOutcome("remove", one.infohash, one.label, one.instance, one.position, _effect_text(one, desired, after))
        for one in entries
    ]
    return save_and_report(settings, changes, done, dry_run=options.dry_run)


def _list_lookup_entries(desired: DesiredState, options: RemoveSettings) -> list[LookupEntry[DesiredTorrent]]:
    """What may be named: an entry by its own name, and by that of its link or file."""
    return [
        LookupEntry(one, one.infohashes, _list_names(one))
        for one in desired.torrents
        if options.instance in (None, one.instance)
    ]


def _list_names(entry: DesiredTorrent) -> tuple[str, ...]:
    given = entry.source or entry.content
    return tuple(name for name in (entry.name, given and given.name) if name)


def _find_entry(text: str, candidates: list[LookupEntry[DesiredTorrent]]) -> DesiredTorrent:
    with suppress(MagnetError):
        text = str(parse_magnet(text).infohashes)  # a link is not repeated: it may hold a passkey
    found = find_matches(text, candidates)
    if len(found) == 1:
        return found[0]
    if found:
        more = [f"{one.position}  {one.infohash[:10]}  {one.label}  on {one.instance}" for one in found]
        raise CommandFailure(
            f'"{text}" is {len(found)} entries. Say which by its infohash, or with --instance', 1, detail_lines=more
        )
    close = [f"{one.position}  {one.infohash[:10]}  {one.label}" for one in find_similar(text, candidates)]
    raise CommandFailure(f'no entry is called "{text}"' + (", but there is" if close else ""), 1, detail_lines=close)


def _effect_text(entry: DesiredTorrent, desired: DesiredState, changed: DesiredState) -> str:
    """What the next run does, now that it is no longer declared."""
    if entry.absent:
        return "it may be there again"
    if desired.policy is not Policy.SYNC:
        return f"policy {desired.policy}: the torrent itself stays"
    if not changed.torrents:
        return "nothing is declared any more, and the guard refuses to delete then"
    if desired.quarantine_days:
        return f"policy sync: the next run stops the torrent, if it is ours, and deletes it after {desired.quarantine_days}d"
    return "policy sync: the next run deletes the torrent, if it is ours"
