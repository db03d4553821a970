"""Imports of the torrents of instances in memory."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reconciler.desired import load
from reconciler.model.desired import DesiredState, Instance
from reconciler.queries.import_entries import ImportFilter
from reconciler.queries.import_library import ImportResult, import_library
from reconciler.testing.memory import MemoryInstance
from tests.support.fake_retry import fake_context


def import_library_into(
    folder: Path, text: str, boxes: Mapping[str, MemoryInstance], **asked: Any
) -> tuple[DesiredState, ImportResult]:
    """Return the desired state of the file with the imported entries, and the result of the import."""
    file, new = folder / "desired.yaml", folder / "imported.yaml"
    file.write_text(text, encoding="utf-8")

    def merged(name: str, text: str) -> DesiredState:
        return load([file, Path(name)], {}, texts={Path(name): text})

    def connect(instance: Instance, _stop: threading.Event) -> MemoryInstance:
        return boxes[instance.name]

    desired = load([file], {})
    result = import_library(desired, ImportFilter(str(new), **asked), merged, fake_context(connect))
    new.write_text(result.text, encoding="utf-8")
    return load([file, new], {}), result
