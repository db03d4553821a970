"""What decides over every torrent of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from reconciler.model.desired import Desired, Policy
from reconciler.model.plan import Action, Spared
from reconciler.model.snapshot import LiveTorrent
from reconciler.model.tags import owner_tag, owners

Decision = Action | Spared


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides over every torrent of a run."""

    owner: str
    policy: Policy
    delete_files: bool
    take_over: bool
    quarantine: int | None = None
    today: date | None = None

    @classmethod
    def of(cls, desired: Desired, take_over: bool, today: date | None) -> Rules:
        """The rules that a desired state, the command line and the calendar set together."""
        return cls(desired.owner, desired.policy, desired.delete_files, take_over, desired.quarantine, today)

    def owns(self, live: LiveTorrent) -> bool:
        """Ownership is the live tag and nothing else."""
        return owner_tag(self.owner) in live.tags

    def others(self, live: LiveTorrent) -> tuple[str, ...]:
        """The other owners that the live torrent names."""
        return tuple(name for name in owners(live.tags) if name != self.owner)


def quoted(others: Sequence[str]) -> str:
    """Names of owners, for people."""
    return ", ".join(f'"{name}"' for name in others)
