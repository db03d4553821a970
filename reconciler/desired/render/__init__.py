"""From values to YAML text: the small part of YAML that `reconcile` itself writes.

For: scalars that any reader takes for what they are, entries of `torrents`, and whole documents of what is live. May
import `model` and the rest of `desired`. Never does I/O; who calls it writes the text.
"""

from reconciler.desired.render.document import Gathered, Left, Rendered, render, size_of
from reconciler.desired.render.entry import Entry, Source, block_entry, flow_entry, is_category, managed_values

__all__ = [
    "Entry",
    "Gathered",
    "Left",
    "Rendered",
    "Source",
    "block_entry",
    "flow_entry",
    "is_category",
    "managed_values",
    "render",
    "size_of",
]
