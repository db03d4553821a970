"""The distribution of instances over several processes, by a rendezvous hash of the instances' names.

Every process computes the same distribution, and a change of their number moves as few instances as possible.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from reconciler.model.lazy_dataclass import dataclass

MAX_SHARDS: Final = 1000  # each instance's name is hashed once per shard
_SHARD_PATTERN: Final = r"([0-9]{1,6})/([0-9]{1,6})"


@dataclass(frozen=True, slots=True)
class Shard:
    """One of `count` processes that share the instances; `index` counts from 0."""

    index: int
    count: int

    @staticmethod
    def parse(text: str) -> Shard:
        """Parse `INDEX/COUNT`. Raises `ValueError`, which says what is wrong."""
        match = re.fullmatch(_SHARD_PATTERN, text.strip())
        if not match:
            raise ValueError("a shard is INDEX/COUNT, such as 0/3 for the first of three")
        index, count = int(match[1]), int(match[2])
        if not 1 <= count <= MAX_SHARDS:
            raise ValueError(f"COUNT is 1 to {MAX_SHARDS}")
        if index >= count:
            raise ValueError(f"INDEX counts from 0: of {count} the last is {count - 1}/{count}")
        return Shard(index, count)

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    def has_instance(self, instance: str) -> bool:
        """True if the instance belongs to this shard. It belongs to exactly one of `count`."""
        return max(range(self.count), key=lambda index: _compute_weight(index, instance)) == self.index


def _compute_weight(index: int, instance: str) -> bytes:
    return hashlib.sha256(f"{index}/{instance}".encode()).digest()
