"""`reconcile rm`: remove entries from the YAML files."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from pathlib import Path

from reconciler.cli import logs
from reconciler.cli.commands.edit import EntryOutcome, FileChange, load_with_changes, read_file, save_and_report
from reconciler.cli.console import print_warning
from reconciler.cli.loading import list_unknown_entries, load_desired, make_fetcher
from reconciler.cli.progress import ProgressBars
from reconciler.cli.settings import CommandFailure, Settings
from reconciler.cli.signals import StopSignals
from reconciler.desired import TorrentFileCache
from reconciler.desired.edit import UnsupportedLayout
from reconciler.model.desired import DesiredState, DesiredTorrent, Policy
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.lookup import LookupEntry, find_matches, find_similar
from reconciler.model.magnet import MagnetError, parse_magnet


@dataclass(frozen=True, slots=True)
class RemoveSettings:
    """The options of `rm`. With `instance`, only entries for that instance or group."""

    torrents: tuple[str, ...]
    instance: str | None = None
    dry_run: bool = False


def remove_command(settings: Settings, options: RemoveSettings) -> int:
    """Remove entries, with the comments inside them, from their files. Return the exit code."""
    logs.configure(settings)
    torrents = TorrentFileCache()
    with StopSignals() as stopping, ProgressBars(settings):
        desired = load_desired(settings, resolve_secrets=False, torrents=torrents)
        if desired.unfetched_count and not all(
            find_matches(text, _list_lookup_entries(desired, options)) for text in options.torrents
        ):
            torrents = TorrentFileCache(make_fetcher(settings, stopping.event, read_only=True))
            # the names of entries with URLs are in their files
            desired = load_desired(settings, resolve_secrets=False, stop_signals=stopping, torrents=torrents)
    for line in list_unknown_entries(desired):
        print_warning(settings, f"the name of this torrent is not known: {line}")
    names = (*desired.groups, *desired.instances)
    if options.instance and options.instance not in names:
        kind = "instance or group" if desired.groups else "instance"
        raise CommandFailure(f'there is no {kind} "{options.instance}". Known: {", ".join(names)}', 4)
    candidates = _list_lookup_entries(desired, options)
    entries = list(
        {id(entry): entry for entry in (_find_entry(text, candidates) for text in options.torrents)}.values()
    )
    if handed_in := [entry.label for entry in entries if entry.is_handed_in]:
        message = f"{handed_in[0]} was handed in by a service. Remove it there, or make it yours first"
        raise CommandFailure(f"{message}: reconcile intake promote", 4)
    by_file: defaultdict[str, list[DesiredTorrent]] = defaultdict(list)
    for entry in entries:
        by_file[entry.position.file].append(entry)
    changes = []
    for name, file_entries in by_file.items():
        file = read_file(Path(name))
        try:
            changes.append(
                FileChange(file, file.remove_entries({file.find_entry(entry.position) for entry in file_entries}))
            )
        except UnsupportedLayout as error:
            raise CommandFailure(f"{name}: {error}. Remove the entry by hand", 4) from error
    after = load_with_changes(settings, changes, torrents)
    outcomes = [
        EntryOutcome(
            "remove", entry.infohash, entry.label, entry.instance, entry.position, _effect_text(entry, desired, after)
        )
        for entry in entries
    ]
    return save_and_report(settings, changes, outcomes, dry_run=options.dry_run)


def _list_lookup_entries(desired: DesiredState, options: RemoveSettings) -> list[LookupEntry[DesiredTorrent]]:
    """Return the entries to choose from, each with its own name and the name in its link or file."""
    return [
        LookupEntry(entry, entry.infohashes, _list_names(entry))
        for entry in desired.torrents
        if options.instance in (None, entry.instance)
    ]


def _list_names(entry: DesiredTorrent) -> tuple[str, ...]:
    source = entry.source or entry.content
    return tuple(name for name in (entry.name, source and source.name) if name)


def _find_entry(text: str, candidates: list[LookupEntry[DesiredTorrent]]) -> DesiredTorrent:
    with suppress(MagnetError):
        text = str(parse_magnet(text).infohashes)  # never quote a link: it may contain a passkey
    matches = find_matches(text, candidates)
    if len(matches) == 1:
        return matches[0]
    if matches:
        lines = [f"{entry.position}  {entry.infohash[:10]}  {entry.label}  on {entry.instance}" for entry in matches]
        raise CommandFailure(
            f'"{text}" matches {len(matches)} entries. Choose one by its infohash or with --instance',
            1,
            detail_lines=lines,
        )
    similar = [f"{entry.position}  {entry.infohash[:10]}  {entry.label}" for entry in find_similar(text, candidates)]
    raise CommandFailure(
        f'no entry is called "{text}"' + (". Similar entries:" if similar else ""), 1, detail_lines=similar
    )


def _effect_text(entry: DesiredTorrent, desired: DesiredState, changed: DesiredState) -> str:
    """Return a note about what the next run does to the torrent."""
    if entry.absent:
        return "the next run no longer deletes the torrent"
    if desired.policy is not Policy.SYNC:
        return f"policy {desired.policy}: the torrent itself stays"
    if not changed.torrents:
        return "no torrent is declared any more, so the guard refuses all deletions"
    if desired.quarantine_days:
        days = desired.quarantine_days
        return f"policy sync: the next run stops the torrent if we own it, and deletes it after {days}d"
    return "policy sync: the next run deletes the torrent if we own it"
