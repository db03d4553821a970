"""TODO."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from reconciler.apply.target import Target
from reconciler.model.content import CreationSpec
from reconciler.model.desired import DesiredState, Instance
from reconciler.model.errors import InstanceError, StopRequested
from reconciler.model.health import Health, NetworkState
from reconciler.model.run import ActionResult
from reconciler.model.snapshot import Snapshot


class OpenTarget(Target, Protocol):
    """A target that is opened before use and closed after it."""

    @property
    def request_count(self) -> int:
        """How many HTTP requests were sent."""

    @property
    def has_full_snapshot(self) -> bool:
        """Was the last snapshot a full read, that depends on nothing read before?"""

    def read_full_snapshot(self, files_of: Collection[str] = (), creations: Collection[CreationSpec] = ()) -> Snapshot:
        """A snapshot by a full read."""

    def read_network_state(self, *, interface: bool, transfer: bool) -> NetworkState:
        """What it says of its network: of the `interface` it is bound to, and the rest."""

    def read_free_space(self) -> int | None:
        """Bytes free at the default path; None where that is not told. Takes a session of its own."""

    def open(self) -> None:
        """Log in, once. Raises `InstanceError`."""

    def close(self) -> None:
        """Log out. Never raises."""


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """What is read of an instance besides: the files of torrents, by their ids, and what is being made as declared."""

    files_of: Collection[str] = ()
    content: Collection[CreationSpec] = ()

    @classmethod
    def for_instance(cls, desired: DesiredState, instance: str) -> ReadRequest:
        """What the desired state needs of it."""
        return cls(desired.ids_with_file_rules(instance), desired.creations_of(instance))


SessionFactory = Callable[[Instance, threading.Event], OpenTarget]


@dataclass(frozen=True, slots=True)
class Observation:
    """What reading one instance gave: an open session with a whole snapshot, or the error that prevented it.

    `urgent_results`: what was so urgent that it was not left for later, by the id of its torrent; `urgent_error`: the error that ended
    that. `free_space`: bytes of free space, where that was asked for and told.
    """

    target: OpenTarget
    snapshot: Snapshot | None = None
    error: InstanceError | StopRequested | None = None
    health: Health | None = None
    free_space: int | None = None
    urgent_results: Mapping[str, ActionResult] = field(default_factory=dict)
    urgent_error: InstanceError | None = None


InstanceObserver = Callable[[Instance, OpenTarget], Observation]
