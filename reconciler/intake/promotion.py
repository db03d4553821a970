"""The entries of an intake as they are in a file that people write."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reconciler.desired.render import EntrySource, YamlEntry
from reconciler.desired.render.entry import YamlValue
from reconciler.intake.draft import StoredEntry


def make_own_entry(entry: StoredEntry, intake_file: Path, target: Path, instance: str) -> YamlEntry:
    """Return an entry for the file `target`, with its comments. `instance`: where it is, which no default says there.

    An uploaded .torrent file is named where it lies.
    """
    data: dict[str, Any] = dict(entry.block.data)
    key = entry.block.source_key
    location = str(data.pop(key))
    if entry.file_name:
        location = os.path.relpath((intake_file.parent / location).absolute(), target.parent.absolute())
    data.setdefault("instance", instance)
    return YamlEntry(EntrySource(key, location), data, _list_comments(entry.block.text))


def undo_defaults(entry: YamlEntry, defaults: Mapping[str, object]) -> YamlEntry:
    """Return the entry as it has to be below these defaults, so that it means the same as without them."""
    keys: dict[str, YamlValue] = {
        key: value for key, value in entry.keys.items() if key not in defaults or defaults[key] != value
    }
    keys |= {key: None for key, value in defaults.items() if key not in entry.keys and value is not None}
    return YamlEntry(entry.source, keys, entry.comments)


def _list_comments(text: str) -> tuple[str, ...]:
    lines = (line.strip() for line in text.splitlines())
    return tuple(line[1:].strip() for line in lines if line.startswith("#"))
