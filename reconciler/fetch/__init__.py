"""Download the .torrent files that entries name by URL, to identify their torrents before a run plans anything.

For: HTTP requests to torrent servers, with limits on size, time and the targets of redirects, and the copies in the
state folder. May import `model`, `retry`, `atomic_file` and `regular_file`. Never contacts an instance, never shows a
URL (it may contain a passkey), never decides what a failure means for the desired state.
"""

from reconciler.fetch.fetcher import Fetcher
from reconciler.fetch.store import STORE_FOLDER_NAME, TorrentStore

__all__ = ["STORE_FOLDER_NAME", "Fetcher", "TorrentStore"]
