"""How people name a torrent on a command line: by its name, its infohash, or the beginning of that."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, Generic, TypeVar

from reconciler.model.infohash import InfoHashes

T = TypeVar("T")

SHORTEST: Final = 6  # hex digits that may stand for an infohash
_HEX = re.compile(r"[0-9a-f]{6,64}")


@dataclass(frozen=True, slots=True)
class Known(Generic[T]):
    """Something that can be asked for, with all that it may be called by; its infohashes may not be known."""

    one: T
    infohashes: InfoHashes | None
    names: tuple[str, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """Every form of the infohashes."""
        return self.infohashes.ids if self.infohashes else ()


def lookup(text: str, known: Iterable[Known[T]]) -> list[T]:
    """What the text means: those with this name, or with an infohash that begins so.

    A whole infohash that is there is never a name. A name in another case counts where there is none in this one.
    """
    known, lower = list(known), text.strip().lower()
    if _HEX.fullmatch(lower):
        begun = [one.one for one in known if any(key.startswith(lower) for key in one.ids)]
        if begun and len(lower) >= 40:
            return begun
    else:
        begun = []
    named = [one.one for one in known if text in one.names]
    if not (named or begun):
        folded = text.casefold()
        named = [one.one for one in known if any(name.casefold() == folded for name in one.names)]
    return begun + [one for one in named if all(one is not other for other in begun)]


def near(text: str, known: Iterable[Known[T]]) -> Sequence[T]:
    """What may have been meant where nothing is called so: the nearest names, or names that hold the text."""
    known, folded = list(known), text.casefold()
    names = {name.casefold() for one in known for name in one.names}
    close = get_close_matches(folded, names, 3, 0.6) or sorted(name for name in names if folded in name)[:3]
    return [one.one for one in known if any(name.casefold() in close for name in one.names)][:5]
