"""The order in which a torrent prefers the members of a spread group: weighted rendezvous hashing.

Each member gets a score of its own for each torrent, so a member that joins or leaves changes nothing between the
others: only what the new one wins, or the old one had, moves (Thaler and Ravishankar 1998; the logarithm for the
weights is Schindelhauer and Schomaker's, 2005).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

from reconciler.model.groups import Member

_SPAN = 1 << 53  # what a float holds exactly


def ranked(members: Sequence[Member], torrent: str) -> list[Member]:
    """The members, the one to be on first. `torrent` is an infohash; the name of the group does not count."""
    return sorted(members, key=lambda member: (-_score(member, torrent), member.name))


def _score(member: Member, torrent: str) -> float:
    digest = hashlib.sha256(f"{member.name}/{torrent}".encode()).digest()
    fraction = (int.from_bytes(digest[:8]) % _SPAN + 0.5) / _SPAN  # between 0 and 1, neither of them
    return -member.weight / math.log(fraction)
