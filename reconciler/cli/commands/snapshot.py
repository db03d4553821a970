"""`reconcile snapshot`: write what a plan needs, for a plan that is made elsewhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from reconciler.cli import console, logs
from reconciler.cli.loading import load_desired, make_fetcher
from reconciler.cli.progress import ProgressBars
from reconciler.cli.run_context import make_run_context, open_journal
from reconciler.cli.settings import CommandFailure, Settings
from reconciler.cli.signals import StopSignals
from reconciler.model.lazy_dataclass import dataclass
from reconciler.report.text.problems import format_count

if TYPE_CHECKING:
    from reconciler.model.live_state import LiveState


@dataclass(frozen=True, slots=True)
class SnapshotSettings:
    """The options of `snapshot`. `out` None: standard output."""

    out: Path | None
    hash_names: bool


def snapshot_command(settings: Settings, options: SnapshotSettings) -> int:
    """Read the instances and write them. Return the exit code: 1 if one could not be read, which the file says too."""
    from reconciler.saved.snapshot_writer import write_snapshot

    logs.configure(settings)
    if options.out:
        console.check_output_path(options.out, "--out")
    with StopSignals() as stopping, ProgressBars(settings):
        live_state = _read_instances(settings, stopping)
    if stopping.exit_code:
        raise CommandFailure("stopped before every instance was read; nothing was written", stopping.exit_code)

    def write(stream: TextIO) -> None:
        write_snapshot(live_state, stream, hash_names=options.hash_names)

    if options.out:
        console.save_output(options.out, write, "snapshot")
    else:
        console.write_report(write)
    _print_result(settings, live_state)
    return 1 if any(live.snapshot is None for live in live_state.instances) else 0


def _read_instances(settings: Settings, stopping: StopSignals) -> LiveState:
    from reconciler.desired import TorrentFileCache
    from reconciler.engine.selection import UnknownInstance
    from reconciler.qbittorrent import LoginMemory
    from reconciler.queries.snapshot import take_snapshot

    fetcher = make_fetcher(settings, stopping.event, read_only=True)
    desired = load_desired(settings, stop_signals=stopping, torrents=TorrentFileCache(fetcher))
    journal = open_journal(settings)
    context = make_run_context(desired, journal, LoginMemory(journal), stopping)
    try:
        live_state = take_snapshot(desired, settings.instances, context, journal)
    except UnknownInstance as error:
        raise CommandFailure(str(error), 4) from error
    return replace(live_state, sources=fetcher.list_known())


def _print_result(settings: Settings, live_state: LiveState) -> None:
    for live in live_state.instances:
        if live.snapshot is None:
            console.print_warning(settings, f"{live.error} The snapshot says that {live.name} could not be read")
        else:
            console.print_info(settings, f"{live.name}: {format_count(len(live.snapshot.torrents), 'torrent')}")
