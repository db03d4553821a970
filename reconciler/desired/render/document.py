"""What was gathered from instances → the text of documents that declare it."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from humanize import naturalsize

from reconciler.desired.render.entry import YamlEntry, YamlValue, render_block_entry, render_value, sanitize_comment
from reconciler.desired.schema.torrents import ManagedKeys

MIN_LINES_SAVED: Final = (
    5  # lines that a document of its own has to save: it brings a separator, a version and a heading
)
_NULL_COST: Final = 2  # what a `null` counts, in lines: it takes a second look
_DEFAULTABLE_KEYS: Final = tuple(ManagedKeys.__annotations__)  # a null among them undoes a default


@dataclass(frozen=True, slots=True)
class DocumentDraft:
    """One document: its defaults, and its entries without what those say."""

    entries: Sequence[YamlEntry]
    defaults: Mapping[str, YamlValue] = field(default_factory=dict)

    @property
    def line_count(self) -> int:
        """How many lines it takes, but for its heading."""
        return sum(len(entry.keys) for entry in self.entries) + len(self.defaults) + bool(self.defaults)


def group_entries(entries: Sequence[YamlEntry]) -> list[DocumentDraft]:
    """The entries in as few lines as is readable: by instance, and by category where many have one.

    The order is that of the instances and categories' names; inside of a document it is that of `entries`.
    """
    parts = []
    for _, of_instance in _group_by_key("instance", entries):
        rest: list[YamlEntry] = []
        own = []
        whole = compact_entries(of_instance)
        for _, members in _group_by_key("category", of_instance):
            part = compact_entries(members)
            if (
                sum(len(_subtract_defaults(entry, whole.defaults)) for entry in members) - part.line_count
                >= MIN_LINES_SAVED
            ):
                own.append(part)
            else:
                rest += members
        if own and rest:
            kept = set(map(id, rest))
            own.insert(0, compact_entries([entry for entry in of_instance if id(entry) in kept]))
        parts += own if own and _count_lines(own) < _count_lines([whole]) else [whole]
    return parts


def _count_lines(drafts: Sequence[DocumentDraft]) -> int:
    return sum(part.line_count + MIN_LINES_SAVED - 1 for part in drafts)


def compact_entries(entries: Sequence[YamlEntry]) -> DocumentDraft:
    """One document with the defaults that save lines. A category is one only where all have it: else it misleads."""
    defaults: dict[str, YamlValue] = {}
    for key in _DEFAULTABLE_KEYS:
        found = Counter(_freeze_value(entry.keys[key]) for entry in entries if key in entry.keys)
        if not found:
            continue
        common, times = found.most_common(1)[0]
        said, without = found.total(), len(entries) - found.total()
        if key == "category" and times < len(entries):
            continue
        if 1 + (said - times) + _NULL_COST * without < said:
            defaults[key] = next(e.keys[key] for e in entries if key in e.keys and _freeze_value(e.keys[key]) == common)
    return DocumentDraft([_strip_defaults(entry, defaults) for entry in entries], defaults)


def _strip_defaults(entry: YamlEntry, defaults: Mapping[str, YamlValue]) -> YamlEntry:
    return YamlEntry(entry.source, _subtract_defaults(entry, defaults), entry.comments)


def _subtract_defaults(entry: YamlEntry, defaults: Mapping[str, YamlValue]) -> dict[str, YamlValue]:
    """What the entry still has to say under these defaults."""
    said = {key: one for key, one in entry.keys.items() if key not in defaults or defaults[key] != one}
    return said | {key: None for key in defaults if key not in entry.keys}


def _group_by_key(key: str, entries: Sequence[YamlEntry]) -> list[tuple[str, list[YamlEntry]]]:
    groups: defaultdict[str, list[YamlEntry]] = defaultdict(list)
    for entry in entries:
        groups[str(entry.keys.get(key) or "")].append(entry)
    return sorted(groups.items())


def _freeze_value(value: YamlValue) -> Hashable:
    return value if isinstance(value, (str, int, float)) else json.dumps(value)


ALREADY_DECLARED = "declared already"
_MAX_NAMED = 5  # torrents of one reason that are named
_PASSKEY_WARNING = (
    "Some magnets hold tracker addresses with what looks like a passkey: with it, others can download in your name.",
    "Keep this file to yourself; before it goes into a repository, think of who can read that.",
)


@dataclass(frozen=True, slots=True)
class ImportedEntry:
    """One live torrent, declared; `size` in bytes, 0 where it is not known yet."""

    entry: YamlEntry
    instance: str
    infohash: str
    size: int = 0


@dataclass(frozen=True, slots=True)
class SkippedTorrent:
    """One live torrent that is left out, and why."""

    instance: str
    infohash: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class RenderedDocuments:
    """A document; `starts[i]` is the line, counted from 1, at which `entries[i]` begins."""

    text: str
    entries: Sequence[YamlEntry]
    start_lines: Sequence[int]


def render_documents(
    imported: Sequence[ImportedEntry],
    skipped: Sequence[SkippedTorrent],
    instances: Sequence[str],
    categories: Mapping[str, Mapping[str, YamlValue]],
    *,
    has_passkeys: bool,
) -> RenderedDocuments:
    """The documents. They begin with `---`, so that they may also be added to the end of a file that is there.

    `categories`: names and paths of those that are declared too, in the first document.
    """
    originals = {id(one.entry.source): one.entry for one in imported}
    lines = [
        "---",
        *(f"# {sanitize_comment(text)}".rstrip() for text in _build_header(imported, skipped, instances, has_passkeys)),
    ]
    entries: list[YamlEntry] = []
    starts: list[int] = []
    for number, part in enumerate(group_entries([one.entry for one in imported]) or [DocumentDraft(())]):
        lines += ["", "---"] if number else []
        lines += _render_top(part, {} if number else categories)
        for entry in part.entries:
            entries.append(originals[id(entry.source)])
            starts.append(len(lines) + 1)
            lines += render_block_entry(entry, "  ")
    return RenderedDocuments("\n".join(lines) + "\n", entries, starts)


def format_size(count: int) -> str:
    """Bytes as people read them."""
    return naturalsize(count, binary=True)


def _render_top(draft: DocumentDraft, categories: Mapping[str, Mapping[str, YamlValue]]) -> list[str]:
    lines = ["version: 1"]
    if categories:
        lines += ["categories:"]
        lines += [f"  {render_value(name)}: {render_value(paths)}" for name, paths in sorted(categories.items())]
    if draft.defaults:
        lines += ["defaults:", *(f"  {key}: {render_value(one)}" for key, one in draft.defaults.items())]
    return [*lines, "torrents:" if draft.entries else "torrents: []"]


def _build_header(
    imported: Sequence[ImportedEntry], skipped: Sequence[SkippedTorrent], instances: Sequence[str], has_passkeys: bool
) -> list[str]:
    count = len(imported)
    total = f", {format_size(size)}" if (size := sum(one.size for one in imported)) else ""
    lines = [
        f"{count:,} {'torrent' if count == 1 else 'torrents'}{total}, as reconcile import found them on "
        + ", ".join(instances)
        + ".",
        "It goes with the files that declare the instances; together they only adopt what is there.",
    ]
    lines += _PASSKEY_WARNING if has_passkeys else ()
    return lines + _list_skipped(skipped)


def _list_skipped(skipped: Sequence[SkippedTorrent]) -> list[str]:
    by_reason: dict[str, list[SkippedTorrent]] = {}
    for one in sorted(skipped, key=lambda one: (one.reason, one.instance, one.name, one.infohash)):
        by_reason.setdefault(one.reason, []).append(one)
    lines = ["", "Left out:"] if by_reason else []
    for reason, some in by_reason.items():
        lines.append(f"- {len(some):,}: {reason}")
        if reason == ALREADY_DECLARED:
            continue
        lines += [f"    {one.infohash[:10]} {one.name} on {one.instance}" for one in some[:_MAX_NAMED]]
        lines += [f"    … and {len(some) - _MAX_NAMED:,} more"] if len(some) > _MAX_NAMED else []
    return lines
