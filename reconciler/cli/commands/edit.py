"""Editing YAML files for `reconcile add` and `reconcile rm`: read, check the change, save, and show the diff."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from reconciler.cli import console
from reconciler.cli.loading import find_desired_files, make_permissions
from reconciler.cli.settings import CommandFailure, OutputFormat, Settings
from reconciler.desired import DesiredStateError, TorrentFileCache, load
from reconciler.desired.edit import SaveError, YamlFile, parse_layout, redact_text, replace_file
from reconciler.model.desired import DesiredState
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.position import Position
from reconciler.report.json.common import FORMAT_VERSION, escape_runner_commands
from reconciler.report.text.lines import EMPTY_LINE, Line, Style, make_line
from reconciler.report.text.problems import compute_diff, format_count, render_diff


@dataclass(frozen=True, slots=True)
class EntryOutcome:
    """The outcome for one torrent. `verb` is "add", "remove", "promote", or the reason why nothing was done."""

    verb: str
    infohash: str
    name: str
    instance: str
    position: Position | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file and its new text."""

    file: YamlFile
    text: str


def read_file(path: Path) -> YamlFile:
    """Read a YAML file for editing. Raises `CommandFailure`."""
    try:
        return YamlFile(path, path.read_bytes())
    except OSError as error:
        raise CommandFailure(f"{path} cannot be read: {error.strerror}", 4) from error


def load_with_changes(settings: Settings, changes: Sequence[FileChange], torrents: TorrentFileCache) -> DesiredState:
    """Load the desired state with the changes. Raises `CommandFailure` with all problems, except for missing secrets.

    `torrents` is the cache of .torrent files.
    """
    texts: Mapping[Path, str] = {change.file.path: change.text for change in changes}
    try:
        return load(
            find_desired_files(settings),
            os.environ,
            resolve_secrets=False,
            torrent_files=torrents,
            texts=texts,
            permissions=make_permissions(settings),
        )
    except DesiredStateError as error:
        count = format_count(len(error.problems), "problem")
        message = f"the desired state would be invalid: {count}; nothing was written"
        raise CommandFailure(message, 4, error.problems) from error


def save_changes(changes: Sequence[FileChange]) -> None:
    """Write the files. Raises `CommandFailure`."""
    for change in changes:
        try:
            replace_file(change.file.path, change.file.raw, change.file.encode_text(change.text))
        except SaveError as error:
            raise CommandFailure(str(error), 1) from error


def save_and_report(
    settings: Settings, changes: Sequence[FileChange], outcomes: Sequence[EntryOutcome], *, dry_run: bool
) -> int:
    """Write the files, unless it is a dry-run, and show the diffs and outcomes. Return the exit code."""
    redacted = [
        (
            change.file.name,
            redact_text(change.file.text, change.file.roots),
            redact_text(change.text, parse_layout(change.text)),
        )
        for change in changes
    ]
    if not dry_run:
        save_changes(changes)
    if settings.output is OutputFormat.JSON:
        console.write_report_text([_render_json(redacted, outcomes, written=bool(changes) and not dry_run)])
        return 0
    lines: list[Line] = []
    for name, before, after in redacted:
        lines += [*render_diff(name, before, after), EMPTY_LINE]
    lines += [_render_outcome(outcome, dry_run=dry_run) for outcome in outcomes]
    console.write_report_lines(lines)
    return 0


def _render_outcome(outcome: EntryOutcome, *, dry_run: bool) -> Line:
    style = {"add": Style.ADD, "remove": Style.DELETE, "promote": Style.ADD}.get(outcome.verb, Style.DIM)
    verb = {
        "add": "would add" if dry_run else "added",
        "remove": "would remove" if dry_run else "removed",
        "promote": "would move" if dry_run else "moved",
    }
    position = f"{outcome.position} · " if outcome.position else ""
    return make_line(
        (f"{verb.get(outcome.verb, outcome.verb)}  ", style),
        (f"{outcome.infohash[:10]}  ", Style.DIM),
        outcome.name if outcome.name != outcome.infohash else "",
        (f"   {position}{outcome.instance}" + (f" · {outcome.note}" if outcome.note else ""), Style.DIM),
    )


def _render_json(diffs: Sequence[tuple[str, str, str]], outcomes: Sequence[EntryOutcome], *, written: bool) -> str:
    files = [{"file": name, "diff": list(compute_diff(name, before, after))} for name, before, after in diffs]
    torrents = [
        {
            "verb": outcome.verb,
            "infohash": outcome.infohash,
            "name": outcome.name,
            "instance": outcome.instance,
            "source": str(outcome.position) if outcome.position else None,
            "note": outcome.note,
        }
        for outcome in outcomes
    ]
    report = {
        "format_version": FORMAT_VERSION,
        "exit_code": 0,
        "written": written,
        "files": files,
        "torrents": torrents,
    }
    return escape_runner_commands(json.dumps(report, indent=1))
