"""The intake: the torrents that services hand in. Its settings are in `model.gateway`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Protocol

from reconciler.model.desired import DesiredCategory, DesiredTorrent
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.position import Position, Problem

EntryValue = str | int | float | bool | Sequence[str] | Mapping[str, object]
"""A value of a key of a torrent entry, as YAML has it."""
EntryChanges = Mapping[str, EntryValue | None]
"""Keys of a torrent entry to set, or to remove where the value is None."""


def make_url_id(url: str) -> str:
    """Return the id of the entry of a URL: 40 hex digits, which are known before its torrent is."""
    return hashlib.sha1(f"url {url}".encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class HandedIn:
    """A torrent as a service hands it in.

    Exactly one of `link` (a magnet link, or an http(s) URL of a .torrent file) and `content` (the bytes of a .torrent
    file) is given. `keys` are those of a torrent entry (`category`, `save_path`, `labels`, …), without a source. All of
    them may contain passkeys.
    """

    link: str = field(default="", repr=False)
    content: bytes = field(default=b"", repr=False)
    keys: Mapping[str, EntryValue] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class HandInResult:
    """The answer to one `HandedIn`. `problem` is None if its entry is on disk; `infohash` "" while it is unknown.

    `is_known`: the torrent was declared before, at `position`, and nothing was written.
    """

    infohash: str = ""
    position: Position | None = None
    is_known: bool = False
    problem: Problem | None = None


class IntakeError(Exception):
    """A change of the intake that was refused; nothing was written. `problems` say why, and where."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = problems


class DeclaredElsewhere(IntakeError):
    """The torrent or category is declared in a file that people write, which only people change."""


class IntakeFull(IntakeError):
    """The intake has as many torrents as it may have, or as many deletions wait as one run may carry out."""


class IntakeUnavailable(IntakeError):
    """The file of the intake cannot be read or written now, such as on a full disk."""


class Intake(Protocol):
    """The torrents that services handed in. Safe from any thread; a call that returns has written its change to disk.

    An infohash is any id of a torrent, or the `make_url_id` of the URL that it was handed in by. Each change is checked
    with the whole desired state before it is written, and raises `IntakeError`; then nothing of that call was written.
    """

    @property
    def entries(self) -> Mapping[str, DesiredTorrent]:
        """The entries of the file as last written, by every id of their torrents, and also what is to be deleted."""

    @property
    def unfetched(self) -> Mapping[str, DesiredTorrent]:
        """The entries of URLs whose torrents are not known yet, by `make_url_id`."""

    @property
    def categories(self) -> Mapping[str, DesiredCategory]:
        """The categories of the file as last written, by name."""

    def hand_in(self, torrents: Sequence[HandedIn]) -> list[HandInResult]:
        """Add entries, in one write. A torrent that cannot be added has its problem in its result."""

    def find_infohash(self, url: str) -> str:
        """Return the infohash of a torrent by the URL of its file; "" while no run has read that file."""

    def change(
        self, infohashes: Sequence[str], changes: EntryChanges | Callable[[DesiredTorrent], EntryChanges]
    ) -> None:
        """Change keys of entries, in one write. Raises `DeclaredElsewhere`, and KeyError if none is known.

        A function gets each entry as last written, and no other change comes between; it raises nothing.
        """

    def remove(self, infohashes: Sequence[str], *, delete_files: bool) -> None:
        """Mark entries as absent. The runs delete their torrents, and then the entries are dropped."""

    def set_category(self, name: str, save_path: str | None, *, download_path: str | bool | None = None) -> None:
        """Declare a category, or replace its declaration; as in `DesiredCategory`, a path None is not managed."""

    def remove_categories(self, names: Sequence[str]) -> None:
        """Remove categories from the file. The instances keep them, unless `prune_categories` is set."""
