"""Finds torrents by what a user types: a name, an infohash, or the beginning of an infohash."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Final, Generic, TypeVar

from reconciler.model.infohash import InfoHashes
from reconciler.model.lazy_dataclass import dataclass

T = TypeVar("T")

MIN_INFOHASH_PREFIX: Final = 6  # hex digits
_INFOHASH_PREFIX_PATTERN = re.compile(r"[0-9a-f]{6,64}")


@dataclass(frozen=True, slots=True)
class LookupEntry(Generic[T]):
    """An item that can be looked up by its names, and by its infohashes where they are known."""

    item: T
    infohashes: InfoHashes | None
    names: tuple[str, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """Every id of the torrent; none while its infohashes are unknown."""
        return self.infohashes.ids if self.infohashes else ()


def find_matches(text: str, entries: Iterable[LookupEntry[T]]) -> list[T]:
    """Return the items with this name, or with an infohash that begins with the text.

    A complete infohash that exists is not looked up as a name. Case counts only if a name has the same case.
    """
    entries, lower = list(entries), text.strip().lower()
    by_hash: list[T] = []
    if _INFOHASH_PREFIX_PATTERN.fullmatch(lower):
        by_hash = [entry.item for entry in entries if any(id_.startswith(lower) for id_ in entry.ids)]
        if by_hash and len(lower) >= 40:
            return by_hash
    by_name = [entry.item for entry in entries if text in entry.names]
    if not (by_name or by_hash):
        folded = text.casefold()
        by_name = [entry.item for entry in entries if any(name.casefold() == folded for name in entry.names)]
    return by_hash + [item for item in by_name if all(item is not other for other in by_hash)]


def find_similar(text: str, entries: Iterable[LookupEntry[T]]) -> Sequence[T]:
    """Return at most 5 items with the nearest names, or else with names that contain the text."""
    entries, folded = list(entries), text.casefold()
    names = {name.casefold() for entry in entries for name in entry.names}
    near_names = get_close_matches(folded, names, 3, 0.6) or sorted(name for name in names if folded in name)[:3]
    return [entry.item for entry in entries if any(name.casefold() in near_names for name in entry.names)][:5]
