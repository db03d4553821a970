"""Sessions with qBittorrent, the only code that uses qbittorrent-api and requests.

For: sessions, errors, snapshots and mutations. May import `model`. Never decides what should be, never retries on its
own, never logs, and never returns a failed or partial read as a complete one.
"""

from reconciler.qbittorrent.delta_risks import DeltaRisks
from reconciler.qbittorrent.incremental_session import IncrementalSession
from reconciler.qbittorrent.kept_sessions import KeptSessions
from reconciler.qbittorrent.logins import LoginMemory
from reconciler.qbittorrent.row_feed import FeedState, RowFeed
from reconciler.qbittorrent.session import Session

__all__ = ["DeltaRisks", "FeedState", "IncrementalSession", "KeptSessions", "LoginMemory", "RowFeed", "Session"]
