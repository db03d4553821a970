"""An in-memory qBittorrent, for tests over many worlds and for large fleets.

May import `model` only, and only tests import it. It has the behaviour that the conformance suite proves on real
servers, and no more. It does no I/O and has no time: each change is visible at once.
"""

from reconciler.testing.memory import MemoryInstance

__all__ = ["MemoryInstance"]
