"""The commands add and rm: what both do to a file, from reading it to showing what was done."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.cli import console
from reconciler.cli.loading import files_of
from reconciler.cli.settings import Failure, Output, Settings
from reconciler.desired import DesiredStateError, TorrentFiles, load, yaml_files
from reconciler.desired.edit import SavingError, YamlFile, layout, presentable, replace_file
from reconciler.model.desired import Desired
from reconciler.model.position import Position
from reconciler.report.text.lines import EMPTY, Line, Style, line
from reconciler.report.text.problems import count, diff_lines, difference


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one torrent: `verb` is add, remove, or why nothing was done."""

    verb: str
    infohash: str
    name: str
    instance: str
    at: Position | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One file and the text that it should hold."""

    file: YamlFile
    text: str


def files_in(settings: Settings) -> list[Path]:
    """Every file of the desired state, folders spread out."""
    return yaml_files(files_of(settings))


def read_file(path: Path) -> YamlFile:
    """A file that was loaded just now. Raises `Failure`."""
    try:
        return YamlFile(path, path.read_bytes())
    except OSError as error:
        raise Failure(f"{path} cannot be read: {error.strerror}", 4) from error


def reload(settings: Settings, changes: Sequence[Change], torrents: TorrentFiles) -> Desired:
    """The desired state as it would be. Raises `Failure` with all problems; a missing secret is none.

    `torrents`: what is known of .torrent files, and how to fetch them.
    """
    texts: Mapping[Path, str] = {change.file.path: change.text for change in changes}
    try:
        return load(files_of(settings), os.environ, resolve_secrets=False, torrents=torrents, texts=texts)
    except DesiredStateError as error:
        found = count(len(error.problems), "problem")
        message = f"the desired state would be invalid: {found}; nothing was written"
        raise Failure(message, 4, error.problems, unwritten=True) from error


def conclude(settings: Settings, changes: Sequence[Change], done: Sequence[Done], *, dry_run: bool) -> int:
    """Write the files, unless it is a dry-run, and show what was changed."""
    shown = [
        (
            change.file.name,
            presentable(change.file.text, change.file.roots),
            presentable(change.text, layout(change.text)),
        )
        for change in changes
    ]
    if not dry_run:
        for change in changes:
            try:
                replace_file(change.file.path, change.file.raw, change.file.bytes_of(change.text))
            except SavingError as error:
                raise Failure(str(error), 1) from error
    if settings.output is Output.JSON:
        console.publish_text([_as_json(shown, done, written=bool(changes) and not dry_run)])
        return 0
    lines: list[Line] = []
    for name, before, after in shown:
        lines += [*diff_lines(name, before, after), EMPTY]
    lines += [_line(one, dry_run=dry_run) for one in done]
    console.publish_lines(lines)
    return 0


def _presentable(change: Change) -> tuple[str, str, str]:
    """A file's name, its text before and after, without what must not be shown."""
    before, after = change.file.text, change.text
    return change.file.name, presentable(before, change.file.roots), presentable(after, layout(after))


def _line(done: Done, *, dry_run: bool) -> Line:
    style = {"add": Style.ADD, "remove": Style.DELETE}.get(done.verb, Style.DIM)
    verb = {"add": "would add" if dry_run else "added", "remove": "would remove" if dry_run else "removed"}
    place = f"{done.at} · " if done.at else ""
    return line(
        (f"{verb.get(done.verb, done.verb)}  ", style),
        (f"{done.infohash[:10]}  ", Style.DIM),
        done.name if done.name != done.infohash else "",
        (f"   {place}{done.instance}" + (f" · {done.note}" if done.note else ""), Style.DIM),
    )


def _as_json(shown: Sequence[tuple[str, str, str]], done: Sequence[Done], *, written: bool) -> str:
    files = [{"file": name, "diff": list(difference(name, before, after))} for name, before, after in shown]
    torrents = [
        {
            "verb": one.verb,
            "infohash": one.infohash,
            "name": one.name,
            "instance": one.instance,
            "source": str(one.at) if one.at else None,
            "note": one.note,
        }
        for one in done
    ]
    report = {"format_version": 1, "exit_code": 0, "written": written, "files": files, "torrents": torrents}
    return json.dumps(report, indent=1)
