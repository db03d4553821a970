"""Groups of every kind, and the states of a copy, for the models of groups."""

from __future__ import annotations

from typing import Any, Final

WHOLE: Final[dict[str, Any]] = {"state": "stalledUP", "progress": 1.0, "size": 100}
HALF: Final[dict[str, Any]] = {"state": "downloading", "progress": 0.5, "size": 100}

GROUPS: Final[list[dict[str, Any]]] = [
    *({"strategy": "failover", "failback": way} for way in ("never", "when_complete", "immediate")),
    *({"strategy": "spread", "rebalance": way} for way in ("never", "when_complete")),
    {"strategy": "replicate"},
]
