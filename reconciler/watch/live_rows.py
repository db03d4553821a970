"""The rows of all instances for the HTTP side, kept fresh in threads while somebody asks for them.

See docs/decisions/0140-rows-are-read-once-for-all-clients.md.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from math import inf
from time import monotonic
from typing import Final, Protocol

from reconciler.engine.events import Backoff, FinishedRun
from reconciler.engine.session_key import session_key
from reconciler.model.desired import DesiredState, Instance
from reconciler.model.errors import InstanceError, InternalError, StopRequested
from reconciler.model.rows import FIRST_READ, InstanceRows, InstanceUnavailable, Reply
from reconciler.model.run import InstanceResult
from reconciler.qbittorrent.row_feed import FeedState
from reconciler.report.phrases import strip_instance_prefix
from reconciler.retry import Clock
from reconciler.watch.backoff import InstanceBackoff

REFRESH_INTERVAL: Final = 2.0  # seconds between requests to one instance
SERVER_SHARE: Final = 0.25  # of the time of a server that reads may take
IDLE_AFTER: Final = 60.0  # seconds without a client, after which nothing is read
LOG_OUT_AFTER: Final = 600.0  # seconds without a client; the server keeps a copy of all torrents for the session
KEPT_READ_INTERVAL: Final = 30.0  # seconds between reads for no client, so that the next one needs only a delta
FIRST_READ_PATIENCE: Final = 5.0  # seconds for which a client waits for the first read
URGENT_PATIENCE: Final = 0.3  # seconds for which a person waits for it
LOG_OUT_PATIENCE: Final = 1.0  # seconds for which the end waits for all instances
ASK_PATIENCE: Final = 10.0  # seconds for which a client waits while the rows are being read


class Feed(Protocol):
    """A session that reads the rows of one instance, as `qbittorrent.RowFeed`."""

    @property
    def version(self) -> str:
        """The version of qBittorrent."""

    @property
    def web_api(self) -> str:
        """The version of its Web API."""

    @property
    def request_count(self) -> int:
        """The number of requests sent so far."""

    def read(self) -> FeedState:
        """Read what has changed. Raises `InstanceError`."""

    def ask(self, endpoint: str, form: Mapping[str, str]) -> Reply:
        """Send any request. Raises `InstanceError`."""

    def close(self) -> None:
        """Log out."""


OpenFeed = Callable[[Instance], Feed]


class LiveRowReader:
    """Implements `model.rows.LiveRows`, and listens to runs to leave an instance alone while the loop does.

    `get_desired` returns the desired state in force; `open_feed` returns a session that is not logged in yet.
    """

    def __init__(self, get_desired: Callable[[], DesiredState], open_feed: OpenFeed, clock: Clock) -> None:
        self._get_desired, self._open_feed, self._clock = get_desired, open_feed, clock
        self._lock = threading.Lock()
        self._instances: Mapping[str, Instance] = {}
        self._readers: dict[str, InstanceReader] = {}
        self._backoffs: Mapping[str, Backoff] = {}
        self._is_closed = False

    def read(self, *, is_urgent: bool = False) -> Mapping[str, InstanceRows]:
        """Return the rows of every declared instance. Only the first client after a while waits, for some seconds."""
        readers = self._get_readers()
        for reader in readers.values():
            reader.request_rows()
        deadline = monotonic() + (URGENT_PATIENCE if is_urgent else FIRST_READ_PATIENCE)
        return {name: reader.wait_for_rows(deadline, may_be_old=is_urgent) for name, reader in readers.items()}

    def get_known(self) -> Mapping[str, InstanceRows]:
        """Return the rows that clients last asked for, however old; of an instance that none asked for, no row."""
        return {name: reader.get_known_rows() for name, reader in self._get_readers().items()}

    def ask(self, instance: str, endpoint: str, parameters: Mapping[str, str]) -> Reply:
        """Send one read, such as `torrents/files`, to an instance. Raises `InstanceUnavailable`."""
        reader = self._get_readers().get(instance)
        if reader is None:
            raise InstanceUnavailable(f"{instance} is not declared")
        return reader.ask(endpoint, parameters)

    def send(self, instance: str, endpoint: str, parameters: Mapping[str, str]) -> Reply:
        """Send one request that changes nothing declared. It is not repeated. Raises `InstanceUnavailable`."""
        return self.ask(instance, endpoint, parameters)

    def on_run_start(self, desired: DesiredState) -> None:
        """Ignore it: a run that begins says nothing about the instances."""

    def on_run_end(self, finished_run: FinishedRun) -> None:
        """Take over the back-offs of the loop. With a gateway, keep rows at hand: its clients ask again and again.

        The loop has logged in before, so credentials that are wrong are not sent twice at the same time.
        """
        is_kept = self._get_desired().gateway is not None
        with self._lock:
            self._backoffs = finished_run.backoffs or {}
            readers = dict(self._readers)
        if is_kept:
            readers = dict(self._get_readers())
        for name, reader in readers.items():
            reader.follow_backoff(self._backoffs.get(name))
            reader.keep_rows(is_kept=is_kept)

    def close(self) -> None:
        """Log out everywhere, and read no more."""
        with self._lock:
            self._is_closed = True
            readers, self._readers = list(self._readers.values()), {}
            self._instances = {}
        for reader in readers:
            reader.close()
        deadline = monotonic() + LOG_OUT_PATIENCE
        for reader in readers:
            reader.join(deadline)

    def _get_readers(self) -> dict[str, InstanceReader]:
        """Return a reader for each instance as it is declared now."""
        instances = self._get_desired().instances
        with self._lock:
            if instances is not self._instances and not self._is_closed:
                self._instances = instances
                self._replace_readers(instances)
            return self._readers

    def _replace_readers(self, instances: Mapping[str, Instance]) -> None:
        before, self._readers = self._readers, {}
        for name, instance in instances.items():
            reader = before.get(name)
            if reader and session_key(reader.instance) == session_key(instance):
                self._readers[name] = before.pop(name)
            else:
                self._readers[name] = InstanceReader(instance, self._open_feed, self._clock)
                self._readers[name].follow_backoff(self._backoffs.get(name))
        for reader in before.values():
            reader.close()


class InstanceReader:
    """Reads one instance in a thread of its own, as long as somebody asks for its rows."""

    def __init__(self, instance: Instance, open_feed: OpenFeed, clock: Clock) -> None:
        self.instance: Final = instance
        self._open_feed: Final = open_feed
        self._clock: Final = clock
        self._condition: Final = threading.Condition()
        self._feed_lock: Final = threading.Lock()
        self._feed: Feed | None = None
        self._backoff: Final = InstanceBackoff(clock)
        self._loop_backoff: Backoff | None = None
        self._rows = InstanceRows(instance.name, reason=FIRST_READ)
        self._has_fresh_rows = False
        self._asked_at = -inf
        self._next_read_at = -inf
        self._is_kept = False
        self._last_seconds = 0.0  # that a read took; after a single slow one, the next is likely to be fast
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def request_rows(self) -> None:
        """Note that a client wants the rows, and see to it that they are read."""
        with self._condition:
            self._asked_at = self._clock.now()
            self._start_thread()
            if not self._has_fresh_rows:
                self._condition.notify_all()

    def keep_rows(self, *, is_kept: bool) -> None:
        """Read the rows also while no client asks, or do not."""
        with self._condition:
            self._is_kept = is_kept
            if is_kept:
                self._start_thread()

    def wait_for_rows(self, deadline: float, *, may_be_old: bool = False) -> InstanceRows:
        """Return the rows: at once while they are kept fresh, else once they have been read, or at the deadline.

        Rows that are old then count as not read, unless they may be old.
        """
        with self._condition:
            while not (self._has_fresh_rows or self._is_closed) and (seconds := deadline - monotonic()) > 0:
                self._condition.wait(seconds)
            if not (self._has_fresh_rows or may_be_old) and self._rows.is_read:
                return replace(self._rows, is_read=False, reason="it has not answered in time")
            return self._rows

    def get_known_rows(self) -> InstanceRows:
        """Return the rows as they were last read, at once."""
        with self._condition:
            return self._rows

    def ask(self, endpoint: str, form: Mapping[str, str]) -> Reply:
        """Send one request. Raises `InstanceUnavailable`."""
        self.request_rows()
        if reason := self._find_pause_reason():
            raise InstanceUnavailable(f"{self.instance.name}: {reason}")
        if not self._feed_lock.acquire(timeout=ASK_PATIENCE):
            raise InstanceUnavailable(f"{self.instance.name}: it has not answered another request yet")
        try:
            return self._get_feed().ask(endpoint, form)
        except (InstanceError, StopRequested) as error:
            raise InstanceUnavailable(str(error)) from error
        finally:
            self._feed_lock.release()

    def follow_backoff(self, backoff: Backoff | None) -> None:
        """Leave the instance alone as long as the loop does. None: the loop has read it."""
        with self._condition:
            is_worth_a_read = backoff is None and not self._rows.is_read
            self._loop_backoff = backoff
            if is_worth_a_read:
                self._backoff.forget_changed({})
                self._next_read_at = min(self._next_read_at, self._clock.now() + REFRESH_INTERVAL)
                self._condition.notify_all()

    def close(self) -> None:
        """End the thread, which logs out."""
        with self._condition:
            self._is_closed = True
            self._condition.notify_all()

    def join(self, deadline: float) -> None:
        """Wait until it has logged out, or until the deadline."""
        if self._thread:
            self._thread.join(max(0.0, deadline - monotonic()))

    def _start_thread(self) -> None:
        if self._thread is None and not self._is_closed:
            self._thread = threading.Thread(target=self._run, name=f"rows-{self.instance.name}", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while self._wait_until_due():
            self._read()
        with self._feed_lock:
            self._drop_feed()

    def _wait_until_due(self) -> bool:
        """Wait until the instance is to be read. Return False when the thread is to end."""
        with self._condition:
            while not self._is_closed:
                now = self._clock.now()
                idle_at, end_at = self._asked_at + IDLE_AFTER, self._asked_at + LOG_OUT_AFTER
                if now >= end_at and not self._is_kept:
                    self._thread, self._rows = None, InstanceRows(self.instance.name, reason=FIRST_READ)
                    return False
                due_at, wake_at = self._next_read_at, idle_at
                if now >= idle_at:
                    self._has_fresh_rows = self._has_fresh_rows and now < self._next_read_at
                    due_at = self._next_read_at + KEPT_READ_INTERVAL if self._is_kept else inf
                    wake_at = self._next_read_at if self._has_fresh_rows else inf if self._is_kept else end_at
                if now >= due_at:
                    return True
                self._condition.wait(min(due_at, wake_at) - now)
            return False

    def _read(self) -> None:
        """Read once, and publish what came of it."""
        if reason := self._find_pause_reason():
            self._publish(replace(self._rows, is_read=False, reason=reason), REFRESH_INTERVAL)
            return
        with self._feed_lock:
            started_at = self._clock.now()
            try:
                feed = self._get_feed()
                requests = feed.request_count
                state = feed.read()
            except StopRequested:
                self.close()
                return
            except Exception as error:
                self._drop_feed()
                self._publish_failure(error)
                return
        rows = InstanceRows(
            self.instance.name,
            state.rows,
            state.server_state,
            state.categories,
            state.tags,
            feed.version,
            feed.web_api,
            is_read=True,
            read_at=self._clock.utc(),
        )
        is_first = requests == 0  # a login needs some, once
        seconds, self._last_seconds = self._last_seconds, self._clock.now() - started_at
        pause = compute_pause(1 if is_first else feed.request_count - requests, min(seconds, self._last_seconds))
        with self._condition:
            self._backoff.forget_changed({})
            self._publish(rows, pause)

    def _publish_failure(self, error: Exception) -> None:
        name = self.instance.name
        if not isinstance(error, InstanceError):
            error = InternalError(name, error)
        reason = strip_instance_prefix(name, str(error))
        result = InstanceResult(name, error.status, reason)
        with self._condition:
            self._backoff.record_results([result], {name: self.instance})
            pause = max(REFRESH_INTERVAL, self._backoff.compute_next_retry() - self._clock.now())
            self._publish(replace(self._rows, is_read=False, reason=reason), pause)

    def _publish(self, rows: InstanceRows, pause: float) -> None:
        with self._condition:
            self._rows, self._has_fresh_rows = rows, True
            self._next_read_at = self._clock.now() + pause
            self._condition.notify_all()

    def _find_pause_reason(self) -> str:
        """Return the reason why the loop leaves the instance alone now; "" if it does not."""
        backoff = self._loop_backoff
        if backoff is None or backoff.until <= self._clock.utc():
            return ""
        return strip_instance_prefix(self.instance.name, backoff.reason)

    def _get_feed(self) -> Feed:
        if self._feed is None:
            self._feed = self._open_feed(self.instance)
        return self._feed

    def _drop_feed(self) -> None:
        feed, self._feed = self._feed, None
        if feed:
            feed.close()


def compute_pause(requests: int, seconds: float) -> float:
    """Return the seconds until the next read after one of some requests, which took `seconds`."""
    return max(REFRESH_INTERVAL * requests, seconds / SERVER_SHARE - seconds)
