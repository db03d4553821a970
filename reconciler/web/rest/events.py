"""`GET /api/v1/events`: what happens, as server-sent events.

The last events are kept in one list, and a listener is a place in it. So a listener that reads slowly takes no memory:
it is cut when the list has moved on without it, and gets a `reset` when it comes back with the id of its last event.
See docs/decisions/0155-nothing-is-kept-for-a-client-of-rest.md.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from typing import Any, Final

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from reconciler.model.lazy_dataclass import dataclass
from reconciler.report.json.common import encode_json, iso_utc
from reconciler.web.api import run_json
from reconciler.web.catalogue import KnownTorrent
from reconciler.web.client_rows import split_tags
from reconciler.web.connection_limits import mark_stream
from reconciler.web.loop_view import InstanceView, LoopView

MAX_EVENTS: Final = 1000  # that are kept for listeners who come back, or are slow
MAX_CHANGES: Final = MAX_EVENTS // 2  # torrents that change at once; of more, a reset tells
MAX_LISTENERS: Final = 16
MAX_BATCH: Final = 100  # events in one write
HEARTBEAT: Final = 15.0  # seconds without an event, after which a comment shows that the connection is alive
POLL_INTERVAL: Final = 2.0  # seconds between two looks at the torrents, while someone listens
KEEP_POLLING: Final = 60.0  # seconds after the last listener has gone, so that it can come back without a reset
MEDIA_TYPE: Final = "text/event-stream"
RETRY_MILLISECONDS: Final = 3000  # after which a listener should connect again
_NUMBER: Final = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Event:
    """An event, with its number and its data as JSON on one line."""

    number: int
    kind: str
    data: str


class EventLog:
    """The last events. Safe from any thread; `epoch` distinguishes its ids from those of another process."""

    def __init__(self, epoch: str = "") -> None:
        self._epoch = epoch or secrets.token_hex(4)
        self._lock = threading.Lock()
        self._events: deque[Event] = deque(maxlen=MAX_EVENTS)
        self._last = 0
        self._wakers: set[Callable[[], None]] = set()

    @property
    def last_number(self) -> int:
        """The number of the last event; 0 before the first."""
        return self._last

    def publish(self, kind: str, data: Mapping[str, Any]) -> None:
        """Add an event, and wake the listeners."""
        text = encode_json(data)
        with self._lock:
            self._last += 1
            self._events.append(Event(self._last, kind, text))
            wakers = list(self._wakers)
        for wake in wakers:
            wake()

    def forget(self) -> None:
        """Drop all events, because the next ones do not follow them; a listener that comes back gets a reset."""
        with self._lock:
            self._last += 1
            self._events.clear()

    def read_after(self, number: int) -> list[Event] | None:
        """Return the next events after a number; None if some of them are not kept any more."""
        with self._lock:
            if number == self._last:
                return []
            if not self._events or number < self._events[0].number - 1 or number > self._last:
                return None
            start = number + 1 - self._events[0].number
            return [self._events[i] for i in range(start, min(start + MAX_BATCH, len(self._events)))]

    def add_waker(self, wake: Callable[[], None]) -> None:
        """Call a function after each event, in the thread that publishes it."""
        with self._lock:
            self._wakers.add(wake)

    def remove_waker(self, wake: Callable[[], None]) -> None:
        """Call it no longer."""
        with self._lock:
            self._wakers.discard(wake)

    def write_id(self, number: int) -> str:
        """Return the id of an event, for its listener."""
        return f"{self._epoch}-{number}"

    def parse_id(self, text: str) -> int | None:
        """Return the number that an id names; None if it is not one of this log."""
        epoch, _, digits = text.partition("-")
        return (
            int(digits) if epoch == self._epoch and digits.isascii() and digits.isdigit() and len(digits) < 16 else None
        )


TorrentSummary = Mapping[str, Any]


class TorrentWatch:
    """Publishes the changes of torrents. `read_torrents` returns them by infohash; it may be slow."""

    def __init__(self, log: EventLog, read_torrents: Callable[[], Mapping[str, KnownTorrent]]) -> None:
        self._log, self._read_torrents = log, read_torrents
        self._known: dict[str, tuple[KnownTorrent, TorrentSummary]] | None = None

    def reset(self) -> None:
        """Forget the torrents, so that the next look tells nothing: what happened before it is not known."""
        self._log.forget()
        self._known = None

    def look(self) -> None:
        """Read the torrents, and publish what has changed since the last time."""
        torrents = self._read_torrents()
        before, known = self._known, {}
        changes: list[tuple[str, Mapping[str, Any]]] = []
        for infohash, torrent in torrents.items():
            old = before.get(infohash) if before else None
            summary = old[1] if old and old[0] is torrent else summarize_torrent(torrent)
            known[infohash] = torrent, summary
            if old is None or old[1] != summary:
                changes.append(("torrent", summary))
        self._known = known
        if before is None:
            return
        changes += [("torrent_removed", {"infohash": infohash}) for infohash in before.keys() - torrents.keys()]
        if len(changes) > MAX_CHANGES:
            changes = [("reset", {"reason": f"{len(changes)} torrents have changed"})]
        for kind, data in changes:
            self._log.publish(kind, data)


def summarize_torrent(torrent: KnownTorrent) -> TorrentSummary:
    """Return what an event tells about a torrent: nothing that changes all the time, such as rates."""
    row, progress = torrent.row, torrent.row.get("progress")
    return {
        "infohash": row["hash"],
        "name": row["name"],
        "sync": str(torrent.sync_state),
        "reason": torrent.reason or None,
        "instance": torrent.instance,
        "instances": list(torrent.instances),
        "state": row["state"],
        "category": row.get("category") or "",
        "tags": sorted(split_tags(row.get("tags") or "")),
        "percent": int(progress * 100) if torrent.instance and isinstance(progress, int | float) else None,
    }


class RunWatch:
    """Publishes the runs of the loop, and the instances whose state they changed."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._run_count = 0
        self._instances: dict[str, Mapping[str, Any]] = {}

    def on_change(self, view: LoopView) -> None:
        """Publish what has changed on the status board: a run has started or ended."""
        if view.last_run is None or view.run_count == self._run_count:
            self._log.publish("run_started", {"began": view.last_attempt and iso_utc(view.last_attempt)})
            return
        self._run_count = view.run_count
        self._log.publish("run_ended", {**run_json(view.last_run), "state": view.state})
        before, self._instances = self._instances, {}
        for instance in view.instances:
            summary = summarize_instance_view(instance)
            self._instances[instance.name] = summary
            if before.get(instance.name) != summary:
                self._log.publish("instance", summary)


