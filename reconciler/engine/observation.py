"""The observation of an instance: what a run reads of it, and the result.

See docs/decisions/0033-read-files-only-for-torrents-that-declare-them.md.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import field
from typing import Protocol

from reconciler.apply.target import Target
from reconciler.model.content import CreationSpec
from reconciler.model.desired import DesiredState, DesiredTorrent, Instance
from reconciler.model.errors import InstanceError, StopRequested
from reconciler.model.health import Health, NetworkState
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.plan import Action, UpdateTorrent
from reconciler.model.run import ActionResult
from reconciler.model.snapshot import Snapshot


class OpenTarget(Target, Protocol):
    """A target that is opened before use and closed after it."""

    @property
    def request_count(self) -> int:
        """The number of HTTP requests sent."""

    @property
    def has_full_snapshot(self) -> bool:
        """True if the last snapshot was a full read, which depends on nothing read before."""

    def read_full_snapshot(self, files_of: Collection[str] = (), creations: Collection[CreationSpec] = ()) -> Snapshot:
        """Return a snapshot by a full read."""

    def read_network_state(self, *, interface: bool, transfer: bool) -> NetworkState:
        """Return the network state: the `interface` it is bound to, and what it reports on `transfer`."""

    def read_default_save_path(self) -> str:
        """Return the save path of torrents that have no path of their own."""

    def read_libtorrent_version(self) -> str:
        """Return the version of libtorrent. No request if the session has read it."""

    def read_tags(self) -> frozenset[str]:
        """Return all tags of the instance, whether torrents have them or not."""

    def create_tags(self, tags: Collection[str]) -> None:
        """Create tags. An existing tag is no error."""

    def delete_tags(self, tags: Collection[str]) -> None:
        """Delete tags. A missing tag is no error."""

    def read_free_space(self) -> int | None:
        """Return the bytes free at the default save path; None if unknown. Opens a session of its own."""

    def open(self) -> None:
        """Log in, once. Raises `InstanceError`."""

    def close(self) -> None:
        """Log out. Never raises."""

    def cancel(self) -> None:
        """End the request in flight, from another thread: it and all later ones fail. It may have been carried out."""


SessionFactory = Callable[[Instance, threading.Event], OpenTarget]


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """Optional parts of a snapshot: the torrents (ids) whose files to read, and the declared creations to look up.

    `platform`: read what shows the platform of the instance, if nothing else in the snapshot does. `v2_entries`: the
    torrents that may become others without libtorrent 2, so that its version is read unless the snapshot shows it.
    """

    files_of: Collection[str] = ()
    creations: Collection[CreationSpec] = ()
    platform: bool = False
    v2_entries: Sequence[DesiredTorrent] = ()

    @classmethod
    def for_instance(cls, desired: DesiredState, instance: str) -> ReadRequest:
        """Return the parts that the desired state depends on."""
        return cls(
            desired.ids_with_file_rules(instance),
            desired.creations_of(instance),
            desired.has_paths_of(instance),
            desired.v2_entries_of(instance),
        )


@dataclass(frozen=True, slots=True)
class Observation:
    """The result of reading one instance: an open session with a whole snapshot, or the error that prevented it.

    `free_space`: bytes, where a group needs it and the instance reports it.
    `urgent_results`: the results of urgent actions, by torrent id; they were executed right after the read.
    `urgent_error`: the error that ended their execution.
    """

    target: OpenTarget
    snapshot: Snapshot | None = None
    error: InstanceError | StopRequested | None = None
    health: Health | None = None
    free_space: int | None = None
    urgent_results: Mapping[str, ActionResult] = field(default_factory=dict)
    urgent_error: InstanceError | None = None

    def get_urgent_result(self, action: Action) -> ActionResult | None:
        """Return the result of an urgent action; None for all others."""
        is_urgent = isinstance(action, UpdateTorrent) and action.urgent
        return self.urgent_results.get(action.torrent_id or "") if is_urgent else None


Observations = Mapping[str, Observation]


def collect_snapshots(observations: Observations) -> dict[str, Snapshot]:
    """Return the snapshots of the instances that were read, by name."""
    return {name: observation.snapshot for name, observation in observations.items() if observation.snapshot}


def collect_health(observations: Observations) -> dict[str, Health]:
    """Return the health of the instances, by name, where it was checked."""
    return {name: observation.health for name, observation in observations.items() if observation.health}
