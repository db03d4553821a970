"""`reconcile import`: write the live torrents as a desired state."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reconciler.cli import console, logs
from reconciler.cli.loading import (
    find_desired_files,
    list_unknown_entries,
    load_desired,
    make_fetcher,
    make_permissions,
)
from reconciler.cli.progress import ProgressBars
from reconciler.cli.run_context import open_login_memory
from reconciler.cli.settings import DEFAULT_FILE, CommandFailure, Settings
from reconciler.cli.signals import StopSignals
from reconciler.model.desired import DesiredState
from reconciler.model.errors import StopRequested
from reconciler.model.lazy_dataclass import dataclass
from reconciler.regular_file import is_inside
from reconciler.report.text.lines import Line, Style, make_line
from reconciler.report.text.problems import format_count

if TYPE_CHECKING:
    from reconciler.queries.import_library import ImportResult


STARTER_FILE_TEXT: Final = """\
version: 1
policy: upsert
instances:
  home:
    url: http://127.0.0.1:8080
    username: admin
    password: {env: HOME_PASSWORD}
"""
_PRINTED_FILE_NAME: Final = "imported.yaml"  # in messages about a document that is printed


@dataclass(frozen=True, slots=True)
class ImportSettings:
    """Options of an import. `include`: name the new file in `include` of the desired state."""

    out_file: Path | None = None
    torrents_folder: Path | None = None
    categories: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    include: bool = False


def import_command(settings: Settings, options: ImportSettings) -> int:
    """Write the live torrents as entries, to standard output or to a new file. Return the exit code."""
    logs.configure(settings)
    if not settings.files and not DEFAULT_FILE.exists():
        raise CommandFailure(_NO_FILE_MESSAGE, 4, detail_lines=STARTER_FILE_TEXT.splitlines())
    _check_targets(settings, options)
    with StopSignals() as stopping, ProgressBars(settings):
        imported = _run_import(settings, options, stopping)
    if options.out_file:
        _save_document(options.out_file, imported)
        counts = _counts_text(imported.torrent_count, len(imported.skipped))
        console.write_report_lines(
            [
                make_line((str(options.out_file), Style.STRONG), f": {counts}"),
                *_use_document(settings, options.out_file, include=options.include),
            ]
        )
    else:  # UTF-8, whatever the encoding of the terminal
        console.write_report(lambda stream: stream.buffer.write(imported.text.encode()))
    if imported.has_passkeys and not settings.quiet:
        advice = "only you can read the file" if options.out_file else "keep the output private"
        console.print_stderr(make_line(("note: ", Style.CHANGE), f"tracker URLs may contain a passkey; {advice}"))
    return stopping.exit_code or 0


def _run_import(settings: Settings, options: ImportSettings, stopping: StopSignals) -> ImportResult:
    from reconciler.desired import TorrentFileCache, load
    from reconciler.desired.edit import SaveError, TorrentFolder
    from reconciler.engine.context import RunContext
    from reconciler.engine.selection import UnknownInstance
    from reconciler.queries.import_entries import ImportFilter
    from reconciler.queries.import_library import UnmatchedFilter, UnreadableInstance, import_library
    from reconciler.retry import system_retry_policy

    torrents = TorrentFileCache(make_fetcher(settings, stopping.event, read_only=True))
    desired = load_desired(replace(settings, new_file=options.out_file), stop_signals=stopping, torrents=torrents)
    if desired.unknown_entries:
        raise CommandFailure(
            "it is not known which torrents are declared already, because these could not be fetched; nothing was "
            "written",
            1,
            detail_lines=list_unknown_entries(desired),
        )
    files, name = find_desired_files(settings), str(options.out_file or _PRINTED_FILE_NAME)
    save_torrent = None
    if options.torrents_folder:
        yaml_folder = options.out_file.parent if options.out_file else Path()
        save_torrent = TorrentFolder(options.torrents_folder, yaml_folder).save_torrent

    def load_merged(name: str, text: str) -> DesiredState:
        merged_files = files if name in desired.yaml_files else (*files, Path(name))
        permissions, texts = make_permissions(settings), {Path(name): text}
        return load(merged_files, os.environ, torrent_files=torrents, texts=texts, permissions=permissions)

    selection = ImportFilter(name, settings.instances, options.categories, options.tags)
    context = RunContext(stopping.event, system_retry_policy(stopping.event), logins=open_login_memory(settings))
    try:
        return import_library(desired, selection, load_merged, context, save_torrent=save_torrent)
    except (UnknownInstance, UnmatchedFilter) as error:
        raise CommandFailure(str(error), 4) from error
    except UnreadableInstance as error:
        raise CommandFailure(f"{error}; nothing was written. Limit the import with --instance", 1) from error
    except SaveError as error:
        raise CommandFailure(str(error), 1) from error
    except StopRequested as error:
        raise CommandFailure("stopped; nothing was written", stopping.exit_code or 1) from error


def _save_document(file: Path, imported: ImportResult) -> None:
    from reconciler.desired.edit import SaveError, create_file

    try:
        create_file(file, imported.text.encode(), private=imported.has_passkeys)
    except SaveError as error:
        raise CommandFailure(str(error), 1) from error


_NO_FILE_MESSAGE: Final = (
    f"there is no {DEFAULT_FILE} here that declares an instance. Run reconcile init instead. Or write these lines to "
    f"{DEFAULT_FILE} and try again, or name another file with -f"
)


def _check_targets(settings: Settings, options: ImportSettings) -> None:
    """Raise `CommandFailure` for targets that cannot be written, before anything is read."""
    if options.include and not options.out_file:
        raise CommandFailure("--include requires --out FILE", 4)
    for name, path in (("--out", options.out_file), ("--torrents", options.torrents_folder)):
        if path and not path.parent.is_dir():
            raise CommandFailure(f"{name}: there is no folder {path.parent}", 4)
    if options.out_file and os.path.lexists(options.out_file):
        raise CommandFailure(f"--out: {options.out_file} exists and is not overwritten. Name another file", 4)
    if options.torrents_folder and os.path.lexists(options.torrents_folder) and not options.torrents_folder.is_dir():
        raise CommandFailure(f"--torrents: {options.torrents_folder} is not a folder", 4)

    if options.include and options.out_file and not _is_below_folder_of(settings, options.out_file):
        files = ", ".join(map(str, find_desired_files(settings)))
        raise CommandFailure(
            f"--include: {options.out_file} is outside of the folder of {files}, and only a file below it can be "
            "included. Choose another --out",
            4,
        )


def _use_document(settings: Settings, new: Path, *, include: bool) -> list[Line]:
    """Let the desired state include the new file, if that is wanted. Return what to do next."""
    from reconciler.desired import list_read_files

    files = find_desired_files(settings)
    if any(file.resolve() == new.resolve() for file in list_read_files(files)):  # a folder or a glob has it
        return [_next_line(_plan_command_text(files))]
    target = _find_including_file(files, new)
    if target is None:
        return [_next_line(_plan_command_text((*files, new)))]
    path = os.path.relpath(new.absolute(), target.parent.absolute())
    if include:
        _write_include(settings, target, path)
        return [
            make_line((str(target), Style.STRONG), f": includes {path} now"),
            _next_line(_plan_command_text(files)),
        ]
    return [
        _next_line(_plan_command_text((*files, new))),
        make_line(("or:   ", Style.DIM), f"add include: [{path}] to {target}, and then: {_plan_command_text(files)}"),
    ]


def _is_below_folder_of(settings: Settings, new: Path) -> bool:
    files = find_desired_files(settings)
    in_folder = any(file.is_dir() and file.resolve() == new.parent.resolve() for file in files)
    return in_folder or _find_including_file(files, new) is not None


def _find_including_file(files: Sequence[Path], new: Path) -> Path | None:
    """Return the first file of the desired state that may include the new file."""
    from reconciler.desired import list_yaml_files

    yaml_files = (file for file in list_yaml_files(files) if new.absolute().is_relative_to(file.parent.absolute()))
    return next((file for file in yaml_files if is_inside(new, file.parent)), None)


def _write_include(settings: Settings, target: Path, path: str) -> None:
    """Add a path to `include` of a file. Raises `CommandFailure`; the file that was imported stays."""
    from reconciler.cli.commands.edit import FileChange, load_with_changes, read_file, save_changes
    from reconciler.desired import TorrentFileCache
    from reconciler.desired.edit import UnsupportedLayout

    file = read_file(target)
    try:
        change = FileChange(file, file.add_include(path))
    except UnsupportedLayout as error:
        raise CommandFailure(f"{target}: {error}. The import is written; add include: [{path}] by hand", 1) from error
    load_with_changes(settings, [change], TorrentFileCache())
    save_changes([change])


def _next_line(text: str) -> Line:
    return make_line(("next: ", Style.DIM), text)


def _plan_command_text(files: Sequence[Path]) -> str:
    """Return the command that plans with these files."""
    words = [] if list(files) == [DEFAULT_FILE] else [word for file in files for word in ("-f", str(file))]
    return shlex.join(["reconcile", *words, "--dry-run"])


def _counts_text(torrents: int, skipped: int) -> str:
    return format_count(torrents, "torrent") + (
        f"; {skipped:,} skipped, listed at the top of the file" if skipped else ""
    )