def summarize_instance_view(instance: InstanceView) -> Mapping[str, Any]:
    """Return what an event tells about an instance."""
    result = instance.result
    return {
        "name": instance.name,
        "status": result and result.status,
        "up": instance.is_up,
        "healthy": instance.is_healthy,
        "error": (result and result.error) or (instance.backoff and instance.backoff.reason) or None,
        "refused": result is not None and result.verdict.refused,
    }


class EventStream:
    """The listeners of one server, all in its event loop."""

    def __init__(self, log: EventLog, watch: TorrentWatch) -> None:
        self._log, self._watch = log, watch
        self._listeners = 0
        self._polling: asyncio.Task[None] | None = None

    async def open(self, request: Request) -> Response:
        """Return the stream for a new listener. Raises `HTTPException` (503) if there are too many."""
        if request.method == "HEAD":
            return Response(media_type=MEDIA_TYPE)
        if self._listeners >= MAX_LISTENERS:
            raise HTTPException(503, f"There are {MAX_LISTENERS} listeners already.", {"Retry-After": "10"})
        mark_stream(request.scope)
        if self._polling is None or self._polling.done():
            self._watch.reset()
            self._polling = asyncio.create_task(self._poll())
        self._listeners += 1
        return _ListenerResponse(self._stream(request.headers.get("last-event-id", "")), self._forget_listener)

    def _forget_listener(self) -> None:
        self._listeners -= 1

    async def _stream(self, last_id: str) -> AsyncIterator[str]:
        """Yield events until the listener has gone, or is too slow."""
        loop, has_news = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            with suppress(RuntimeError):  # the server has stopped
                loop.call_soon_threadsafe(has_news.set)

        self._log.add_waker(wake)
        try:
            number = self._log.parse_id(last_id)
            is_lost = bool(last_id) and (number is None or self._log.read_after(number) is None)
            number = self._log.last_number if is_lost or number is None else number
            yield f"retry: {RETRY_MILLISECONDS}\nid: {self._log.write_id(number)}\n"
            yield 'event: reset\ndata: {"reason": "earlier events are not known any more"}\n\n' if is_lost else "\n"
            while (events := self._log.read_after(number)) is not None:
                if events:
                    number = events[-1].number
                    yield "".join(self._format_event(event) for event in events)
                    continue
                try:
                    await asyncio.wait_for(has_news.wait(), HEARTBEAT)
                    has_news.clear()
                except TimeoutError:
                    yield ": still here\n\n"
            structlog.get_logger().info("a listener of events was too slow and is cut")
        finally:
            self._log.remove_waker(wake)

    def _format_event(self, event: Event) -> str:
        return f"id: {self._log.write_id(event.number)}\nevent: {event.kind}\ndata: {event.data}\n\n"

    async def _poll(self) -> None:
        """Look at the torrents until nobody has listened for a while."""
        idle_seconds = 0.0
        while idle_seconds < KEEP_POLLING:
            try:
                await asyncio.to_thread(self._watch.look)
            except Exception as error:
                structlog.get_logger().error("the torrents cannot be read for events", exc_info=error)
            await asyncio.sleep(POLL_INTERVAL)
            idle_seconds = 0.0 if self._listeners else idle_seconds + POLL_INTERVAL


class _ListenerResponse(StreamingResponse):
    """A stream of events. It calls a function at its end, also if it never began."""

    def __init__(self, events: AsyncIterator[str], on_end: Callable[[], None]) -> None:
        super().__init__(events, media_type=MEDIA_TYPE)
        self._on_end = on_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._on_end()
