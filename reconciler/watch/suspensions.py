"""The instances that a person has suspended until a time, kept from one start to the next.

See docs/decisions/0165-a-person-suspends-an-instance-for-a-while.md.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime

from reconciler.journal import Journal
from reconciler.model.desired import DesiredState
from reconciler.model.suspension import SuspensionTimes, suspend_instances


class SuspensionBook:
    """The suspensions of a loop. Safe from any thread. Without a journal they end with the process."""

    def __init__(self, journal: Journal | None, utc: Callable[[], datetime]) -> None:
        self._journal, self._utc = journal, utc
        self._lock = threading.Lock()
        self._ends: dict[str, datetime] = {}
        self._owner: str | None = None  # whose suspensions were read
        self._applied: tuple[DesiredState, SuspensionTimes, DesiredState] | None = None

    def restore(self, owner: str) -> None:
        """Read what earlier processes kept for this owner, unless it was read. After a failed read, try again."""
        with self._lock:
            if owner == self._owner:
                return
            kept = self._journal.read_suspensions(owner) if self._journal else {}
            if kept is None:
                return
            if self._journal and self._owner is not None and self._ends:
                self._journal.save_suspensions(owner, self._ends)  # the desired state has got another owner
            self._owner, self._ends = owner, {**kept, **self._ends}

    def suspend(self, owner: str, instance: str, until: datetime) -> bool:
        """Suspend an instance until a time (UTC), from now on. Return False if a restart would end this."""
        with self._lock:
            self._ends[instance] = until
            return self._journal is not None and self._journal.save_suspensions(owner, {instance: until})

    def resume(self, owner: str, instance: str) -> bool:
        """End the suspension of an instance. Return False if a restart would bring it back."""
        with self._lock:
            self._ends.pop(instance, None)
            return self._journal is None or self._journal.save_suspensions(owner, {instance: None})

    def is_suspended(self, instance: str) -> bool:
        """True while the instance is suspended."""
        with self._lock:
            return instance in self._ends and self._ends[instance] > self._utc()

    def list_suspended(self) -> SuspensionTimes:
        """Return until when (UTC) each suspended instance is suspended."""
        with self._lock:
            now = self._utc()
            return {name: until for name, until in self._ends.items() if until > now}

    def apply(self, desired: DesiredState) -> DesiredState:
        """Return the desired state with the suspensions: the same object for the same ones."""
        self.restore(desired.owner)
        suspended = self.list_suspended()
        if self._applied is None or self._applied[0] is not desired or self._applied[1] != suspended:
            self._applied = desired, suspended, suspend_instances(desired, suspended, self._utc())
        return self._applied[2]

    def compute_next_end(self) -> datetime | None:
        """Return the time (UTC) at which the next suspension ends; None if there is none."""
        with self._lock:
            return min(self._ends.values(), default=None)

    def pop_ended(self) -> Mapping[str, datetime]:
        """Return the suspensions that have ended since the last call."""
        with self._lock:
            now = self._utc()
            ended = {name: until for name, until in self._ends.items() if until <= now}
            self._ends = {name: until for name, until in self._ends.items() if until > now}
            return ended
