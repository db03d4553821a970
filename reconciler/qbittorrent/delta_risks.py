"""Moments from which no session may go on polling sync/maindata, shared by all sessions with a server.

See docs/decisions/0010-follow-deltas-and-verify-with-full-reads.md.
"""

from __future__ import annotations

import threading
from collections import Counter


class DeltaRisks:
    """Counts, by URL, the requests that may give a torrent another id. Thread-safe.

    The metadata of a hybrid torrent that was added by its v1 hash alone changes its id. A session that then polls
    sync/maindata ends qBittorrent (at least 5.1 and 5.3): it must log out instead.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def record(self, url: str) -> None:
        """Record that such a request is about to be sent."""
        with self._lock:
            self._counts[url] += 1

    def count(self, url: str) -> int:
        """Return the number of such requests so far."""
        with self._lock:
            return self._counts[url]
