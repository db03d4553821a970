"""Download the .torrent files of many URLs concurrently, with few requests, and keep what they are.

See docs/decisions/0021-a-url-that-was-fetched-once-is-known.md.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from typing import Final
from urllib.parse import urlsplit

from reconciler.fetch.store import TorrentStore
from reconciler.model.errors import StopRequested
from reconciler.model.magnet import Magnet, MagnetError, parse_magnet
from reconciler.model.metainfo import MAX_TORRENT_FILE_BYTES
from reconciler.model.torrent_file import FetchedTorrent, TorrentFile, TorrentFileError, identify_torrent
from reconciler.retry import Clock, compute_backoff_delay, system_clock
from reconciler.waits import track_wait

MAX_CONCURRENT_REQUESTS: Final = 4  # to one server: torrent servers limit them
MAX_CONCURRENT_SERVERS: Final = 8
MAX_FAILURES: Final = 4  # URLs of a server that fail, and none succeeds, before the others are not tried
MAX_ATTEMPTS: Final = 3
RETRY_DELAY: Final = 1.0  # seconds after the first failure, at most
MAX_RETRY_DELAY: Final = 10.0
URL_TIMEOUT: Final = 30.0  # seconds for one URL, with all attempts and redirects
RETRY_WINDOW: Final = 10.0  # seconds, after which there is no retry: a server that hangs is asked once
KNOWN_URL_TIMEOUT: Final = 10.0  # seconds for the only attempt, if an earlier run has kept a copy
MAX_CACHED_BYTES: Final = 32 << 20  # files that are likely to be sent soon; others are read or downloaded again
MAX_MAGNET_BYTES: Final = 1 << 16
_STOP_CHECK_INTERVAL: Final = 0.2  # seconds


@dataclass(slots=True)
class _ServerRecord:
    """The results of one server during a call. Many indexers can be behind one server, and only one of them down."""

    has_succeeded: bool = False
    failures: int = 0

    def is_down(self) -> bool:
        return not self.has_succeeded and self.failures >= MAX_FAILURES


class Fetcher:
    """Return the torrent of each URL of a desired state, and download each file only once for that.

    A URL that failed is tried again by `retry_failed` only. With a `store`, it means what it meant when it was fetched
    last. `patience`: the seconds that a call may take, but not `retry_failed`. Calls come from one thread,
    `retry_failed` perhaps from another; the bytes may be read from any thread. `stop` ends a call with `StopRequested`.
    """

    def __init__(
        self,
        stop: threading.Event | None = None,
        *,
        clock: Clock | None = None,
        store: TorrentStore | None = None,
        patience: float = math.inf,
    ) -> None:
        self._stop = stop or threading.Event()
        self._clock = clock or system_clock(self._stop)
        self._store = store
        self._patience = patience
        self._results: dict[str, FetchedTorrent] = {}
        self._cached_files: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, urls: Collection[str]) -> Mapping[str, FetchedTorrent]:
        """Return for each URL its torrent, or the reason why it is unknown. Raises `StopRequested`."""
        with self._lock:
            missing = [url for url in urls if url not in self._results]
        fetched = self._fetch_all(missing, self._clock.now() + self._patience)
        with self._lock:
            self._results = {url: fetched.get(url) or self._results[url] for url in urls}
            return dict(self._results)

    def list_known(self) -> dict[str, TorrentFile | Magnet]:
        """Return the torrents that are known, by URL."""
        with self._lock:
            return {url: fetched.source for url, fetched in self._results.items() if fetched.source}

    def retry_failed(self) -> bool:
        """Try the URLs again whose torrents are unknown. Return True if one of them is known now."""
        with self._lock:
            unknown = [url for url, fetched in self._results.items() if fetched.source is None]
        try:
            fetched = self._fetch_all(unknown, math.inf)
        except StopRequested:
            return False
        with self._lock:
            self._results |= {url: result for url, result in fetched.items() if url in self._results}
        return any(result.source for result in fetched.values())

    def _fetch_all(self, urls: Sequence[str], deadline: float) -> dict[str, FetchedTorrent]:
        by_server: defaultdict[str, list[str]] = defaultdict(list)
        for url in sorted(urls, key=lambda _: self._clock.random()):  # or the same few would fail first in every run
            by_server[urlsplit(url).netloc].append(url)
        fetched: dict[str, FetchedTorrent] = {}
        with ThreadPoolExecutor(MAX_CONCURRENT_SERVERS, thread_name_prefix="fetch") as pool:
            for results in pool.map(lambda urls: self._fetch_from_server(urls, deadline), by_server.values()):
                fetched |= results
        return fetched

    def _fetch_from_server(self, urls: Sequence[str], deadline: float) -> dict[str, FetchedTorrent]:
        record = _ServerRecord()
        server = urlsplit(urls[0]).netloc.rpartition("@")[2]
        count = f"{len(urls):,} torrent{'' if len(urls) == 1 else 's'}"
        with (
            track_wait("fetching", f"{count} from {server}"),
            ThreadPoolExecutor(MAX_CONCURRENT_REQUESTS, thread_name_prefix="fetch") as pool,
        ):
            results = pool.map(lambda url: self._fetch_torrent(url, record, deadline), urls)
            return dict(zip(urls, results, strict=True))

    def _fetch_torrent(self, url: str, record: _ServerRecord, deadline: float) -> FetchedTorrent:
        from reconciler.fetch.http import TransientFetchError  # urllib3 is slow to import, and most have no URLs

        is_known = self._store is not None and self._store.has(url)
        try:
            if record.is_down():
                raise TorrentFileError(f"{urlsplit(url).netloc} has failed for {record.failures} other torrents")
            if self._clock.now() >= deadline:
                raise TorrentFileError("other downloads took too long; it is tried again soon")
            data = self._download(url, deadline, is_known=is_known)
            source = self._identify(url, data)
        except TorrentFileError as error:
            record.failures += isinstance(error, TransientFetchError)
            return FetchedTorrent(self._identify_kept(url), error)
        record.has_succeeded = True
        self._cache_file(url, data)
        if self._store:
            self._store.save(url, data)
        return FetchedTorrent(source)

    def _identify_kept(self, url: str) -> TorrentFile | Magnet | None:
        """Return the torrent that an earlier run has kept; None if there is none."""
        data = self._store.load(url) if self._store else None
        if data is None:
            return None
        try:
            return self._identify(url, data)
        except TorrentFileError:  # of a version that took more
            return None

    def _identify(self, url: str, data: bytes) -> TorrentFile | Magnet:
        """Return the torrent that a server sent, or the magnet link that it led to. Raises `TorrentFileError`."""
        host = urlsplit(url).netloc
        if data[:7].lower() == b"magnet:" and len(data) <= MAX_MAGNET_BYTES:
            try:
                return parse_magnet(data.decode().strip())
            except (MagnetError, UnicodeDecodeError) as error:
                reason = error if isinstance(error, MagnetError) else "it is not UTF-8 text"
                raise TorrentFileError(f"{host} leads to a magnet link that cannot be used: {reason}") from None
        try:
            torrent = identify_torrent(data)
        except TorrentFileError as error:
            raise TorrentFileError(f"what {host} sends is no .torrent file that can be used: {error}") from None
        return TorrentFile(url, torrent.infohashes, torrent.name, len(data), partial(self._read_file, url))

    def _read_file(self, url: str) -> bytes:
        with self._lock:
            cached = self._cached_files.get(url)
        if cached is None and self._store:
            cached = self._store.load(url)
        return cached if cached is not None else self._download(url, math.inf, is_known=False)

    def _download(self, url: str, deadline: float, *, is_known: bool) -> bytes:
        """Return the content of a URL. Raises `TorrentFileError`. `is_known`: a failure is no great loss."""
        from reconciler.fetch.http import TransientFetchError

        started_at = self._clock.now()
        deadline = min(deadline, started_at + (KNOWN_URL_TIMEOUT if is_known else URL_TIMEOUT))
        for failures in range(1, 1 if is_known else MAX_ATTEMPTS):
            try:
                return self._attempt_download(url, deadline)
            except TransientFetchError:
                if self._clock.now() > min(deadline, started_at + RETRY_WINDOW):
                    raise
                self._clock.sleep(compute_backoff_delay(failures, RETRY_DELAY, MAX_RETRY_DELAY, self._clock.random()))
        return self._attempt_download(url, deadline)

    def _attempt_download(self, url: str, deadline: float) -> bytes:
        """Download in a thread that is abandoned at the deadline, or when the run is asked to stop.

        Neither the lookup of a name nor an answer that arrives byte by byte ends by itself.
        """
        from reconciler.fetch.http import TransientFetchError, download_file

        outcomes: SimpleQueue[bytes | Exception] = SimpleQueue()

        def work() -> None:
            try:
                outcomes.put(
                    download_file(url, MAX_TORRENT_FILE_BYTES, deadline, self._clock.now, self._raise_if_stopped)
                )
            except Exception as error:
                outcomes.put(error)

        threading.Thread(target=work, name="download", daemon=True).start()
        while True:
            try:
                outcome = outcomes.get(timeout=_STOP_CHECK_INTERVAL)
            except Empty:
                self._raise_if_stopped()
                if self._clock.now() > deadline:
                    raise TransientFetchError(f"{urlsplit(url).netloc} did not answer in time") from None
                continue
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

    def _cache_file(self, url: str, data: bytes) -> None:
        with self._lock:
            self._cached_files[url] = data
            size = sum(map(len, self._cached_files.values()))
            while size > MAX_CACHED_BYTES:
                size -= len(self._cached_files.popitem(last=False)[1])

    def _raise_if_stopped(self) -> None:
        if self._stop.is_set():
            raise StopRequested("the run was asked to stop")
