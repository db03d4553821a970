"""Measure every performance goal, next to its raw baseline: `python -m bench [COUNT]`."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from statistics import median

from bench import flexget, gateway, watch, web
from bench.command import Measurement, measure_command, run_reconcile
from bench.raw import RawConnection, measure_raw, time_yaml
from bench.rows import compare_medians, print_missed_goals, print_row, print_title
from bench.world import make_magnets, render_instance, start_world, write_desired
from reconciler.demo.servers import QbittorrentServer

VERSIONS = ("5.3.0", "4.5.2")
ROUNDS = 5
CYCLES = 20


def main() -> None:
    """Print all rows, version by version."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    print(f"{count:,} torrents; medians; times in seconds; every ratio is from this run")
    for version in VERSIONS:
        print_title(f"qBittorrent {version}")
        measure_add(version, count)
        measure_converged(version, count)
        measure_import(version, count)
        if version == VERSIONS[0]:
            measure_watch(version, count)
            measure_gateway(version, count)
            measure_diff(version, count)
            measure_web(version, count)
            measure_page(version, count)
    compare_with_flexget(count)
    print_missed_goals()


def measure_add(version: str, count: int) -> None:
    """Measure adding all torrents, from process start to verified, against a raw batched add, on fresh servers."""
    raws, ours = [], []
    for _ in range(ROUNDS):
        with QbittorrentServer(version) as server:
            raws.append(measure_raw(server, lambda raw: raw.time_add(make_magnets(count))))
        with start_world(version, count) as (_, folder):
            ours.append(run_reconcile(folder))
    assert all(run.report["summary"]["add"] == count for run in ours)
    figures, ratio = compare_medians([run.wall_seconds for run in ours], raws)
    print_row("add, from process start to verified", figures, "<= 1.5", ratio <= 1.5)
    peak = max(run.peak_mib for run in ours)
    print_row("peak memory, adding", f"{peak:.0f} MiB", "<= 120", peak <= 120)


def measure_converged(version: str, count: int) -> None:
    """Measure a dry-run in sync that logs in, against one raw list with its JSON parse."""
    with start_world(version, 100) as (_, folder):
        run_reconcile(folder)
        few = run_reconcile(folder, "--dry-run", "--retry-login")
    with start_world(version, count) as (server, folder):
        run_reconcile(folder)
        raws: list[float] = []
        ours: list[Measurement] = []
        for _ in range(ROUNDS):
            raws.append(measure_raw(server, RawConnection.time_list))
            ours.append(run_reconcile(folder, "--dry-run", "--retry-login"))
    assert all(run.report["summary"]["unchanged"] == count for run in ours)
    figures, ratio = compare_medians([run.wall_seconds for run in ours], raws)
    print_row("converged --dry-run", figures, "<= 2", ratio <= 2)
    requests = [run.report["instances"][0]["requests"] for run in (few, *ours)]
    print_row(
        "requests for 100 torrents, and for all",
        f"{requests[0]} and {max(requests[1:])}",
        "<= 6",
        set(requests) == {requests[0]} and requests[0] <= 6,
    )
    peak = max(run.peak_mib for run in ours)
    print_row("peak memory, converged", f"{peak:.0f} MiB", "<= 120", peak <= 120)


def measure_import(version: str, count: int) -> None:
    """Measure an import of all torrents, which is checked before it is written."""
    with start_world(version, count) as (server, folder):
        measure_raw(server, lambda raw: raw.time_add(make_magnets(count)))
        (folder / "desired.yaml").write_text(render_instance(server))
        command = [sys.executable, "-m", "reconciler", "import", "-o", "imported.yaml"]
        wall, peak, _ = measure_command(command, folder)
        lines = (folder / "imported.yaml").read_text(encoding="utf-8").splitlines()
    entries = sum(line.startswith("  - #") for line in lines)
    assert entries == count, f"{entries} of {count} were imported"
    print_row(
        "import, from process start to file",
        f"{wall:.2f} s, {len(lines):,} lines, {peak:.0f} MiB",
        "<= 10 s",
        wall <= 10,
    )


def measure_watch(version: str, count: int) -> None:
    """Measure a watch without changes, and one whose file is saved with one changed torrent."""
    with start_world(version, count) as (server, folder):
        run_reconcile(folder)
        cost = watch.measure_watch(folder, CYCLES)
        reaction = watch.measure_reaction(server, folder, count, ROUNDS)
    is_met = cost.requests == 1 and cost.cpu_ms <= 20
    print_row(
        "watch, one cycle without changes", f"{cost.requests} request, {cost.cpu_ms:.1f} ms CPU", "1, 20 ms", is_met
    )
    print_row("memory of that watch", f"{cost.memory_mib:.0f} MiB", "<= 150", cost.memory_mib <= 150)
    print_row("watch, from save to change, less debounce", f"{reaction:.2f} s", "<= 1 s", reaction <= 1)


