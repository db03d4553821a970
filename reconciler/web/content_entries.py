"""The torrents of entries that are declared by their content. Only a run knows which torrents these are. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from reconciler.engine.events import FinishedRun
from reconciler.model.content import Content, ContentReference
from reconciler.model.desired import DesiredState
from reconciler.model.infohash import InfoHashes

ContentKey = tuple[str, Content | ContentReference]
"""The instance or group of an entry, and its content."""


def find_content_torrents(finished_run: FinishedRun | None) -> Mapping[ContentKey, InfoHashes]:
    """Return the torrents that the last run has found or made of declared content."""
    if finished_run is None or finished_run.plan is None:
        return {}
    return {
        (entry.instance, entry.content): entry.infohashes
        for entry in finished_run.plan.resolved.desired.entries_with_content
        if entry.content and entry.infohashes
    }


def fill_in_torrents(desired: DesiredState, torrents: Mapping[ContentKey, InfoHashes]) -> DesiredState:
    """Return the desired state with these torrents of its content; the same object if there are none."""
    if not torrents or not desired.entries_with_content:
        return desired
    return replace(
        desired,
        torrents=tuple(
            replace(entry, infohashes=torrents.get((entry.instance, entry.content)))
            if entry.content and not entry.infohashes
            else entry
            for entry in desired.torrents
        ),
    )


class ContentEntries:
    """Fills in the torrents of content. The result is the same object until something about it changes."""

    def __init__(self) -> None:
        self._kept: tuple[tuple[DesiredState, Mapping[ContentKey, InfoHashes], DesiredState], ...] = ()

    def identify(self, desired: DesiredState, finished_run: FinishedRun | None) -> DesiredState:
        """Return the desired state with the torrents that the last run has found or made of its content."""
        if not desired.entries_with_content:
            return desired
        torrents = find_content_torrents(finished_run)
        for known, known_torrents, identified in self._kept:
            if known is desired and known_torrents == torrents:
                return identified
        identified = fill_in_torrents(desired, torrents)
        self._kept = (*self._kept[-1:], (desired, torrents, identified))
        return identified
