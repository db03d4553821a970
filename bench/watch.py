"""The cost of a watch without changes, and its reaction time to a saved file, measured on the real command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from bench.raw import RawConnection
from bench.world import make_infohash, write_desired
from reconciler.demo.servers import QbittorrentServer
from reconciler.watch.schedule import DEBOUNCE, MIN_RUN_SPACING

WARM_UP_CYCLES = 5  # cycles before measuring


@dataclass(frozen=True, slots=True)
class WatchCost:
    """The cost of a watch in sync: seconds until its first run is done, and its resident MiB in the end.

    Of a cycle without changes, the maximum of the requests to an instance, and the mean CPU time in milliseconds.
    """

    ready_seconds: float
    memory_mib: float
    requests: int
    cpu_ms: float


def measure_watch(folder: Path, cycles: int) -> WatchCost:
    """Measure the start of a watch, and a number of cycles in sync."""
    started_at = time.perf_counter()
    with run_watch(folder, "1s") as process:
        wait_for_cycles(folder, process, 1)
        ready = time.perf_counter() - started_at
        wait_for_cycles(folder, process, WARM_UP_CYCLES)
        cpu_before, requests = read_cpu_seconds(process.pid), []
        for _ in range(cycles):
            wait_for_cycles(folder, process, 1)
            instances = json.loads((folder / "report.json").read_text())["instances"]
            assert {instance["status"] for instance in instances} == {"ok"}
            requests.append(max(instance["requests"] for instance in instances))
        cpu_ms = (read_cpu_seconds(process.pid) - cpu_before) * 1000 / cycles
        return WatchCost(ready, read_memory(process.pid), max(requests), cpu_ms)


def measure_reaction(server: QbittorrentServer, folder: Path, count: int, rounds: int) -> float:
    """Return the median seconds from a saved file to the change on the server, less the debounce."""
    seconds = []
    with run_watch(folder, "600s") as process:
        wait_for_cycles(folder, process, 1)
        for number in range(rounds):
            time.sleep(MIN_RUN_SPACING + 1)
            write_desired(folder, server, count, first_tag=f"round-{number}")
            saved_at, raw = time.perf_counter(), RawConnection(server)
            wait_until(process, partial(_has_tag, raw, f"round-{number}"))
            seconds.append(time.perf_counter() - saved_at - DEBOUNCE)
            raw.close()
    return median(seconds)


@contextmanager
def run_watch(folder: Path, interval: str, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """Context with a running watch of `folder/desired.yaml`. Its log is in `folder/log`."""
    command = [sys.executable, "-m", "reconciler", "-f", "desired.yaml", "--watch", "--interval", interval, "-v"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--log-format", "json", "--report", "report.json", "--state-dir", "state", *options],
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _has_tag(raw: RawConnection, tag: str) -> bool:
    return tag in raw.read_tags(make_infohash(0))


def wait_for_cycles(folder: Path, process: subprocess.Popen[bytes], count: int) -> None:
    """Wait for a number of further runs."""
    log = folder / "log"

    def count_runs() -> int:
        return log.read_text().count('"trigger"')

    target = count_runs() + count
    wait_until(process, lambda: count_runs() >= target)


def wait_until(process: subprocess.Popen[bytes], condition: Callable[[], bool]) -> None:
    """Wait until a condition holds while the watch runs."""
    deadline = time.monotonic() + 900  # for the first run of a large watch
    while not condition():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("the watch has ended or does nothing; see its log")
        time.sleep(0.02)


def read_cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of all threads of a process, from its kernel statistics."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def read_memory(pid: int) -> float:
    """Return the resident MiB of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)
