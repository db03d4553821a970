"""The command import."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reconciler.cli import logs, out
from reconciler.cli.loading import files_of, load_desired
from reconciler.cli.progress import Bars
from reconciler.cli.settings import DEFAULT_FILE, Failure, Settings
from reconciler.cli.signals import Stopping
from reconciler.model.desired import Desired
from reconciler.model.errors import Stopped
from reconciler.report.lines import Style, line
from reconciler.report.problems import count

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
    categories: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


def import_command(settings: Settings, options: ImportSettings) -> int:
    """Declare what is live, and print it or write it to a new file."""
    from reconciler.control import UnknownInstance
    from reconciler.control.importing import Asked, NothingLike, NotRead, import_library
    from reconciler.desired import load
    from reconciler.desired.editing import SavingError, save_new

    logs.configure(settings)
    if not settings.files and not DEFAULT_FILE.exists():
        raise Failure(_NO_FILE, 4, more=FIRST_FILE.splitlines())
    _check_target(options.file)
    files = files_of(settings)
    desired = load_desired(settings)
    name = str(options.file or _PRINTED)

    def merged(name: str, text: str) -> Desired:
        return load((*files, Path(name)), os.environ, texts={Path(name): text})

    asked = Asked(name, settings.instances, options.categories, options.tags)
    with Stopping() as stopping, Bars(enabled=sys.stderr.isatty() and not settings.quiet):
        try:
            imported = import_library(desired, asked, merged, stopping.event)
        except (UnknownInstance, NothingLike) as error:
            raise Failure(str(error), 4) from error
        except NotRead as error:
            raise Failure(f"{error}; nothing was imported (--instance limits the import to others)", 1) from error
        except Stopped as error:
            raise Failure("stopped; nothing was imported", stopping.exit_code or 1) from error
    if options.file:
        try:
            save_new(options.file, imported.text.encode(), private=imported.passkeys)
        except SavingError as error:
            raise Failure(str(error), 1) from error
        out.publish_lines([line((str(options.file), Style.STRONG), f": {_sum(imported.torrents, len(imported.left))}")])
        shown = " ".join(f"-f {file}" for file in (*files, options.file))
        out.publish_lines([line(("next: ", Style.DIM), f"reconcile {shown} --dry-run")])
    else:
        out.publish(lambda stream: stream.buffer.write(imported.text.encode()))  # UTF-8, whatever the terminal speaks
    if imported.passkeys and not settings.quiet:
        where = "the file is readable by you alone" if options.file else "think of who can read it"
        said = f"trackers in it hold what looks like a passkey; {where}"
        out.tell(line(("note: ", Style.CHANGE), said))
    return stopping.exit_code or 0


_NO_FILE: Final = (
    f"there is no {DEFAULT_FILE} here, which has to say where your qBittorrent is. Write these lines to {DEFAULT_FILE} "
    "and run it again (or name another file with -f)"
)


def _check_target(file: Path | None) -> None:
    """Fail before anything is read rather than after it."""
    if file is None:
        return
    if not file.parent.is_dir():
        raise Failure(f"--out: there is no folder {file.parent}", 4)
    if os.path.lexists(file):
        raise Failure(f"--out: {file} is there already, and is not overwritten. Name another file", 4)


def _sum(torrents: int, left: int) -> str:
    return count(torrents, "torrent") + (f"; {left:,} left out, as it says at its beginning" if left else "")
