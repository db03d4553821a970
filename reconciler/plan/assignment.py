"""The assignment of a torrent to a member of its group."""

from __future__ import annotations

from enum import Enum

from reconciler.model.groups import KeptCopy
from reconciler.model.lazy_dataclass import dataclass


class Disposition(Enum):
    """The future of a torrent on a member: stay, stay until another copy is complete, or be deleted."""

    WANTED = "wanted"
    LEAVING = "leaving"
    SURPLUS = "surplus"


@dataclass(frozen=True, slots=True)
class Assignment:
    """A torrent on a member of its group, and why. `keeper`: the copy that stays while this one goes, or is to go.

    `later_instance`: the member that it is to move to once others have moved. `stays_reason`: why it does not move yet.
    `moves_to`: the member whose copy replaces it as soon as that is complete.
    `save_path`: where a torrent that is added finds its data, because another member sees the same files.
    `waits_reason`: why it is not added yet.
    """

    instance: str
    disposition: Disposition
    reason: str
    keeper: KeptCopy | None = None
    later_instance: str | None = None
    stays_reason: str | None = None
    moves_to: str | None = None
    save_path: str | None = None
    waits_reason: str | None = None
