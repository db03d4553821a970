"""Sessions with qBittorrent, the only code that uses qbittorrent-api and requests.

For: sessions, errors, snapshots and mutations. May import `model`. Never decides what should be, never retries on its
own, never logs, and never returns a failed or partial read as a complete one.
"""

from reconciler.qbittorrent.kept_sessions import KeptSessions
from reconciler.qbittorrent.logins import LoginMemory
from reconciler.qbittorrent.session import Session

__all__ = ["KeptSessions", "LoginMemory", "Session"]
