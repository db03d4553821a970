"""Prints every number of the design with the raw baseline beside it. Options: `python -m bench [COUNT]`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from bench import flexget, watch
from bench.command import Measurement, measure_command, run_reconcile
from bench.raw import RawConnection
from bench.world import make_magnets, render_instance, write_desired
from reconciler.demo.servers import QbittorrentServer

VERSIONS = ("5.3.0", "4.5.2")
ROUNDS = 5
CYCLES = 20


def main() -> None:
    """All rows, version by version."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    print(f"{count:,} torrents; medians; s = seconds; every ratio is within this run\n")
    for version in VERSIONS:
        print(f"qBittorrent {version}")
        measure_add(version, count)
        measure_converged(version, count)
        measure_import(version, count)
        if version == VERSIONS[0]:
            measure_watch(version, count)
        print()
    compare_with_flexget(count)


def print_row(what: str, figures: str, limit: str, passed: bool) -> None:
    """One line of the table."""
    print(f"  {what:<34} {figures:<58} bar {limit:<9} {'held' if passed else 'MISSED'}", flush=True)


@contextmanager
def start_world(version: str, count: int) -> Iterator[tuple[QbittorrentServer, Path]]:
    """A fresh server and a folder with a desired state for it."""
    with QbittorrentServer(version) as server, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_desired(folder, server, count)
        yield server, folder


def measure_add(version: str, count: int) -> None:
    """Adding everything, process start to verified, against a raw batched add until visible; fresh servers in turn."""
    raws, ours = [], []
    for _ in range(ROUNDS):
        with QbittorrentServer(version) as server:
            raws.append(measure_raw(server, lambda raw: raw.time_add(make_magnets(count))))
        with start_world(version, count) as (_, folder):
            ours.append(run_reconcile(folder))
    assert all(run.report["summary"]["add"] == count for run in ours)
    figures, ratio = compare_medians([run.wall_seconds for run in ours], raws)
    print_row("add, process start to verified", figures, "<= 2", ratio <= 2)
    peak = max(run.peak_mib for run in ours)
    print_row("peak memory, adding", f"{peak:.0f} MiB", "<= 250", peak <= 250)


def measure_converged(version: str, count: int) -> None:
    """A dry-run that finds nothing to do, against one raw list with its JSON parse; in turn."""
    with start_world(version, 100) as (_, folder):
        run_reconcile(folder)
        few = run_reconcile(folder, "--dry-run")
    with start_world(version, count) as (server, folder):
        run_reconcile(folder)
        raws: list[float] = []
        ours: list[Measurement] = []
        for _ in range(ROUNDS):
            raws.append(measure_raw(server, RawConnection.time_list))
            ours.append(run_reconcile(folder, "--dry-run"))
    assert all(run.report["summary"]["unchanged"] == count for run in ours)
    figures, ratio = compare_medians([run.wall_seconds for run in ours], raws)
    print_row("converged --dry-run", figures, "<= 3", ratio <= 3)
    many = [run.report["instances"][0]["requests"] for run in (few, *ours)]
    print_row(
        "requests, 100 and all", f"{many[0]} and {max(many[1:])}", "<= 6", set(many) == {many[0]} and many[0] <= 6
    )
    peak = max(run.peak_mib for run in ours)
    print_row("peak memory, converged", f"{peak:.0f} MiB", "<= 250", peak <= 250)


def measure_import(version: str, count: int) -> None:
    """Everything that is there as a desired state, tried before it is written."""
    with start_world(version, count) as (server, folder):
        measure_raw(server, lambda raw: raw.time_add(make_magnets(count)))
        (folder / "desired.yaml").write_text(render_instance(server))
        command = [sys.executable, "-m", "reconciler", "import", "-o", "imported.yaml"]
        wall, peak, _ = measure_command(command, folder)
        lines = (folder / "imported.yaml").read_text().splitlines()
    entries = sum(line.startswith("  - #") for line in lines)
    assert entries == count, f"{entries} of {count} were imported"
    print_row(
        "import, process start to file", f"{wall:.2f} s, {len(lines):,} lines, {peak:.0f} MiB", "<= 10 s", wall <= 10
    )


def measure_watch(version: str, count: int) -> None:
    """A watch in which nothing changes, and one whose file is saved with one torrent changed."""
    with start_world(version, count) as (server, folder):
        run_reconcile(folder)
        cost = watch.measure_idle(folder, CYCLES)
        soon = watch.measure_reaction(server, folder, count, ROUNDS)
    held = cost.requests == 1 and cost.cpu_ms <= 20
    print_row("watch, nothing changed, a cycle", f"{cost.requests} request, {cost.cpu_ms:.1f} ms CPU", "1, 20 ms", held)
    print_row("watch, saved to changed, - debounce", f"{soon:.2f} s", "<= 1 s", soon <= 1)


def compare_with_flexget(count: int) -> None:
    """The same job by FlexGet: the first run adds, the second has nothing to change."""
    print("FlexGet, same job, same server version (5.3.0), one run each")
    with QbittorrentServer("5.3.0") as server, tempfile.TemporaryDirectory() as name:
        theirs = flexget.measure_flexget(server, count, Path(name))
        added = measure_raw(server, RawConnection.count_torrents)
    with start_world("5.3.0", count) as (_, folder):
        ours = run_reconcile(folder).wall_seconds, run_reconcile(folder).wall_seconds
    assert added == count, f"FlexGet added {added} of {count}"
    for what, their, our in zip(("add", "nothing to change"), theirs, ours, strict=True):
        figures = f"{their:.1f} s / {our:.2f} s = {their / our:.1f} times slower"
        print_row(f"FlexGet, {what}", figures, ">= 20", their / our >= 20)


def compare_medians(ours: list[float], raws: list[float]) -> tuple[str, float]:
    """Medians and their ratio, as text and number."""
    our, raw = median(ours), median(raws)
    return f"{our:.2f} s / {raw:.2f} s raw = {our / raw:.2f}", our / raw


def measure_raw(server: QbittorrentServer, measure: Callable[[RawConnection], float]) -> float:
    """Measure on a fresh raw connection."""
    raw = RawConnection(server)
    try:
        return measure(raw)
    finally:
        raw.close()


if __name__ == "__main__":
    main()
