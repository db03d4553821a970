"""`reconcile intake list` as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Final, TextIO

from reconciler.model.desired import DesiredTorrent
from reconciler.model.gateway import IntakeSettings
from reconciler.report.json.common import FORMAT_VERSION, escape_runner_commands, position_text
from reconciler.report.text.lines import Line, Span, Style, make_line
from reconciler.report.text.table import TableFit, render_table

_TITLES: Final = ("infohash", "name", "instance", "category", "labels", "position")
_FIT: Final = TableFit(below=("labels",), names="name", expendable=("position", "category", "instance"))


def render_intake(
    intake: IntakeSettings, entries: Sequence[DesiredTorrent], unfetched_count: int, width: int | None = None
) -> Iterator[Line]:
    """Return a table of the entries. `unfetched_count`: how many more have a URL that was not fetched."""
    if intake.is_missing:
        yield make_line((f"{intake.file} does not exist here, so nobody knows what was handed in.", Style.WAIT))
        return
    if entries:
        yield from render_table(_TITLES, [_build_row(entry) for entry in entries], (), width, _FIT)
    more = f", and {unfetched_count:,} by URL that only a run fetches" if unfetched_count else ""
    noun = "torrent" if len(entries) == 1 else "torrents"
    yield make_line((f"{len(entries):,} {noun} in {intake.file}{more}", Style.DIM))


def _build_row(entry: DesiredTorrent) -> tuple[Span, ...]:
    labels = ", ".join(f"{name}={value}" for name, value in entry.labels.items())
    name: Span = (f"{entry.label} (to be deleted)", Style.DELETE) if entry.absent else (entry.label, Style.PLAIN)
    return (
        (entry.infohash[:10], Style.DIM),
        name,
        (entry.instance, Style.PLAIN),
        (entry.category or "", Style.PLAIN),
        (labels, Style.DIM),
        (f"line {entry.position.line}", Style.DIM),
    )


def write_intake(
    intake: IntakeSettings, entries: Sequence[DesiredTorrent], unfetched_count: int, stream: TextIO
) -> None:
    """Write the entries as JSON, format version 1."""
    document = {
        "format_version": FORMAT_VERSION,
        "exit_code": 0,
        "file": intake.file,
        "exists": not intake.is_missing,
        "instance": intake.instance,
        "unfetched": unfetched_count,
        "torrents": [
            {
                "infohash": entry.infohash or None,
                "name": entry.label,
                "instance": entry.instance,
                "category": entry.category,
                "labels": dict(entry.labels),
                "state": "absent" if entry.absent else "present",
                "source": position_text(entry.position),
            }
            for entry in entries
        ],
    }
    stream.write(escape_runner_commands(json.dumps(document, indent=1)) + "\n")
