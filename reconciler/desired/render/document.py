"""What was gathered from instances → the text of documents that declare it."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from humanize import naturalsize

from reconciler.desired.render.entry import Entry, Plain, block_entry, remark, value
from reconciler.desired.schema.document import Managed

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


DECLARED = "declared already"
_NAMED = 5  # torrents of one reason that are named
_PASSKEYS = (
    "Some magnets hold tracker addresses with what looks like a passkey: with it, others can download in your name.",
    "Keep this file to yourself; before it goes into a repository, think of who can read that.",
)


@dataclass(frozen=True, slots=True)
class Gathered:
    """One live torrent, declared; `size` in bytes, 0 where it is not known yet."""

    entry: Entry
    instance: str
    infohash: str
    size: int = 0


@dataclass(frozen=True, slots=True)
class Left:
    """One live torrent that is left out, and why."""

    instance: str
    infohash: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """A document; `starts[i]` is the line, counted from 1, at which `entries[i]` begins."""

    text: str
    entries: Sequence[Entry]
    starts: Sequence[int]


def render(
    gathered: Sequence[Gathered],
    left: Sequence[Left],
    instances: Sequence[str],
    categories: Mapping[str, Mapping[str, Plain]],
    *,
    passkeys: bool,
) -> Rendered:
    """The documents. They begin with `---`, so that they may also be added to the end of a file that is there.

    `categories`: names and paths of those that are declared too, in the first document.
    """
    originals = {id(one.entry.source): one.entry for one in gathered}
    lines = ["---", *(f"# {remark(text)}".rstrip() for text in _head(gathered, left, instances, passkeys))]
    entries: list[Entry] = []
    starts: list[int] = []
    for number, part in enumerate(grouped([one.entry for one in gathered]) or [Part(())]):
        lines += ["", "---"] if number else []
        lines += _top(part, {} if number else categories)
        for entry in part.entries:
            entries.append(originals[id(entry.source)])
            starts.append(len(lines) + 1)
            lines += block_entry(entry, "  ")
    return Rendered("\n".join(lines) + "\n", entries, starts)


def size_of(count: int) -> str:
    """Bytes as people read them."""
    return naturalsize(count, binary=True)


def _top(part: Part, categories: Mapping[str, Mapping[str, Plain]]) -> list[str]:
    lines = ["version: 1"]
    if categories:
        lines += ["categories:"]
        lines += [f"  {value(name)}: {value(paths)}" for name, paths in sorted(categories.items())]
    if part.defaults:
        lines += ["defaults:", *(f"  {key}: {value(one)}" for key, one in part.defaults.items())]
    return [*lines, "torrents:" if part.entries else "torrents: []"]


def _head(gathered: Sequence[Gathered], left: Sequence[Left], instances: Sequence[str], passkeys: bool) -> list[str]:
    count = len(gathered)
    total = f", {size_of(size)}" if (size := sum(one.size for one in gathered)) else ""
    lines = [
        f"{count:,} {'torrent' if count == 1 else 'torrents'}{total}, as reconcile import found them on "
        + ", ".join(instances)
        + ".",
        "It goes with the files that declare the instances; together they only adopt what is there.",
    ]
    lines += _PASSKEYS if passkeys else ()
    return lines + _left_out(left)


def _left_out(left: Sequence[Left]) -> list[str]:
    by_reason: dict[str, list[Left]] = {}
    for one in sorted(left, key=lambda one: (one.reason, one.instance, one.name, one.infohash)):
        by_reason.setdefault(one.reason, []).append(one)
    lines = ["", "Left out:"] if by_reason else []
    for reason, some in by_reason.items():
        lines.append(f"- {len(some):,}: {reason}")
        if reason == DECLARED:
            continue
        lines += [f"    {one.infohash[:10]} {one.name} on {one.instance}" for one in some[:_NAMED]]
        lines += [f"    … and {len(some) - _NAMED:,} more"] if len(some) > _NAMED else []
    return lines
