"""Phrases that several reasons share."""

from __future__ import annotations

from reconciler.model.plan import Blast


def moved(blast: Blast) -> str:
    """How much a change of a path may move: whether it does is a setting of the server, and differs by version."""
    from humanize import naturalsize  # only for what is to be moved

    torrents = f"{blast.torrents:,} torrent{'s' if blast.torrents > 1 else ''}"
    return f"{torrents} ({naturalsize(blast.bytes, binary=True)}) under automatic management may move with it"
