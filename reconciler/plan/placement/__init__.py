"""On which members of its group each torrent is to be, kept, or removed; and why. Pure, like all of `plan`.

`place_entries` puts it together. It looks at every member that was read (`seats`), asks the strategy (`strategies`)
with the members in their order (`ranking` for a spread group), keeps to what a member can take (`room`), and never
relies on a copy that is not surely whole (`copies`).

The rules, and what they promise, are in docs/groups.md.
"""

from reconciler.plan.placement.members import format_time
from reconciler.plan.placement.place import Placement, place_entries

__all__ = [
    "Placement",
    "format_time",
    "place_entries",
]
