"""Prints every number of the design with the raw baseline beside it. Options: `python -m bench [COUNT]`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from bench import flexget, watch
from bench.command import Measured, measured, reconcile
from bench.raw import Raw
from bench.world import instance_of, magnets, write_desired
from reconciler.demo.servers import Server

VERSIONS = ("5.3.0", "4.5.2")
ROUNDS = 5
CYCLES = 20


def main() -> None:
    """All rows, version by version."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    print(f"{count:,} torrents; medians; s = seconds; every ratio is within this run\n")
    for version in VERSIONS:
        print(f"qBittorrent {version}")
        adding(version, count)
        converged(version, count)
        importing(version, count)
        if version == VERSIONS[0]:
            watching(version, count)
        print()
    against_flexget(count)


def row(what: str, figures: str, bar: str, held: bool) -> None:
    """One line of the table."""
    print(f"  {what:<34} {figures:<58} bar {bar:<9} {'held' if held else 'MISSED'}", flush=True)


@contextmanager
def world(version: str, count: int) -> Iterator[tuple[Server, Path]]:
    """A fresh server and a folder with a desired state for it."""
    with Server(version) as server, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_desired(folder, server, count)
        yield server, folder


def adding(version: str, count: int) -> None:
    """Adding everything, process start to verified, against a raw batched add until visible; fresh servers in turn."""
    raws, ours = [], []
    for _ in range(ROUNDS):
        with Server(version) as server:
            raws.append(with_raw(server, lambda raw: raw.timed_add(magnets(count))))
        with world(version, count) as (_, folder):
            ours.append(reconcile(folder))
    assert all(run.report["summary"]["add"] == count for run in ours)
    figures, ratio = compared([run.wall for run in ours], raws)
    row("add, process start to verified", figures, "<= 2", ratio <= 2)
    peak = max(run.peak for run in ours)
    row("peak memory, adding", f"{peak:.0f} MiB", "<= 250", peak <= 250)


def converged(version: str, count: int) -> None:
    """A dry-run that finds nothing to do, against one raw list with its JSON parse; in turn."""
    with world(version, 100) as (_, folder):
        reconcile(folder)
        few = reconcile(folder, "--dry-run")
    with world(version, count) as (server, folder):
        reconcile(folder)
        raws: list[float] = []
        ours: list[Measured] = []
        for _ in range(ROUNDS):
            raws.append(with_raw(server, Raw.timed_list))
            ours.append(reconcile(folder, "--dry-run"))
    assert all(run.report["summary"]["unchanged"] == count for run in ours)
    figures, ratio = compared([run.wall for run in ours], raws)
    row("converged --dry-run", figures, "<= 3", ratio <= 3)
    many = [run.report["instances"][0]["requests"] for run in (few, *ours)]
    row("requests, 100 and all", f"{many[0]} and {max(many[1:])}", "<= 6", set(many) == {many[0]} and many[0] <= 6)
    peak = max(run.peak for run in ours)
    row("peak memory, converged", f"{peak:.0f} MiB", "<= 250", peak <= 250)


def importing(version: str, count: int) -> None:
    """Everything that is there as a desired state, tried before it is written."""
    with world(version, count) as (server, folder):
        with_raw(server, lambda raw: raw.timed_add(magnets(count)))
        (folder / "desired.yaml").write_text(instance_of(server))
        command = [sys.executable, "-m", "reconciler", "import", "-o", "imported.yaml"]
        wall, peak, _ = measured(command, folder)
        lines = (folder / "imported.yaml").read_text().splitlines()
    entries = sum(line.startswith("  - #") for line in lines)
    assert entries == count, f"{entries} of {count} were imported"
    row("import, process start to file", f"{wall:.2f} s, {len(lines):,} lines, {peak:.0f} MiB", "<= 10 s", wall <= 10)


def watching(version: str, count: int) -> None:
    """A watch in which nothing changes, and one whose file is saved with one torrent changed."""
    with world(version, count) as (server, folder):
        reconcile(folder)
        cost = watch.idle(folder, CYCLES)
        soon = watch.saved_to_changed(server, folder, count, ROUNDS)
    held = cost.requests == 1 and cost.cpu <= 20
    row("watch, nothing changed, a cycle", f"{cost.requests} request, {cost.cpu:.1f} ms CPU", "1, 20 ms", held)
    row("watch, saved to changed, - debounce", f"{soon:.2f} s", "<= 1 s", soon <= 1)


def against_flexget(count: int) -> None:
    """The same job by FlexGet: the first run adds, the second has nothing to change."""
    print("FlexGet, same job, same server version (5.3.0), one run each")
    with Server("5.3.0") as server, tempfile.TemporaryDirectory() as name:
        theirs = flexget.seconds(server, count, Path(name))
        added = with_raw(server, Raw.list)
    with world("5.3.0", count) as (_, folder):
        ours = reconcile(folder).wall, reconcile(folder).wall
    assert added == count, f"FlexGet added {added} of {count}"
    for what, their, our in zip(("add", "nothing to change"), theirs, ours, strict=True):
        figures = f"{their:.1f} s / {our:.2f} s = {their / our:.1f} times slower"
        row(f"FlexGet, {what}", figures, ">= 20", their / our >= 20)


def compared(ours: list[float], raws: list[float]) -> tuple[str, float]:
    """Medians and their ratio, as text and number."""
    our, raw = median(ours), median(raws)
    return f"{our:.2f} s / {raw:.2f} s raw = {our / raw:.2f}", our / raw


def with_raw(server: Server, measure: Callable[[Raw], float]) -> float:
    """Measure on a fresh raw connection."""
    raw = Raw(server)
    try:
        return measure(raw)
    finally:
        raw.close()


if __name__ == "__main__":
    main()
