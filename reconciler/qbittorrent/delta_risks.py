"""Reasons not to poll sync/maindata, shared by all sessions of this process with a server.

See docs/decisions/0010-follow-deltas-and-verify-with-full-reads.md.
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import Final

from reconciler.model.lazy_dataclass import dataclass

FIRST_PAUSE: Final = 60.0  # seconds without a request for a full reply after the first one that did not come
MAX_PAUSE: Final = 3600.0


@dataclass(frozen=True, slots=True)
class _MissingReplies:
    """Replies that did not come, and the time of the next attempt."""

    count: int  # in a row
    ask_again_at: float


class DeltaRisks:
    """Keeps, by URL, what speaks against deltas. Thread-safe. Times are those of one monotonic clock, in seconds.

    Requests that may give a torrent another id are counted: the metadata of a hybrid torrent that was added by its v1
    hash alone does. A session that then polls sync/maindata ends qBittorrent (at least 5.1 and 5.3): it must log out
    instead.

    Full replies that did not come are remembered, although the session is given up then: the next one would ask for the
    same reply again, which may keep a server with 100,000 torrents busy for minutes.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._missing: dict[str, _MissingReplies] = {}

    def record(self, url: str) -> None:
        """Record that a request that may give a torrent another id is about to be sent."""
        with self._lock:
            self._counts[url] += 1

    def count(self, url: str) -> int:
        """Return the number of such requests so far."""
        with self._lock:
            return self._counts[url]

    def postpone_full_reply(self, url: str, now: float) -> float:
        """Record that a full reply did not come, or was no good. Return the seconds for which none is asked for."""
        with self._lock:
            count = self._missing[url].count + 1 if url in self._missing else 1
            pause = min(MAX_PAUSE, FIRST_PAUSE * 2.0 ** min(count - 1, 60))
            self._missing[url] = _MissingReplies(count, now + pause)
            return pause

    def record_delta(self, url: str) -> None:
        """Record that a delta came, so that the full reply before it was a good one."""
        with self._lock:
            self._missing.pop(url, None)

    def may_ask_for_full_reply(self, url: str, now: float) -> bool:
        """Return True unless the last such reply did not come, for a while."""
        with self._lock:
            return url not in self._missing or now >= self._missing[url].ask_again_at
