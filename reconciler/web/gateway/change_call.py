"""A call that changes torrents: its parameters, and the change that it makes of an entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from reconciler.model.desired import DesiredTorrent
from reconciler.model.intake import EntryChanges
from reconciler.model.lazy_dataclass import dataclass
from reconciler.web.catalogue import KnownTorrent

ToInstancePath = Callable[[KnownTorrent, str], str]
ChangeOne = Callable[[KnownTorrent, DesiredTorrent], EntryChanges]
"""Returns the changes of the entry of one torrent. Raises `HTTPException` where 5.1 refuses them for this torrent."""


@dataclass(frozen=True, slots=True)
class ChangeContext:
    """The needs of calls beyond their parameters.

    `to_instance_path` translates a path of a client. `categories`: the names of all that exist.
    """

    to_instance_path: ToInstancePath
    categories: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ChangeCall:
    """A call: its required parameters, the first of which names the torrents, and the change of each of them.

    `make_change` checks the parameters, and raises `HTTPException`. `reads_row`: the change depends on what the torrent
    is like on its instance, which is read for it.
    """

    required: tuple[str, ...]
    make_change: Callable[[Mapping[str, str], ChangeContext], ChangeOne]
    reads_row: bool = False

    @property
    def is_single(self) -> bool:
        """True if it names one torrent, which must exist (404)."""
        return self.required[0] == "hash"
