"""The cost of the HTTP side of a watch: a list over REST, and health checks while runs go on, as clients see them."""

from __future__ import annotations

import http.client
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from bench.watch import read_cpu_seconds, run_watch, wait_for_cycles, wait_until
from bench.world import write_desired
from reconciler.demo.servers import QbittorrentServer

PAGE: int = 100  # torrents of a list
CHECK_SPACING: float = 0.01  # seconds between two health checks
TOKEN = "a-token-for-the-bench-alone"


@dataclass(frozen=True, slots=True)
class WebCost:
    """Times in milliseconds. `list_cpu_ms`: of a list, with the reads that it causes.

    The health checks: their median and 99th percentile while runs go on, and while a client also reads lists.
    """

    list_ms: float
    list_cpu_ms: float
    health_ms: tuple[float, float]
    loaded_health_ms: tuple[float, float]


@dataclass(frozen=True, slots=True)
class PageCost:
    """Times of the page of torrents, in seconds.

    `first`: right after the start of a watch, nothing read before. `live_after`: until it shows what the instance has.
    `filtered`: with a filter that most torrents match, and a text.
    """

    first: float
    live_after: float
    filtered: float


def measure_page(folder: Path, rounds: int) -> PageCost:
    """Measure the page of torrents of a watch of many torrents in sync."""
    firsts, lives, filtered = [], [], []
    for _ in range(rounds):
        with run_watch(folder, "60s", "--listen", "127.0.0.1:0") as process:
            wait_for_cycles(folder, process, 1)
            client = WebClient(folder)
            started_at = time.perf_counter()
            firsts.append(client.time_page(""))
            while client.count_in_sync() == 0:
                time.sleep(0.02)
            lives.append(time.perf_counter() - started_at)
            filtered += [client.time_page(f"?sync=in_sync&tag=iso&text=torrent-{number}") for number in range(1, 6)]
            client.close()
    return PageCost(median(firsts), median(lives), median(filtered))


@dataclass(frozen=True, slots=True)
class PlanCost:
    """Times of the first look after a run, in seconds, at the overview and at the plan."""

    overview: float
    plan: float


def measure_plan(folder: Path, rounds: int) -> PlanCost:
    """Measure the pages of a plan of many additions: those of a dry-run, which never ends to plan them."""
    overviews, plans, report = [], [], folder / "report.json"
    for _ in range(rounds):
        report.unlink(missing_ok=True)
        with run_watch(folder, "60s", "--dry-run", "--listen", "127.0.0.1:0") as process:
            wait_for_cycles(folder, process, 1)
            client = WebClient(folder)
            wait_until(process, report.exists)
            wait_until(process, client.has_run)
            overviews.append(client.time_look("/", b"to add"))
            plans.append(client.time_look("/plan", b"to add"))
            client.close()
    return PlanCost(median(overviews), median(plans))


def measure_web(server: QbittorrentServer, folder: Path, count: int, rounds: int) -> WebCost:
    """Measure the HTTP side of a watch of many torrents."""
    (folder / "token").write_text(TOKEN)
    options = ("--listen", "127.0.0.1:0", "--token-file", "token")
    with run_watch(folder, "60s", *options) as process:
        wait_for_cycles(folder, process, 1)
        client = WebClient(folder)
        client.time_list(count)  # the rows are read when they are first asked for
        before = read_cpu_seconds(process.pid)
        lists = [client.time_list(count) for _ in range(rounds)]
        cpu = (read_cpu_seconds(process.pid) - before) / rounds
        client.close()
    with run_watch(folder, "1s", *options) as process:
        wait_for_cycles(folder, process, 3)
        client = WebClient(folder)
        with _change_often(server, folder, count):
            health = client.time_health()
            with _repeat(lambda: WebClient(folder).time_list(count)):
                loaded = client.time_health()
        client.close()
    return WebCost(median(lists) * 1000, cpu * 1000, health, loaded)


class WebClient:
    """A connection to the HTTP side of a watch whose log is in a folder."""

    def __init__(self, folder: Path) -> None:
        urls = re.findall(r'"url": ?"http://127\.0\.0\.1:(\d+)"', (folder / "log").read_text())
        self._http = http.client.HTTPConnection("127.0.0.1", int(urls[0]), timeout=60)

    def time_list(self, count: int) -> float:
        """Return the seconds of a sorted list of a few of all torrents."""
        started_at = time.perf_counter()
        page = json.loads(self._get(f"/api/v1/torrents?limit={PAGE}&sort=-added"))
        assert (len(page["torrents"]), page["total"]) == (min(PAGE, count), count), page["total"]
        return time.perf_counter() - started_at

    def time_page(self, query: str) -> float:
        """Return the seconds of a page of torrents."""
        started_at = time.perf_counter()
        page = self._get(f"/torrents{query}")
        assert page.count(b'class="title"') > 10, page[:2000]
        return time.perf_counter() - started_at

    def time_look(self, path: str, content: bytes) -> float:
        """Return the seconds of a page that has this content."""
        started_at = time.perf_counter()
        page = self._get(path)
        assert content in page, page[:2000]
        return time.perf_counter() - started_at

    def has_run(self) -> bool:
        """Return True once a run has ended."""
        return int(json.loads(self._get("/api/v1/status"))["runs"]) > 0

    def count_in_sync(self) -> int:
        """Return the number of torrents that are known to be in sync."""
        return int(json.loads(self._get("/api/v1/torrents?limit=1&sync=in_sync"))["total"])

    def time_health(self, seconds: float = 10.0) -> tuple[float, float]:
        """Return the median and the 99th percentile of health checks, in milliseconds."""
        times, end = [], time.perf_counter() + seconds
        while time.perf_counter() < end:
            started_at = time.perf_counter()
            assert self._get("/healthz/live") == b"ok\n"
            times.append((time.perf_counter() - started_at) * 1000)
            time.sleep(CHECK_SPACING)
        return median(times), quantiles(times, n=100)[98]

    def _get(self, path: str) -> bytes:
        self._http.request("GET", path)
        return self._http.getresponse().read()

    def close(self) -> None:
        """Close the connection."""
        self._http.close()


@contextmanager
def _change_often(server: QbittorrentServer, folder: Path, count: int) -> Iterator[None]:
    """Context in which the desired state changes again and again, so that a run is nearly always going on."""
    rounds = iter(range(1_000_000))

    def change() -> None:
        write_desired(folder, server, count, first_tag=f"web-{next(rounds)}")
        time.sleep(2)

    with _repeat(change):
        yield


@contextmanager
def _repeat(act: Callable[[], object]) -> Iterator[None]:
    """Context in which a thread repeats a function."""
    is_over = threading.Event()

    def repeat() -> None:
        while not is_over.is_set():
            act()

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
