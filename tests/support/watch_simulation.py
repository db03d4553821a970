"""A watch loop over instances in memory, on simulated time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from reconciler.engine.events import FinishedRun, RunTrigger
from reconciler.engine.selection import RunOptions
from reconciler.model.desired import DesiredState, Instance
from reconciler.model.magnet import Magnet
from reconciler.model.metainfo import parse_metainfo
from reconciler.model.torrent_file import FetchedTorrent, TorrentFile, TorrentFileError
from reconciler.retry import RetryPolicy
from reconciler.testing.memory import MemoryInstance
from reconciler.watch.desired_source import DesiredSource
from reconciler.watch.loop import WatchContext, WatchLoop
from reconciler.watch.suspensions import SuspensionBook
from tests.support.fake_time import FakeTime, FakeTrigger
from tests.support.magnets import make_magnet
from tests.support.torrents import make_torrent

MINUTE = 60.0
HOUR = 3600.0


class RecordingListener:
    """An observer that records its calls."""

    def __init__(self) -> None:
        self.runs: list[FinishedRun] = []

    def on_run_start(self, desired: DesiredState) -> None:
        pass

    def on_run_end(self, finished_run: FinishedRun) -> None:
        self.runs.append(finished_run)


class SimulatedTorrentServer:
    """A fetcher of torrents whose URLs end with their numbers. `error`: what is wrong with their server.

    `results`: what was fetched, by URL.
    """

    def __init__(self, time: FakeTime) -> None:
        self.error = ""
        self.fetches: list[float] = []
        self._time = time
        self.results: dict[str, FetchedTorrent] = {}

    def __call__(self, urls: Collection[str]) -> Mapping[str, FetchedTorrent]:
        """Fetch the URLs that were not fetched before."""
        self.results |= self._fetch([url for url in urls if url not in self.results])
        return {url: self.results[url] for url in urls}

    def retry_failed(self) -> bool:
        """Fetch again what failed."""
        fetched = self._fetch([url for url, result in self.results.items() if result.source is None])
        self.results |= fetched
        return any(result.source for result in fetched.values())

    def list_known(self) -> Mapping[str, TorrentFile | Magnet]:
        """Return what was fetched."""
        return {url: result.source for url, result in self.results.items() if result.source}

    def _fetch(self, urls: Collection[str]) -> dict[str, FetchedTorrent]:
        if urls:
            self.fetches.append(self._time.moment)
        if self.error:
            return dict.fromkeys(urls, FetchedTorrent(None, TorrentFileError(self.error)))
        return {url: FetchedTorrent(_make_file(url)) for url in urls}


def _make_file(url: str) -> TorrentFile:
    data = make_torrent(int(url[-1]))
    metainfo = parse_metainfo(data)
    return TorrentFile(url, metainfo.infohashes, metainfo.name, len(data), lambda: data)


class WatchSimulation:
    """A folder, instances in memory, and a loop over them in simulated time."""

    def __init__(self, folder: Path, until: float, *names: str, **options: Any) -> None:
        self.file = folder / "desired.yaml"
        self.instances = {name: MemoryInstance() for name in names or ("box",)}
        self.opened: list[str] = []
        self.contact_times: dict[str, list[float]] = {name: [] for name in self.instances}
        self.environ = {"PASSWORD": "old"}
        self.extra_instance_lines = ""
        self.write(1)
        self.time = FakeTime(random=1.0)
        self.stop = threading.Event()
        self.trigger = FakeTrigger(self.time, until, self.stop.set)
        self.recorder = RecordingListener()
        self.torrents = SimulatedTorrentServer(self.time)
        self._options = options
        self.suspensions: SuspensionBook | None = None
        self.loop = self.make_loop()

    def make_loop(self, interval: float = MINUTE) -> WatchLoop:
        """A loop on the files as they are now."""
        self.source = DesiredSource([self.file], self.environ, self.torrents)
        return WatchLoop(
            self.source,
            RunOptions(**self._options),
            interval,
            self.trigger,
            WatchContext(
                self.stop,
                self.connect,
                RetryPolicy(self.time.clock, max_attempts=1),
                listeners=[self.recorder],
                start_worker=self.run_worker,
                suspensions=self.suspensions,
            ),
        )

    def connect(self, instance: Instance, _stop: threading.Event) -> MemoryInstance:
        self.opened.append(instance.name)
        self.contact_times[instance.name].append(self.time.moment)
        return self.instances[instance.name]

    def run_worker(self, work: Callable[[], None]) -> None:
        """Run the work of the background thread at once."""
        work()

    def write(self, *numbers: int, head: str = "", more: str = "") -> None:
        instances = "".join(
            f"  {name}:\n    url: http://{name}\n    username: u\n    password: {{env: PASSWORD}}\n"
            f"{self.extra_instance_lines}"
            for name in self.instances
        )
        torrents = "".join(
            f"  - instance: {name}\n    magnet: {make_magnet(number)}\n"
            for number in numbers
            for name in self.instances
        )
        self.file.write_text(f"version: 1\npolicy: sync\n{head}instances:\n{instances}torrents:\n{torrents}{more}")

    def request_files_run(self) -> None:
        """Request a run as the thread that watches the files does."""
        self.trigger.request_run(RunTrigger.FILES)

    def run(self) -> list[tuple[float, str]]:
        """Run the loop, and return the time and the cause of each run."""
        self.loop.run()
        return [(round(run.started_at.timestamp() - self.epoch, 1), str(run.trigger)) for run in self.recorder.runs]

    @property
    def epoch(self) -> float:
        return self.time.clock.utc().timestamp() - self.time.moment
