"""Gets the .torrent files that entries name by URL: before anything is done it must be known which torrents they are.

For: HTTP requests to servers of torrents, with limits on size, time and where a redirect may lead. May import `model`
only. Never contacts an instance, never shows a URL (it may hold a passkey), never decides what a failure means for the
desired state.
"""

from reconciler.fetch.fetcher import Fetcher

__all__ = ["Fetcher"]
