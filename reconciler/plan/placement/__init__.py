"""On which members of its group each torrent is to be, kept, or removed; and why. Pure, like all of `plan`.

`place` puts it together. It looks at every member that was read (`seats`), asks the strategy (`strategies`) with the
members in their order (`ranking` for a spread group), keeps to what a member can take (`room`), and never relies on a
copy that is not surely whole (`copies`). `linked` says which instances have to be looked at together.

The rules, and what they promise, are in docs/groups.md.
"""

from reconciler.plan.placement.members import linked, moment
from reconciler.plan.placement.place import Here, Placement, place
from reconciler.plan.placement.strategies import Spot, Stay

__all__ = ["Here", "Placement", "Spot", "Stay", "linked", "moment", "place"]
