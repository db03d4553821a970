"""Download the .torrent files of many URLs concurrently, with few requests, and keep what they are."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from reconciler.model.errors import StopRequested
from reconciler.model.metainfo import MAX_TORRENT_FILE_BYTES
from reconciler.model.torrent_file import TorrentFile, TorrentFileError, identify_torrent
from reconciler.retry import Clock, compute_backoff_delay, system_clock

MAX_CONCURRENT_REQUESTS: Final = 4  # torrent servers limit them
MAX_ATTEMPTS: Final = 3
RETRY_DELAY: Final = 1.0  # seconds after the first failure, at most
MAX_RETRY_DELAY: Final = 10.0
RETRY_WINDOW: Final = 30.0  # seconds, after which there is no retry
MAX_CACHED_BYTES: Final = 32 << 20  # files that are likely to be sent soon; others are downloaded again


class Fetcher:
    """Return the torrent of each URL of a desired state, and download each file only once for that.

    Calls come from one thread; the bytes may be read from any thread. `stop` ends a call with `StopRequested`.
    """

    def __init__(
        self,
        stop: threading.Event | None = None,
        *,
        clock: Clock | None = None,
    ) -> None:
        self._stop = stop or threading.Event()
        self._clock = clock or system_clock(self._stop)
        self._torrents: dict[str, TorrentFile] = {}
        self._cached_files: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, urls: Collection[str]) -> Mapping[str, TorrentFile | TorrentFileError]:
        """Return for each URL its torrent, or the reason why it is unknown. Raises `StopRequested`."""
        self._torrents = {url: file for url, file in self._torrents.items() if url in urls}
        failed_servers: dict[str, TorrentFileError] = {}  # that have failed in every attempt
        missing = [url for url in urls if url not in self._torrents]
        with ThreadPoolExecutor(MAX_CONCURRENT_REQUESTS, thread_name_prefix="fetch") as pool:
            results = pool.map(lambda url: self._fetch_torrent(url, failed_servers), missing)
            fetched = dict(zip(missing, results, strict=True))
        self._torrents |= {url: file for url, file in fetched.items() if isinstance(file, TorrentFile)}
        return {**self._torrents, **fetched}

    def _fetch_torrent(self, url: str, failed_servers: dict[str, TorrentFileError]) -> TorrentFile | TorrentFileError:
        from reconciler.fetch.http import TransientFetchError  # urllib3 is slow to import, and most have no URLs

        server = urlsplit(url).netloc
        if server in failed_servers:
            return failed_servers[server]
        try:
            data = self._download(url)
        except TransientFetchError as error:
            failed_servers[server] = error
            return error
        except TorrentFileError as error:
            return error
        try:
            torrent = identify_torrent(data)
        except TorrentFileError as error:
            return TorrentFileError(f"what {server} sends is no .torrent file that can be used: {error}", remote=True)
        self._cache_file(url, data)
        return TorrentFile(url, torrent.infohashes, torrent.name, len(data), partial(self._read_file, url))

    def _read_file(self, url: str) -> bytes:
        with self._lock:
            cached = self._cached_files.get(url)
        return cached if cached is not None else self._download(url)

    def _download(self, url: str) -> bytes:
        from reconciler.fetch.http import TransientFetchError, download_file

        deadline = self._clock.now() + RETRY_WINDOW
        for failures in range(1, MAX_ATTEMPTS):
            try:
                return download_file(url, MAX_TORRENT_FILE_BYTES, self._clock.now, self._raise_if_stopped)
            except TransientFetchError:
                if self._clock.now() > deadline:
                    raise
                self._clock.sleep(compute_backoff_delay(failures, RETRY_DELAY, MAX_RETRY_DELAY, self._clock.random()))
        return download_file(url, MAX_TORRENT_FILE_BYTES, self._clock.now, self._raise_if_stopped)

    def _cache_file(self, url: str, data: bytes) -> None:
        with self._lock:
            self._cached_files[url] = data
            size = sum(map(len, self._cached_files.values()))
            while size > MAX_CACHED_BYTES:
                size -= len(self._cached_files.popitem(last=False)[1])

    def _raise_if_stopped(self) -> None:
        if self._stop.is_set():
            raise StopRequested("the run was asked to stop")