def measure_diff(version: str, count: int) -> None:
    """Measure a comparison of desired states that differ in a tenth of the torrents, against the bare parser."""
    with start_world(version, count) as (server, folder):
        old, new = folder / "old.yaml", folder / "desired.yaml"
        new.rename(old)
        write_desired(folder, server, count, first_tag="changed", first_count=count // 10)
        command = [sys.executable, "-m", "reconciler", "diff", old.name, new.name, "--output", "json"]
        raws, ours, peaks = [], [], []
        for _ in range(ROUNDS):
            raws.append(time_yaml([old, new]))
            wall, peak, out = measure_command(command, folder)
            ours.append(wall)
            peaks.append(peak)
    assert json.loads(out)["summary"]["update"] == count // 10
    figures, _ = compare_medians(ours, raws)
    print_row("diff of two desired states", figures, "<= 2 s", median(ours) <= 2)
    both = 2 * max(peaks)  # it is measured for the larger one of two processes, each of which loads one state
    print_row("peak memory, diff", f"at most {both:.0f} MiB", "<= 300", both <= 300)


def measure_web(version: str, count: int) -> None:
    """Measure the HTTP side of a watch: a list against a raw one, and health checks while runs go on."""
    with start_world(version, count) as (server, folder):
        run_reconcile(folder)
        raws = [measure_raw(server, lambda raw: raw.time_page(web.PAGE)) for _ in range(CYCLES)]
        cost = web.measure_web(server, folder, count, CYCLES * 5)
    figures = f"{cost.list_ms:.0f} ms, {cost.list_cpu_ms:.0f} ms CPU / {median(raws) * 1000:.0f} ms raw"
    print_row(f"REST, a list of {web.PAGE}", figures, "<= 50 ms", cost.list_ms <= 50)
    for subject, (usual, slow) in (("runs", cost.health_ms), ("runs and lists", cost.loaded_health_ms)):
        print_row(f"health during {subject}", f"{usual:.1f} ms, 99 %: {slow:.1f} ms", "<= 5 ms", usual <= 5)


def measure_page(version: str, count: int) -> None:
    """Measure the page of torrents, against one raw list, and one raw page of the server with a filter.

    Before that, the pages of the plan that adds all of them.
    """
    with start_world(version, count) as (server, folder):
        plan = web.measure_plan(folder, ROUNDS)
        run_reconcile(folder)
        lists = [measure_raw(server, RawConnection.time_list) for _ in range(ROUNDS)]
        pages = [measure_raw(server, lambda raw: raw.time_page(web.PAGE)) for _ in range(CYCLES)]
        cost = web.measure_page(folder, ROUNDS)
    figures = f"{cost.first:.2f} s, live after {cost.live_after:.2f} s / {median(lists):.2f} s raw"
    print_row("page of torrents, right after the start", figures, "<= 1 s", cost.first <= 1)
    figures = f"{cost.filtered * 1000:.0f} ms / {median(pages) * 1000:.0f} ms raw"
    print_row("page of torrents, filtered", figures, "<= 200 ms", cost.filtered <= 0.2)
    print_row("page of the plan of their additions", f"{plan.plan:.2f} s, first look", "<= 1 s", plan.plan <= 1)
    figures = f"{plan.overview * 1000:.0f} ms, first look after the run"
    print_row("overview with this plan", figures, "<= 100 ms", plan.overview <= 0.1)


def measure_gateway(version: str, count: int) -> None:
    """Measure the gateway of a watch against the same requests to qBittorrent."""
    with start_world(version, count) as (server, folder):
        run_reconcile(folder)
        cost = gateway.measure_gateway(server, folder, ROUNDS)
    lists = {"at first": cost.first_list, "as it is": cost.gateway_list, "after a change": cost.list_after_change}
    for subject, seconds in lists.items():
        figures, ratio = compare_medians([seconds], [cost.direct_list])
        print_row(f"gateway: torrents/info {subject}", figures, "<= 1.5", ratio <= 1.5)
    is_met = cost.unchanged_seconds <= 0.005 and cost.unchanged_bytes <= 1024
    figures = f"{cost.unchanged_seconds * 1000:.1f} ms, {cost.unchanged_bytes} bytes"
    print_row("gateway: sync/maindata unchanged", figures, "5 ms, 1 KiB", is_met)
    rate = 1000 / cost.cpu_ms
    print_row(
        "gateway: requests per second and core", f"{rate:.0f} ({cost.cpu_ms:.1f} ms CPU each)", ">= 100", rate >= 100
    )
    figures = f"{cost.growth_mib:+.1f} MiB"
    print_row(f"gateway: memory over {gateway.REQUESTS:,} requests", figures, "<= 5 MiB", cost.growth_mib <= 5)


def compare_with_flexget(count: int) -> None:
    """Measure the same job with FlexGet: the first run adds, the second one has nothing to do."""
    print_title("FlexGet: the same job on the same server version (5.3.0), one run each")
    with QbittorrentServer("5.3.0") as server, tempfile.TemporaryDirectory() as name:
        theirs = flexget.measure_flexget(server, count, Path(name))
        added = measure_raw(server, RawConnection.count_torrents)
    with start_world("5.3.0", count) as (_, folder):
        ours = run_reconcile(folder).wall_seconds, run_reconcile(folder).wall_seconds
    assert added == count, f"FlexGet added {added} of {count}"
    for job, their, our in zip(("add", "nothing to do"), theirs, ours, strict=True):
        figures = f"{their:.1f} s / {our:.2f} s = {their / our:.1f} times slower"
        print_row(f"FlexGet, {job}", figures, ">= 20", their / our >= 20)


if __name__ == "__main__":
    main()
