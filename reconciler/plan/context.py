"""The settings that apply to every torrent of a run."""

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
    """The settings that apply to every torrent of a run."""

    owner: str
    policy: Policy
    delete_files: bool
    take_over: bool
    quarantine_days: int | None = None
    today: date | None = None

    @classmethod
    def from_desired(cls, desired: DesiredState, take_over: bool, today: date | None) -> PlanContext:
        """Combine the desired state, the command line and the calendar."""
        return cls(desired.owner, desired.policy, desired.delete_files, take_over, desired.quarantine_days, today)

    def is_owned(self, live: LiveTorrent) -> bool:
        """True if the live torrent has our owner tag; nothing else decides ownership."""
        return build_owner_tag(self.owner) in live.tags

    def list_other_owners(self, live: LiveTorrent) -> tuple[str, ...]:
        """Return the other owners of the live torrent."""
        return tuple(name for name in parse_owners(live.tags) if name != self.owner)


def quote_names(names: Sequence[str]) -> str:
    """Return names of owners, quoted, for a message."""
    return ", ".join(f'"{name}"' for name in names)
