"""qBittorrent's own words and numbers for the values of options, and ours."""

from __future__ import annotations

from typing import Final

from reconciler.model.files import Priority

PRIORITIES: Final = {0: Priority.SKIP, 1: Priority.NORMAL, 6: Priority.HIGH, 7: Priority.MAXIMAL}
PRIORITY_NUMBERS: Final = {priority: number for number, priority in PRIORITIES.items()}

# names of values: as we write them, as the Web API does
ACTIONS: Final = {
    "default": "Default",
    "stop": "Stop",
    "remove": "Remove",
    "remove-with-content": "RemoveWithContent",
    "enable-super-seeding": "EnableSuperSeeding",
}
LAYOUTS: Final = {"original": "Original", "subfolder": "Subfolder", "no-subfolder": "NoSubfolder"}
STOP_CONDITIONS: Final = {
    "none": "None",
    "metadata-received": "MetadataReceived",
    "files-checked": "FilesChecked",
}
_OUR_ACTIONS: Final = {theirs: ours for ours, theirs in ACTIONS.items()}


def read_action(theirs: str | None) -> str | None:
    """What happens at a share limit, in our words; one that we do not know stays as it is."""
    return theirs if theirs is None else _OUR_ACTIONS.get(theirs, theirs)
