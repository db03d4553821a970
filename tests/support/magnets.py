"""Made-up magnets, the same in every run."""

from __future__ import annotations

import hashlib


def make_infohash(number: int) -> str:
    """The v1 infohash of the made-up torrent with that number."""
    return hashlib.sha1(f"made up {number}".encode()).hexdigest()


def make_magnet(number: int, name: str | None = None) -> str:
    """Its magnet link."""
    return f"magnet:?xt=urn:btih:{make_infohash(number)}&dn={name or f'torrent-{number}'}"
