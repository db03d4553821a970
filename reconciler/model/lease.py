"""Leases: tags on no torrent, by which desired states and runs recognize each other on an instance.

A mark stays: it says which desired state changes the instance, and under which name. A hold is there only while a run
changes the instance; other runs of the same owner wait until it is gone.
See docs/decisions/0100-a-lease-is-a-tag-on-the-instance.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from reconciler.model.lazy_dataclass import dataclass

LEASE_PREFIX: Final = "reconcile:lease:"
_TIME_FORMAT: Final = "%Y%m%dT%H%M%SZ"
_SEPARATOR: Final = "/"
_PART: Final = re.compile(r"[A-Za-z0-9._-]{0,200}")  # tags may come from anywhere, and parts are shown to people


@dataclass(frozen=True, slots=True)
class LeaseMark:
    """A desired state that changes an instance, by its `owner` and `state_id`, and the name that it has there.

    `since` (UTC): the time of its first change, by the clock of the machine that made it; only for people.
    """

    owner: str
    instance: str
    state_id: str
    since: datetime

    @property
    def tag(self) -> str:
        """The tag of the mark."""
        return LEASE_PREFIX + _SEPARATOR.join(self._parts)

    @property
    def _parts(self) -> tuple[str, ...]:
        return self.owner, self.instance, self.state_id, self.since.strftime(_TIME_FORMAT)


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that holds leases. `machine` and `process` identify it on its host, "" if that is not known.

    `nonce` is random: it differs for two runs in one process.
    """

    host: str
    machine: str
    process: str
    nonce: str

    def __str__(self) -> str:
        pid = self.process.partition(".")[0]
        return f"process {pid} on {self.host}" if pid else f"a process on {self.host}"


@dataclass(frozen=True, slots=True)
class LeaseHold:
    """A run that changes an instance now. `beat` counts its renewals: a hold that does not change has no holder."""

    mark: LeaseMark
    holder: Holder
    beat: int = 0

    @property
    def tag(self) -> str:
        """The tag of the hold."""
        holder = self.holder
        parts = (holder.host, holder.machine, holder.process, holder.nonce, str(self.beat))
        return _SEPARATOR.join((self.mark.tag, *parts))

    def renew(self) -> LeaseHold:
        """Return the next renewal."""
        return replace(self, beat=self.beat + 1)

    def __str__(self) -> str:
        return f"{self.holder}, since {self.mark.since:%Y-%m-%d %H:%M:%S} UTC"


@dataclass(frozen=True, slots=True)
class LeaseTags:
    """The leases on an instance."""

    marks: frozenset[LeaseMark] = frozenset()
    holds: frozenset[LeaseHold] = frozenset()

    @classmethod
    def parse(cls, tags: Iterable[str]) -> LeaseTags:
        """Return the leases in the tags of an instance. Other tags, and leases in an unknown form, are ignored."""
        leases = [_parse_tag(tag) for tag in tags if tag.startswith(LEASE_PREFIX)]
        return cls(
            frozenset(lease for lease in leases if isinstance(lease, LeaseMark)),
            frozenset(lease for lease in leases if isinstance(lease, LeaseHold)),
        )


def _parse_tag(tag: str) -> LeaseMark | LeaseHold | None:
    parts = tag.removeprefix(LEASE_PREFIX).split(_SEPARATOR)
    if len(parts) not in (4, 9) or not all(map(_PART.fullmatch, parts)):
        return None
    owner, instance, state_id, since, *rest = parts
    try:
        mark = LeaseMark(owner, instance, state_id, datetime.strptime(since, _TIME_FORMAT).replace(tzinfo=UTC))
        return LeaseHold(mark, Holder(*rest[:4]), int(rest[4])) if rest else mark
    except ValueError:
        return None
