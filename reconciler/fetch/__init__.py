"""Download the .torrent files that entries name by URL, to identify their torrents before a run plans anything.

For: HTTP requests to torrent servers, with limits on size, time and the targets of redirects. May import `model` and
`retry`. Never contacts an instance, never shows a URL (it may contain a passkey), never decides what a failure means
for the desired state.
"""

from reconciler.fetch.fetcher import Fetcher

__all__ = ["Fetcher"]
