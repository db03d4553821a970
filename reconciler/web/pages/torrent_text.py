"""The words, symbols and numbers of a torrent on pages. What is not known is shown as such, never as 0. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from humanize import naturalsize

from reconciler.model.lazy_dataclass import dataclass
from reconciler.web.sync_states import SyncState

UNKNOWN_TEXT: Final = "–"


@dataclass(frozen=True, slots=True)
class Mark:
    """A state as a word, with its symbol and its tone: `good`, `wait`, `bad` or empty."""

    text: str
    tone: str
    symbol: str


SYNC_MARKS: Final[Mapping[SyncState, Mark]] = {
    SyncState.FAILED: Mark("failed", "bad", "✗"),
    SyncState.BLOCKED: Mark("blocked", "bad", "!"),
    SyncState.CONTESTED: Mark("contested", "bad", "⇄"),
    SyncState.UNKNOWN: Mark("unknown", "bad", "?"),
    SyncState.PENDING: Mark("pending", "wait", "◷"),
    SyncState.DRIFT: Mark("drift", "wait", "~"),
    SyncState.REMOVED: Mark("to be removed", "wait", "−"),
    SyncState.UNDECLARED: Mark("undeclared", "wait", "○"),
    SyncState.FOREIGN: Mark("not ours", "", "·"),
    SyncState.IN_SYNC: Mark("in sync", "good", "✓"),
}
"""The sync states. What needs a person comes first."""

SYNC_HINTS: Final[Mapping[SyncState, str]] = {
    SyncState.UNDECLARED: "ours, and declared nowhere",
    SyncState.FOREIGN: "neither declared nor ours, so never touched",
    SyncState.IN_SYNC: "as declared",
}
"""Why a torrent is in a state for which nobody gives a reason."""

_STATES: Final[Mapping[str, tuple[str, str]]] = {
    "uploading": ("seeding", "good"),
    "stalledUP": ("seeding, idle", "good"),
    "forcedUP": ("seeding, forced", "good"),
    "queuedUP": ("queued to seed", "wait"),
    "stoppedUP": ("stopped, complete", ""),
    "checkingUP": ("checking", "wait"),
    "downloading": ("downloading", "good"),
    "forcedDL": ("downloading, forced", "good"),
    "stalledDL": ("downloading, stalled", "wait"),
    "metaDL": ("fetching metadata", "wait"),
    "forcedMetaDL": ("fetching metadata, forced", "wait"),
    "queuedDL": ("queued", "wait"),
    "stoppedDL": ("stopped", ""),
    "checkingDL": ("checking", "wait"),
    "checkingResumeData": ("loading", "wait"),
    "moving": ("moving", "wait"),
    "missingFiles": ("files missing", "bad"),
    "error": ("error", "bad"),
}
_DURATIONS: Final = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def describe_state(state: str) -> tuple[str, str]:
    """Return a state of qBittorrent in words, and its tone. One that is unknown stays as it is."""
    return _STATES.get(state, (state, ""))


def count_bytes(count: float) -> str:
    """Return `1.5 GiB`, and `20 B` for a few."""
    return naturalsize(count, binary=True).replace(" Bytes", " B").replace(" Byte", " B")


def size_text(size: float | None) -> str:
    """Return `1.5 GiB`."""
    return UNKNOWN_TEXT if size is None else count_bytes(size)


def rate_text(rate: float | None) -> str:
    """Return `1.5 MiB/s`, and `0` for none."""
    return UNKNOWN_TEXT if rate is None else f"{count_bytes(rate)}/s" if rate else "0"


def ratio_text(ratio: float | None) -> str:
    """Return `0.50`."""
    return UNKNOWN_TEXT if ratio is None else f"{ratio:.2f}"


def percent_text(progress: float | None) -> str:
    """Return `99.9 %`, and `100 %` only for what is complete."""
    if progress is None:
        return UNKNOWN_TEXT
    percent = math.floor(progress * 1000) / 10
    return f"{percent:.1f} %" if 0 < percent < 100 else f"{percent:.0f} %"


def duration_text(seconds: int | None) -> str:
    """Return `3 d 4 h`: the two largest units."""
    if seconds is None:
        return UNKNOWN_TEXT
    for number, (unit_seconds, unit) in enumerate(_DURATIONS[:-1]):
        if seconds >= unit_seconds:
            rest_seconds, rest_unit = _DURATIONS[number + 1]
            rest = seconds % unit_seconds // rest_seconds
            return f"{seconds // unit_seconds} {unit}" + (f" {rest} {rest_unit}" if rest else "")
    return f"{seconds} s"
