"""Entries → documents with `defaults`, wherever that says the same in fewer lines."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from reconciler.desired.schema import Managed
from reconciler.desired.writing.entries import Entry
from reconciler.desired.writing.scalars import Plain

WORTH: Final = 5  # lines that a document of its own has to save: it brings a separator, a version and a heading
_UNDOING: Final = 2  # what a `null` counts, in lines: it takes a second look
_DEFAULTABLE: Final = tuple(Managed.__annotations__)  # a null among them undoes a default


@dataclass(frozen=True, slots=True)
class Part:
    """One document: its defaults, and its entries without what those say."""

    entries: Sequence[Entry]
    defaults: Mapping[str, Plain] = field(default_factory=dict)

    @property
    def lines(self) -> int:
        """How many lines it takes, but for its heading."""
        return sum(len(entry.keys) for entry in self.entries) + len(self.defaults) + bool(self.defaults)


def grouped(entries: Sequence[Entry]) -> list[Part]:
    """The entries in as few lines as is readable: by instance, and by category where many have one.

    The order is that of the instances and categories' names; inside of a document it is that of `entries`.
    """
    parts = []
    for _, of_instance in _by("instance", entries):
        rest: list[Entry] = []
        own = []
        whole = compact(of_instance)
        for _, members in _by("category", of_instance):
            part = compact(members)
            if sum(len(_under(entry, whole.defaults)) for entry in members) - part.lines >= WORTH:
                own.append(part)
            else:
                rest += members
        if own and rest:
            kept = set(map(id, rest))
            own.insert(0, compact([entry for entry in of_instance if id(entry) in kept]))
        parts += own if own and _lines(own) < _lines([whole]) else [whole]
    return parts


def _lines(parts: Sequence[Part]) -> int:
    return sum(part.lines + WORTH - 1 for part in parts)


def compact(entries: Sequence[Entry]) -> Part:
    """One document with the defaults that save lines. A category is one only where all have it: else it misleads."""
    defaults: dict[str, Plain] = {}
    for key in _DEFAULTABLE:
        found = Counter(_frozen(entry.keys[key]) for entry in entries if key in entry.keys)
        if not found:
            continue
        common, times = found.most_common(1)[0]
        said, without = found.total(), len(entries) - found.total()
        if key == "category" and times < len(entries):
            continue
        if 1 + (said - times) + _UNDOING * without < said:
            defaults[key] = next(e.keys[key] for e in entries if key in e.keys and _frozen(e.keys[key]) == common)
    return Part([_relative(entry, defaults) for entry in entries], defaults)


def _relative(entry: Entry, defaults: Mapping[str, Plain]) -> Entry:
    return Entry(entry.source, _under(entry, defaults), entry.remarks)


def _under(entry: Entry, defaults: Mapping[str, Plain]) -> dict[str, Plain]:
    """What the entry still has to say under these defaults."""
    said = {key: one for key, one in entry.keys.items() if key not in defaults or defaults[key] != one}
    return said | {key: None for key in defaults if key not in entry.keys}


def _by(key: str, entries: Sequence[Entry]) -> list[tuple[str, list[Entry]]]:
    groups: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        groups[str(entry.keys.get(key) or "")].append(entry)
    return sorted(groups.items())


def _frozen(one: Plain) -> Hashable:
    return one if isinstance(one, (str, int, float)) else json.dumps(one)
