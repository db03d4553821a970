"""From values to YAML text: the small part of YAML that `reconcile` itself writes.

For: scalars that any reader takes for what they are, entries of `torrents`, and whole documents of what is live. May
import `model` and the rest of `desired`. Never does I/O; who calls it writes the text.
"""

from reconciler.desired.render.document import (
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
