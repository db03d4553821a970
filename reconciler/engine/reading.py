"""TODO."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from reconciler.apply.target import Target
from reconciler.model.content import Creation
from reconciler.model.desired import Desired, Instance
from reconciler.model.errors import InstanceError, Stopped
from reconciler.model.health import Health, NetworkState
from reconciler.model.run import ActionResult
from reconciler.model.snapshot import Snapshot


class OpenTarget(Target, Protocol):
    """A target that is opened before use and closed after it."""

    @property
    def requests(self) -> int:
        """How many HTTP requests were sent."""

    @property
    def fresh(self) -> bool:
        """Was the last snapshot a full read, that depends on nothing read before?"""

    def refresh(self, files_of: Collection[str] = (), content: Collection[Creation] = ()) -> Snapshot:
        """A snapshot by a full read."""

    def network(self, *, interface: bool, transfer: bool) -> NetworkState:
        """What it says of its network: of the `interface` it is bound to, and the rest."""

    def free_space(self) -> int | None:
        """Bytes free at the default path; None where that is not told. Takes a session of its own."""

    def open(self) -> None:
        """Log in, once. Raises `InstanceError`."""

    def close(self) -> None:
        """Log out. Never raises."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What is read of an instance besides: the files of torrents, by their ids, and what is being made as declared."""

    files: Collection[str] = ()
    content: Collection[Creation] = ()

    @classmethod
    def of(cls, desired: Desired, instance: str) -> Needs:
        """What the desired state needs of it."""
        return cls(desired.files_of(instance), desired.content_on(instance))


Connect = Callable[[Instance, threading.Event], OpenTarget]


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading one instance gave: an open session with a whole snapshot, or the error that prevented it.

    `done`: what was so urgent that it was not left for later, by the id of its torrent; `lost`: the error that ended
    that. `free`: bytes of free space, where that was asked for and told.
    """

    target: OpenTarget
    snapshot: Snapshot | None = None
    error: InstanceError | Stopped | None = None
    health: Health | None = None
    free: int | None = None
    done: Mapping[str, ActionResult] = field(default_factory=dict)
    lost: InstanceError | None = None


Look = Callable[[Instance, OpenTarget], Reading]
