"""Desired state for torrents: YAML in git, reconciled with qBittorrent."""

__version__ = "0.1.0"
