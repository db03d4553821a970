"""The quarantine of what is pruned, as it stands in a tag: `reconcile:quarantine:2026-11-28`, or with `:stopped`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from reconciler.model.tags import QUARANTINE

_WAS_STOPPED = ":stopped"


@dataclass(frozen=True, slots=True)
class Quarantine:
    """`until`: the last day (UTC) on which it is kept. `was_stopped`: how it is to be when it is declared again."""

    until: date
    was_stopped: bool = False

    @classmethod
    def begin(cls, today: date, days: int, was_stopped: bool) -> Quarantine:
        """One that begins today. It lasts so many days at least: the rest of today comes on top."""
        return cls(today + timedelta(days), was_stopped)

    @classmethod
    def parse(cls, text: str) -> Quarantine | None:
        """What the text of a tag says; None where it names no day."""
        day = text.removesuffix(_WAS_STOPPED)
        try:
            until = date.fromisoformat(day)
        except ValueError:
            return None
        return cls(until, text != day) if until.isoformat() == day else None

    def __str__(self) -> str:
        return self.until.isoformat() + (_WAS_STOPPED if self.was_stopped else "")


def quarantines(tags: Iterable[str]) -> tuple[str, ...]:
    """What the quarantine tags among these say, sorted; one at most, unless a person has meddled with them."""
    return tuple(sorted(tag.removeprefix(QUARANTINE) for tag in tags if tag.startswith(QUARANTINE)))


def ran_before(texts: Iterable[str]) -> bool:
    """Was a torrent with such quarantine tags running when it was put there?"""
    return not any(text.endswith(_WAS_STOPPED) for text in texts)
