"""States of torrents, by the names that qBittorrent 4.2 to 5.3 has for them. `*UP`: all selected data exists."""

from __future__ import annotations

from typing import Final

CHECKING_STATES: Final = frozenset({"checkingDL", "checkingUP"})
COMPLETE_STATES: Final = frozenset({"uploading", "forcedUP", "stalledUP", "queuedUP", "stoppedUP", "pausedUP"})
