"""Entries of qBittorrent's own log: only they show what became of the data of a deleted torrent."""

from __future__ import annotations

from dataclasses import field
from typing import Final

from reconciler.model.lazy_dataclass import dataclass

_NAME_CHARACTERS: Final = frozenset(" .,_-+&()[]{}")  # a name may go on with these; quotes around it are none of them


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One entry. `is_problem`: a warning or an error. `text`: in the language of the server; it may name trackers."""

    id: int
    is_problem: bool
    text: str = field(repr=False)

    def has_name(self, name: str) -> bool:
        """Return True if the text contains this name of a torrent, and not only as a part of another name."""
        start = self.text.find(name) if name else -1
        while start >= 0:
            end = start + len(name)
            before, after = self.text[start - 1 : start] if start else "", self.text[end : end + 1]
            if not (_continues_name(before) or _continues_name(after)):
                return True
            start = self.text.find(name, start + 1)
        return False


def _continues_name(character: str) -> bool:
    return character.isalnum() or character in _NAME_CHARACTERS
