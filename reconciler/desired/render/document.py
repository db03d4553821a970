"""Renders imported torrents as YAML documents, grouped so that the defaults of each document save lines."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import field
from typing import Final

from humanize import naturalsize

from reconciler.desired.render.entry import YamlEntry, YamlValue, render_block_entry, render_value, sanitize_comment
from reconciler.desired.schema.torrents import ManagedKeys
from reconciler.model.lazy_dataclass import dataclass

ALREADY_DECLARED = "declared already"
_MAX_NAMED = 5  # torrents that the header names for each reason to skip them
_PASSKEY_WARNING = (
    "Some magnet links seem to contain a passkey, in the address of a tracker: others could download in your name.",
    "Keep this file private. Before you commit it to a repository, consider who can read that.",
)
MIN_LINES_SAVED: Final = 5  # lines that a separate document must save: it costs a separator, a version and a heading
_NULL_COST: Final = 2  # lines that a `null` counts for: it takes a second look
_DEFAULTABLE_KEYS: Final = tuple(ManagedKeys.__annotations__)  # each can be undone with a null

CategoriesByInstance = Mapping[str, Mapping[str, Mapping[str, YamlValue]]]  # the keys of categories, by their names


@dataclass(frozen=True, slots=True)
class ImportedEntry:
    """One live torrent as an entry. `size` in bytes, 0 where it is unknown yet."""

    entry: YamlEntry
    instance: str
    infohash: str
    size: int = 0


@dataclass(frozen=True, slots=True)
class SkippedTorrent:
    """One live torrent that is not imported, and the reason."""

    instance: str
    infohash: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class RenderedDocuments:
    """The text of all documents. `start_lines[i]` is the first line, counted from 1, of `entries[i]`."""

    text: str
    entries: Sequence[YamlEntry]
    start_lines: Sequence[int]


@dataclass(frozen=True, slots=True)
class DocumentDraft:
    """One document: its defaults, and its entries without the keys that the defaults cover."""

    entries: Sequence[YamlEntry]
    defaults: Mapping[str, YamlValue] = field(default_factory=dict)

    @property
    def line_count(self) -> int:
        """The number of its lines, without sources and heading."""
        return sum(len(entry.keys) for entry in self.entries) + len(self.defaults) + bool(self.defaults)


def render_documents(
    imported: Sequence[ImportedEntry],
    skipped: Sequence[SkippedTorrent],
    instances: Sequence[str],
    categories: CategoriesByInstance,
    *,
    has_passkeys: bool,
) -> RenderedDocuments:
    """Render the documents. They begin with `---`, so that they can also be appended to an existing file.

    `categories`: the first document declares them, each for its instance.
    """
    original_entries = {id(item.entry.source): item.entry for item in imported}
    header = _build_header(imported, skipped, instances, has_passkeys)
    lines = ["---", *(f"# {sanitize_comment(text)}".rstrip() for text in header)]
    entries: list[YamlEntry] = []
    start_lines: list[int] = []
    for number, draft in enumerate(group_entries([item.entry for item in imported]) or [DocumentDraft(())]):
        lines += ["", "---"] if number else []
        lines += _render_top(draft, {} if number else categories)
        for entry in draft.entries:
            entries.append(original_entries[id(entry.source)])
            start_lines.append(len(lines) + 1)
            lines += render_block_entry(entry, "  ")
    return RenderedDocuments("\n".join(lines) + "\n", entries, start_lines)


def format_size(count: int) -> str:
    """Format a number of bytes for people: `1.5 GiB`."""
    return naturalsize(count, binary=True)


def _build_header(
    imported: Sequence[ImportedEntry], skipped: Sequence[SkippedTorrent], instances: Sequence[str], has_passkeys: bool
) -> list[str]:
    count = len(imported)
    size = sum(item.size for item in imported)
    total = f", {format_size(size)}" if size else ""
    lines = [
        f"{count:,} {'torrent' if count == 1 else 'torrents'}{total}, as reconcile import found them on "
        + ", ".join(instances)
        + ".",
        "Use it together with the files that declare the instances: the plan then only adopts these torrents.",
    ]
    lines += _PASSKEY_WARNING if has_passkeys else ()
    return lines + _list_skipped(skipped)


def _list_skipped(skipped: Sequence[SkippedTorrent]) -> list[str]:
    by_reason: defaultdict[str, list[SkippedTorrent]] = defaultdict(list)
    for torrent in sorted(skipped, key=lambda item: (item.reason, item.instance, item.name, item.infohash)):
        by_reason[torrent.reason].append(torrent)
    lines = ["", "Left out:"] if by_reason else []
    for reason, torrents in by_reason.items():
        lines.append(f"- {len(torrents):,}: {reason}")
        if reason == ALREADY_DECLARED:
            continue
        lines += [f"    {item.infohash[:10]} {item.name} on {item.instance}" for item in torrents[:_MAX_NAMED]]
        lines += [f"    … and {len(torrents) - _MAX_NAMED:,} more"] if len(torrents) > _MAX_NAMED else []
    return lines


def _render_top(draft: DocumentDraft, categories: CategoriesByInstance) -> list[str]:
    """Return the lines of a document before its entries."""
    lines = ["version: 1"]
    if categories:
        lines += ["instances:"]
    for instance, keys_by_name in sorted(categories.items()):
        lines += [f"  {render_value(instance)}:", "    categories:"]
        lines += [f"      {render_value(name)}: {render_value(keys)}" for name, keys in sorted(keys_by_name.items())]
    if draft.defaults:
        lines += ["defaults:", *(f"  {key}: {render_value(value)}" for key, value in draft.defaults.items())]
    return [*lines, "torrents:" if draft.entries else "torrents: []"]


def group_entries(entries: Sequence[YamlEntry]) -> list[DocumentDraft]:
    """Group entries into documents by instance, and by category where that saves lines.

    Documents are in the order of the names of instances and categories; the entries of one keep their order.
    """
    drafts = []
    for _, instance_entries in _group_by_key("instance", entries):
        whole = compact_entries(instance_entries)
        category_drafts: list[DocumentDraft] = []
        other_ids: set[int] = set()
        for _, category_entries in _group_by_key("category", instance_entries):
            draft = compact_entries(category_entries)
            lines_in_whole = sum(len(_subtract_defaults(entry, whole.defaults)) for entry in category_entries)
            if lines_in_whole - draft.line_count >= MIN_LINES_SAVED:
                category_drafts.append(draft)
            else:
                other_ids |= set(map(id, category_entries))
        if category_drafts and other_ids:
            category_drafts.insert(0, compact_entries([entry for entry in instance_entries if id(entry) in other_ids]))
        is_shorter = bool(category_drafts) and _count_lines(category_drafts) < _count_lines([whole])
        drafts += category_drafts if is_shorter else [whole]
    return drafts


def _count_lines(drafts: Sequence[DocumentDraft]) -> int:
    return sum(draft.line_count + MIN_LINES_SAVED - 1 for draft in drafts)


def compact_entries(entries: Sequence[YamlEntry]) -> DocumentDraft:
    """Return one document with the defaults that save lines.

    A category is a default only if all entries have it: otherwise the default would mislead.
    """
    defaults: dict[str, YamlValue] = {}
    for key in _DEFAULTABLE_KEYS:
        counts = Counter(_freeze_value(entry.keys[key]) for entry in entries if key in entry.keys)
        if not counts:
            continue
        common_value, common_count = counts.most_common(1)[0]
        present_count = counts.total()
        missing_count = len(entries) - present_count
        if key == "category" and common_count < len(entries):
            continue
        if 1 + (present_count - common_count) + _NULL_COST * missing_count < present_count:
            values = (entry.keys[key] for entry in entries if key in entry.keys)
            defaults[key] = next(value for value in values if _freeze_value(value) == common_value)
    return DocumentDraft([_strip_defaults(entry, defaults) for entry in entries], defaults)


def _strip_defaults(entry: YamlEntry, defaults: Mapping[str, YamlValue]) -> YamlEntry:
    return YamlEntry(entry.source, _subtract_defaults(entry, defaults), entry.comments)


def _subtract_defaults(entry: YamlEntry, defaults: Mapping[str, YamlValue]) -> dict[str, YamlValue]:
    """Return the keys that the entry still needs with these defaults, `null` among them."""
    needed = {key: value for key, value in entry.keys.items() if key not in defaults or defaults[key] != value}
    return needed | {key: None for key in defaults if key not in entry.keys}


def _group_by_key(key: str, entries: Sequence[YamlEntry]) -> list[tuple[str, list[YamlEntry]]]:
    groups: defaultdict[str, list[YamlEntry]] = defaultdict(list)
    for entry in entries:
        groups[str(entry.keys.get(key) or "")].append(entry)
    return sorted(groups.items())


def _freeze_value(value: YamlValue) -> Hashable:
    return value if isinstance(value, (str, int, float)) else json.dumps(value)
