"""The releases of qBittorrent, each with its Web API version, and the libtorrent that most builds of it have.

From `API_VERSION` at the tags of qBittorrent.
"""

from __future__ import annotations

from typing import Final

from reconciler.model.versions import V2_TORRENTS, ApiVersion

# A release for each Web API version that releases have had. Those before 4.2.4 are not supported.
WEB_API_VERSIONS: Final = {
    "4.2.1": "2.4",
    "4.2.2": "2.4.1",
    "4.2.4": "2.5",
    "4.2.5": "2.5.1",
    "4.3.0": "2.6",
    "4.3.1": "2.6.1",
    "4.3.2": "2.7",
    "4.3.4": "2.8.1",
    "4.3.5": "2.8.2",
    "4.4.0": "2.8.4",
    "4.4.1": "2.8.5",
    "4.5.0": "2.8.18",
    "4.5.2": "2.8.19",
    "4.6.0": "2.9.2",
    "4.6.1": "2.9.3",
    "5.0.0": "2.11.2",
    "5.1.0": "2.11.4",
    "5.2.0": "2.15.1",
    "5.3.0": "2.16.2",
}


def default_libtorrent(api: ApiVersion) -> str:
    """Return the version of libtorrent that most builds of that time are built on."""
    return "2.0.11.0" if V2_TORRENTS.is_available(api) else "1.2.19.0"
