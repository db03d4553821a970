"""Renders values as YAML text: the small part of YAML that `reconcile` itself writes.

For: scalars that every YAML parser reads alike, entries of `torrents`, and whole documents of live torrents. May import
`model` and the rest of `desired`. Never does I/O; the caller writes the text.
"""

from reconciler.desired.render.document import (
    CategoriesByInstance,
    ImportedEntry,
    RenderedDocuments,
    SkippedTorrent,
    format_size,
    render_documents,
)
from reconciler.desired.render.entry import (
    EntrySource,
    YamlEntry,
    can_declare_category,
    read_managed_values,
    render_block_entry,
    render_flow_entry,
)

__all__ = [
    "CategoriesByInstance",
    "EntrySource",
    "ImportedEntry",
    "RenderedDocuments",
    "SkippedTorrent",
    "YamlEntry",
    "can_declare_category",
    "format_size",
    "read_managed_values",
    "render_block_entry",
    "render_documents",
    "render_flow_entry",
]
