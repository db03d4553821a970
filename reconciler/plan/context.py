"""What decides over every torrent of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from reconciler.model.desired import DesiredState, Policy
from reconciler.model.plan import Action, SparedTorrent
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.tags import build_owner_tag, parse_owners

Decision = Action | SparedTorrent


@dataclass(frozen=True, slots=True)
class PlanContext:
    """What decides over every torrent of a run."""

    owner: str
    policy: Policy
    delete_files: bool
    take_over: bool
    quarantine_days: int | None = None
    today: date | None = None

    @classmethod
    def from_desired(cls, desired: DesiredState, take_over: bool, today: date | None) -> PlanContext:
        """The rules that a desired state, the command line and the calendar set together."""
        return cls(desired.owner, desired.policy, desired.delete_files, take_over, desired.quarantine_days, today)

    def is_owned(self, live: LiveTorrent) -> bool:
        """Ownership is the live tag and nothing else."""
        return build_owner_tag(self.owner) in live.tags

    def list_other_owners(self, live: LiveTorrent) -> tuple[str, ...]:
        """The other owners that the live torrent names."""
        return tuple(name for name in parse_owners(live.tags) if name != self.owner)


def quote_names(names: Sequence[str]) -> str:
    """Names of owners, for people."""
    return ", ".join(f'"{name}"' for name in names)
