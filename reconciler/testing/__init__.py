"""An in-memory qBittorrent, for tests over many worlds and for large fleets.

May import `model` only, and nothing but tests imports it. It shows the behaviour that the conformance suite proves on
real servers, and no more; it does no I/O and knows no time, so what is accepted is there at once.
"""

from reconciler.testing.memory import MemoryInstance

__all__ = ["MemoryInstance"]
