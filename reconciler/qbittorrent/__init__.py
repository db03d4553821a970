"""The only room that talks to qBittorrent, and the only user of qbittorrent-api and requests.

For: sessions, errors, capabilities by Web API version, snapshots and mutations. May import `model`. Never decides what
should be, never retries on its own, never logs, and never lets a failed or partial read pass for a whole one.
"""

from reconciler.qbittorrent.incremental_session import IncrementalSession
from reconciler.qbittorrent.session import Session

__all__ = ["IncrementalSession", "Session"]
