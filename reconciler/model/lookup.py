"""How people name a torrent on a command line: by its name, its infohash, or the beginning of that."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, Generic, TypeVar

from reconciler.model.infohash import InfoHashes

T = TypeVar("T")

MIN_INFOHASH_PREFIX: Final = 6  # hex digits that may stand for an infohash
_INFOHASH_PREFIX_PATTERN = re.compile(r"[0-9a-f]{6,64}")


@dataclass(frozen=True, slots=True)
class LookupEntry(Generic[T]):
    """Something that can be asked for, with all that it may be called by; its infohashes may not be known."""

    item: T
    infohashes: InfoHashes | None
    names: tuple[str, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """Every form of the infohashes."""
        return self.infohashes.ids if self.infohashes else ()


def find_matches(text: str, entries: Iterable[LookupEntry[T]]) -> list[T]:
    """What the text means: those with this name, or with an infohash that begins so.

    A whole infohash that is there is never a name. A name in another case counts where there is none in this one.
    """
    entries, lower = list(entries), text.strip().lower()
    if _INFOHASH_PREFIX_PATTERN.fullmatch(lower):
        begun = [one.item for one in entries if any(key.startswith(lower) for key in one.ids)]
        if begun and len(lower) >= 40:
            return begun
    else:
        begun = []
    named = [one.item for one in entries if text in one.names]
    if not (named or begun):
        folded = text.casefold()
        named = [one.item for one in entries if any(name.casefold() == folded for name in one.names)]
    return begun + [one for one in named if all(one is not other for other in begun)]


def find_similar(text: str, entries: Iterable[LookupEntry[T]]) -> Sequence[T]:
    """What may have been meant where nothing is called so: the nearest names, or names that hold the text."""
    entries, folded = list(entries), text.casefold()
    names = {name.casefold() for one in entries for name in one.names}
    close = get_close_matches(folded, names, 3, 0.6) or sorted(name for name in names if folded in name)[:3]
    return [one.item for one in entries if any(name.casefold() in close for name in one.names)][:5]
