"""What was gathered from instances → the text of documents that declare it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from humanize import naturalsize

from reconciler.desired.writing.entries import Entry, block_entry
from reconciler.desired.writing.grouping import Part, grouped
from reconciler.desired.writing.scalars import Plain, remark, value

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
