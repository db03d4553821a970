"""The state of all instances at one time, with everything else that a plan depends on and the desired state lacks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime

from reconciler.model.errors import InstanceError
from reconciler.model.groups import NO_PLACEMENT_FACTS, PlacementFacts
from reconciler.model.health import Health
from reconciler.model.history import OwnedCount
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.magnet import Magnet
from reconciler.model.run import Status
from reconciler.model.snapshot import Snapshot
from reconciler.model.torrent_file import TorrentFile


class NotInLiveStateError(InstanceError):
    """A live state lacks an instance, or says that it could not be read; or it lacks a part that is asked for."""

    def __init__(self, message: str, status: Status = Status.UNKNOWN) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class LiveInstance:
    """One instance in a live state: its snapshot, or the `status` and the `error` that prevented it.

    `url`: its URL, of which a saved live state has only a hash. `owned`: what a journal knew of it before;
    `untagged_ids`: see `PlanInput`. `other_seeds`: by torrent id, as far as they were counted. `to_trash`: the server
    moves deleted data to the trash; None if unknown. `declared_preferences`: the only ones that may be saved, with
    the others that decide what a change of them alters.
    """

    name: str
    url: str = field(default="", repr=False)
    snapshot: Snapshot | None = None
    status: Status = Status.OK
    error: str | None = None
    health: Health | None = None
    owned: OwnedCount | None = None
    untagged_ids: frozenset[str] = frozenset()
    other_seeds: Mapping[str, int] = field(default_factory=dict)
    to_trash: bool | None = None
    declared_preferences: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class LiveState:
    """All instances that were to be read at `taken_at` (UTC), for the desired state of `owner`.

    `facts`: see `PlanInput`. `sources`: by URL, the torrents that were declared by a URL and fetched. In a saved live
    state the keys are hashes.
    """

    taken_at: datetime
    owner: str
    instances: tuple[LiveInstance, ...] = ()
    facts: PlacementFacts = NO_PLACEMENT_FACTS
    sources: Mapping[str, TorrentFile | Magnet] = field(default_factory=dict, repr=False)

    def find_instance(self, name: str) -> LiveInstance | None:
        """Return the instance of that name; None if there is none."""
        return next((instance for instance in self.instances if instance.name == name), None)

    def get_instance(self, name: str) -> LiveInstance:
        """Return the instance of that name."""
        return next(instance for instance in self.instances if instance.name == name)
