"""Comparisons to be reported."""

from __future__ import annotations

from typing import Final

from reconciler.model.comparison import (
    ComparedAction,
    ComparedInstance,
    Comparison,
    IneffectiveChange,
    Presence,
    SettingChange,
)
from reconciler.model.plan import Change, DeleteTorrent, GuardVerdict, UpdateTorrent
from reconciler.model.position import Position

OLD_POSITION: Final = Position("old.yaml", 7, 5)
UPDATE: Final = UpdateTorrent(
    "Sintel", "paused differs", (Change("paused", None, True),), Position("new.yaml", 3, 5), infohash="08ada5a7a6"
)
DELETION: Final = DeleteTorrent("Bunny", "no longer declared", infohash="dd8255ecdc", torrent_id="dd8255ecdc")
INEFFECTIVE: Final = IneffectiveChange("Sintel", "category", "films", None, "no longer declared: it stays as it is")
HOME: Final = ComparedInstance(
    "home",
    Presence.BOTH,
    12,
    10,
    (ComparedAction(UPDATE, Position("old.yaml", 3, 5)), ComparedAction(DELETION, OLD_POSITION, "new.yaml")),
    ineffective=(INEFFECTIVE,),
)
REFUSED: Final = ComparedInstance(
    "box", Presence.ADDED, verdict=GuardVerdict(True, ("11 deletions are more than max_delete 10",))
)
COMPARISON: Final = Comparison(
    "git:main",
    "desired.yaml",
    (REFUSED, ComparedInstance("attic", Presence.REMOVED, 3), HOME),
    (SettingChange("quarantine", None, "7d"),),
)
EMPTY: Final = Comparison("a.yaml", "b.yaml", (ComparedInstance("home", Presence.BOTH, 3, 3),))
