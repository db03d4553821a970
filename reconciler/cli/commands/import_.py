"""The command import."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reconciler.cli import console, logs
from reconciler.cli.loading import files_of, load_desired
from reconciler.cli.progress import Bars
from reconciler.cli.settings import DEFAULT_FILE, Failure, Settings
from reconciler.cli.signals import Stopping
from reconciler.model.desired import Desired
from reconciler.model.errors import Stopped
from reconciler.report.text.lines import Style, line
from reconciler.report.text.problems import count

if TYPE_CHECKING:
    from reconciler.queries.import_library import Imported


FIRST_FILE: Final = """\
version: 1
policy: upsert
instances:
  home:
    url: http://127.0.0.1:8080
    username: admin
    password: {env: HOME_PASSWORD}
"""
_PRINTED: Final = "imported.yaml"  # what a document is called that has no file


@dataclass(frozen=True, slots=True)
class ImportSettings:
    """The options of an import alone."""

    file: Path | None = None
    torrents: Path | None = None
    categories: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


def import_command(settings: Settings, options: ImportSettings) -> int:
    """Declare what is live, and print it or write it to a new file."""
    logs.configure(settings)
    if not settings.files and not DEFAULT_FILE.exists():
        raise Failure(_NO_FILE, 4, more=FIRST_FILE.splitlines())
    _check_targets(options)
    with Stopping() as stopping:
        imported = _imported(settings, options, stopping)
    if options.file:
        _save(options.file, imported)
        console.publish_lines(
            [line((str(options.file), Style.STRONG), f": {_sum(imported.torrents, len(imported.left))}")]
        )
        console.publish_lines([line(("next: ", Style.DIM), _next(files_of(settings), options.file))])
    else:
        console.publish(
            lambda stream: stream.buffer.write(imported.text.encode())
        )  # UTF-8, whatever the terminal speaks
    if imported.passkeys and not settings.quiet:
        where = "the file is readable by you alone" if options.file else "think of who can read it"
        said = f"trackers in it hold what looks like a passkey; {where}"
        console.tell(line(("note: ", Style.CHANGE), said))
    return stopping.exit_code or 0


def _imported(settings: Settings, options: ImportSettings, stopping: Stopping) -> Imported:
    from reconciler.desired import TorrentFiles, load
    from reconciler.desired.edit import SavingError, TorrentFolder
    from reconciler.engine import UnknownInstance
    from reconciler.fetch import Fetcher
    from reconciler.queries.import_entries import Asked
    from reconciler.queries.import_library import NothingLike, NotRead, import_library

    torrents = TorrentFiles(Fetcher(stopping.event))
    desired = load_desired(settings, stopping=stopping, torrents=torrents)
    files, name = files_of(settings), str(options.file or _PRINTED)
    keep = None
    if options.torrents:
        keep = TorrentFolder(options.torrents, options.file.parent if options.file else Path()).keep

    def merged(name: str, text: str) -> Desired:
        return load((*files, Path(name)), os.environ, torrents=torrents, texts={Path(name): text})

    asked = Asked(name, settings.instances, options.categories, options.tags)
    with Bars(enabled=sys.stderr.isatty() and not settings.quiet):
        try:
            return import_library(desired, asked, merged, stopping.event, keep=keep)
        except (UnknownInstance, NothingLike) as error:
            raise Failure(str(error), 4) from error
        except NotRead as error:
            raise Failure(f"{error}; no document was written (--instance limits an import)", 1) from error
        except SavingError as error:
            raise Failure(str(error), 1) from error
        except Stopped as error:
            raise Failure("stopped; no document was written", stopping.exit_code or 1) from error


def _save(file: Path, imported: Imported) -> None:
    from reconciler.desired.edit import SavingError, save_new

    try:
        save_new(file, imported.text.encode(), private=imported.passkeys)
    except SavingError as error:
        raise Failure(str(error), 1) from error


_NO_FILE: Final = (
    f"there is no {DEFAULT_FILE} here, which has to say where your qBittorrent is. Write these lines to {DEFAULT_FILE} "
    "and run it again (or name another file with -f)"
)


def _check_targets(options: ImportSettings) -> None:
    """Fail before anything is read rather than after it."""
    for name, path in (("--out", options.file), ("--torrents", options.torrents)):
        if path and not path.parent.is_dir():
            raise Failure(f"{name}: there is no folder {path.parent}", 4)
    if options.file and os.path.lexists(options.file):
        raise Failure(f"--out: {options.file} is there already, and is not overwritten. Name another file", 4)
    if options.torrents and os.path.lexists(options.torrents) and not options.torrents.is_dir():
        raise Failure(f"--torrents: {options.torrents} is no folder", 4)


def _next(files: Sequence[Path], new: Path) -> str:
    """The command that shows what comes of it. A folder among the files may hold the new one already."""
    held = any(file.is_dir() and file.resolve() == new.parent.resolve() for file in files)
    given = [word for file in (*files, *(() if held else (new,))) for word in ("-f", str(file))]
    return shlex.join(["reconcile", *given, "--dry-run"])


def _sum(torrents: int, left: int) -> str:
    return count(torrents, "torrent") + (f"; {left:,} left out, as it says at its beginning" if left else "")
