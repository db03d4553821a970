"""Measure what is large, next to its raw baseline: `python -m bench.scale`. It takes a quarter of an hour and 5 GB.

One instance with 100,000 torrents, and a fleet of 60 instances with 200 torrents each.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from time import perf_counter

from bench.command import Measurement, measure_command, run_reconcile
from bench.raw import RawConnection, measure_raw, time_yaml
from bench.rows import compare_medians, print_figures, print_missed_goals, print_row, print_title
from bench.watch import measure_watch
from bench.world import make_magnets, start_world, write_fleet
from reconciler.demo.servers import QbittorrentServer

VERSION = "5.3.0"
COUNT = 100_000
INSTANCES, TORRENTS_EACH = 60, 200
READERS = 8  # of the raw baseline of a fleet
ROUNDS = 3
CYCLES = 20


def main() -> None:
    """Print all rows."""
    print("medians; times in seconds; every ratio is from this run")
    print_title(f"{COUNT:,} torrents on one qBittorrent {VERSION}")
    with QbittorrentServer(VERSION) as server:
        raw_add = measure_raw(server, lambda raw: raw.time_add(make_magnets(COUNT)))
    with start_world(VERSION, COUNT) as (server, folder):
        measure_add(folder, raw_add)
        measure_validate(folder)
        measure_converged(server, folder)
        measure_large_watch(server, folder)
    print_title(f"{INSTANCES} instances with {TORRENTS_EACH} torrents each")
    measure_fleet()
    print_missed_goals()


def measure_add(folder: Path, raw: float) -> None:
    """Measure adding all torrents."""
    run = run_reconcile(folder)
    assert run.report["summary"]["add"] == COUNT
    figures, ratio = compare_medians([run.wall_seconds], [raw])
    print_row("add, from process start to verified", figures, "<= 1.5", ratio <= 1.5)
    print_row("peak memory, adding", f"{run.peak_mib:.0f} MiB", "<= 500", run.peak_mib <= 500)


def measure_validate(folder: Path) -> None:
    """Measure `validate`, against the bare parser."""
    raw = time_yaml([folder / "desired.yaml"])
    command = [sys.executable, "-m", "reconciler", "validate", "-f", "desired.yaml"]
    walls, peaks, _ = zip(*(measure_command(command, folder) for _ in range(ROUNDS)), strict=True)
    figures, _ = compare_medians(list(walls), [raw])
    print_row("validate", figures, "<= 3 s", median(walls) <= 3)
    print_row("peak memory, validate", f"{max(peaks):.0f} MiB", "<= 250", max(peaks) <= 250)


def measure_converged(server: QbittorrentServer, folder: Path) -> None:
    """Measure a dry-run in sync, against one raw list with its JSON parse."""
    raws, runs = _take_turns(lambda: measure_raw(server, RawConnection.time_list), folder, "--retry-login")
    assert all(run.report["summary"]["unchanged"] == COUNT for run in runs)
    figures, ratio = compare_medians([run.wall_seconds for run in runs], raws)
    print_row("converged --dry-run", figures, "<= 1.5", ratio <= 1.5)
    peak = max(run.peak_mib for run in runs)
    print_row("peak memory, converged", f"{peak:.0f} MiB", "<= 500", peak <= 500)


def measure_large_watch(server: QbittorrentServer, folder: Path) -> None:
    """Measure a watch in sync, its start against one raw list."""
    raws = [measure_raw(server, RawConnection.time_list) for _ in range(ROUNDS)]
    cost = measure_watch(folder, CYCLES)
    figures, ratio = compare_medians([cost.ready_seconds], raws)
    print_row("watch, from process start to ready", figures, "<= 1.5", ratio <= 1.5)
    print_row("memory of that watch", f"{cost.memory_mib:.0f} MiB", "<= 350", cost.memory_mib <= 350)
    is_met = cost.requests == 1 and cost.cpu_ms <= 40
    figures = f"{cost.requests} request, {cost.cpu_ms:.1f} ms CPU"
    print_row("watch, one cycle without changes", figures, "1, 40 ms", is_met)


def measure_fleet() -> None:
    """Measure a fleet in sync, against a few threads that log in everywhere and read every list.

    A run logs in everywhere only if there was none in the hour before; both kinds are measured.
    """
    with ExitStack() as stack:
        servers = [stack.enter_context(QbittorrentServer(VERSION)) for _ in range(INSTANCES)]
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        write_fleet(folder, servers, TORRENTS_EACH)
        run_reconcile(folder)
        raws, first_runs = _take_turns(lambda: _time_readers(servers), folder, "--retry-login")
        figures, _ = compare_medians([run.wall_seconds for run in first_runs], raws)
        print_figures(f"first --dry-run, to {READERS} raw readers", figures)
        run_reconcile(folder, "--dry-run")
        raws, runs = _take_turns(lambda: _time_readers(servers), folder)
        cost = measure_watch(folder, CYCLES)
    assert all(run.report["summary"]["unchanged"] == INSTANCES * TORRENTS_EACH for run in (*first_runs, *runs))
    figures, ratio = compare_medians([run.wall_seconds for run in runs], raws)
    print_row(f"further --dry-run, to {READERS} raw readers", figures, "<= 1.2", ratio <= 1.2)
    each = cost.cpu_ms / INSTANCES
    is_met = cost.requests == 1 and each <= 1.5
    figures = f"{cost.requests} request, {each:.2f} ms CPU per instance"
    print_row("watch, one cycle without changes", figures, "1, 1.5 ms", is_met)
    print_row("memory of that watch", f"{cost.memory_mib:.0f} MiB", "<= 150", cost.memory_mib <= 150)


def _take_turns(time_raw: Callable[[], float], folder: Path, *options: str) -> tuple[list[float], list[Measurement]]:
    """Measure the baseline and dry-runs in turn, so that a machine that becomes slower makes both slower."""
    turns = [(time_raw(), run_reconcile(folder, "--dry-run", *options)) for _ in range(ROUNDS)]
    raws, runs = zip(*turns, strict=True)
    return list(raws), list(runs)


def _time_readers(servers: list[QbittorrentServer]) -> float:
    started_at = perf_counter()
    with ThreadPoolExecutor(READERS) as pool:
        counts = list(pool.map(lambda server: measure_raw(server, RawConnection.count_torrents), servers))
    assert set(counts) == {TORRENTS_EACH}, counts
    return perf_counter() - started_at


if __name__ == "__main__":
    main()
