"""Gets many URLs, side by side and politely, and remembers which torrents they were."""

from __future__ import annotations

import random
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from reconciler.model.errors import Stopped
from reconciler.model.metainfo import MAX_BYTES
from reconciler.model.torrent_file import SourceError, TorrentFile, identify

AT_A_TIME: Final = 4  # requests; servers of torrents count them
ATTEMPTS: Final = 3
PATIENCE: Final = 30.0  # seconds, after which nothing is tried again
KEPT: Final = 32 << 20  # bytes of files that are likely to be sent soon; what is not kept is fetched anew


class Fetcher:
    """Called with every URL of a desired state. What it has once identified it does not fetch again for that.

    Calls come from one thread; the bytes may be read from any. `stop` ends it with `Stopped`. Waits are `random` × at
    most 1, 2, … seconds.
    """

    def __init__(
        self,
        stop: threading.Event | None = None,
        *,
        now: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = random.random,
    ) -> None:
        self._stop = stop or threading.Event()
        self._now = now
        self._random = random
        self._known: dict[str, TorrentFile] = {}
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, urls: Collection[str]) -> Mapping[str, TorrentFile | SourceError]:
        """For each URL the torrent that it leads to, or why that is not known. Raises `Stopped`."""
        self._known = {url: file for url, file in self._known.items() if url in urls}
        silent: dict[str, SourceError] = {}  # servers that have failed as often as they are tried
        missing = [url for url in urls if url not in self._known]
        with ThreadPoolExecutor(AT_A_TIME, thread_name_prefix="fetch") as pool:
            found = dict(zip(missing, pool.map(lambda url: self._identified(url, silent), missing), strict=True))
        self._known |= {url: file for url, file in found.items() if isinstance(file, TorrentFile)}
        return {**self._known, **found}

    def _identified(self, url: str, silent: dict[str, SourceError]) -> TorrentFile | SourceError:
        from reconciler.fetch.http import Passing  # urllib3 is slow to import, and most have no URLs

        server = urlsplit(url).netloc
        if server in silent:
            return silent[server]
        try:
            data = self._download(url)
        except Passing as error:
            silent[server] = error
            return error
        except SourceError as error:
            return error
        try:
            found = identify(data)
        except SourceError as error:
            return SourceError(f"what {server} sends is no .torrent file that can be used: {error}", remote=True)
        self._keep(url, data)
        return TorrentFile(url, found.infohashes, found.name, len(data), partial(self._read, url))

    def _read(self, url: str) -> bytes:
        with self._lock:
            kept = self._kept.get(url)
        return kept if kept is not None else self._download(url)

    def _download(self, url: str) -> bytes:
        from reconciler.fetch.http import Passing, download

        patience = self._now() + PATIENCE
        for attempt in range(ATTEMPTS - 1):
            try:
                return download(url, MAX_BYTES, self._now, self._go)
            except Passing:
                if self._now() > patience:
                    raise
                self._stop.wait(self._random() * 2**attempt)
        return download(url, MAX_BYTES, self._now, self._go)

    def _keep(self, url: str, data: bytes) -> None:
        with self._lock:
            self._kept[url] = data
            size = sum(map(len, self._kept.values()))
            while size > KEPT:
                size -= len(self._kept.popitem(last=False)[1])

    def _go(self) -> None:
        if self._stop.is_set():
            raise Stopped("the run was asked to stop")
