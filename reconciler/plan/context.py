"""The settings that apply to every torrent of a run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from reconciler.model.desired import DEFAULT_STUCK_AFTER, DesiredState, Policy
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.plan import Action, SparedTorrent
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.tags import build_owner_tag, parse_owners
from reconciler.plan.metadata import NO_HOLDERS, MetadataHolders

Decision = Action | SparedTorrent


@dataclass(frozen=True, slots=True)
class PlanContext:
    """The settings that apply to every torrent of a run.

    `now` (UTC): the time of the run. `stuck_after`: seconds without metadata after which a torrent is stuck. `holders`:
    the copies with metadata on all instances.
    """

    owner: str
    policy: Policy
    delete_files: bool
    take_over: bool
    quarantine_days: int | None = None
    now: datetime | None = None
    stuck_after: float = DEFAULT_STUCK_AFTER
    holders: MetadataHolders = NO_HOLDERS

    @classmethod
    def from_desired(
        cls, desired: DesiredState, take_over: bool, now: datetime | None, holders: MetadataHolders = NO_HOLDERS
    ) -> PlanContext:
        """Combine the desired state, the command line, the time and the copies with metadata."""
        settings = desired.owner, desired.policy, desired.delete_files, take_over, desired.quarantine_days
        return cls(*settings, now, desired.stuck_after, holders)

    @property
    def today(self) -> date | None:
        """The date by which a quarantine ends."""
        return self.now.date() if self.now else None

    def is_owned(self, live: LiveTorrent) -> bool:
        """True if the live torrent has our owner tag; nothing else decides ownership."""
        return build_owner_tag(self.owner) in live.tags

    def list_other_owners(self, live: LiveTorrent) -> tuple[str, ...]:
        """Return the other owners of the live torrent."""
        return tuple([name for name in parse_owners(live.tags) if name != self.owner])


def quote_names(names: Sequence[str]) -> str:
    """Return names of owners, quoted, for a message."""
    return ", ".join(f'"{name}"' for name in names)
