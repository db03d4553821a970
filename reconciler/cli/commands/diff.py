"""`reconcile diff`: what a change of the desired state would do, without any server."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Mapping
from contextlib import chdir, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.cli import console, logs
from reconciler.cli.child_process import call_in_child
from reconciler.cli.loading import failure_from_problems
from reconciler.cli.progress import ProgressBars
from reconciler.cli.settings import CommandFailure, OutputFormat, Settings
from reconciler.model.comparison import Comparison
from reconciler.model.desired import DesiredState
from reconciler.model.lazy_dataclass import dataclass
from reconciler.model.torrent_file import FetchedTorrent
from reconciler.report.text.problems import format_count
from reconciler.waits import track_wait

if TYPE_CHECKING:
    from reconciler.desired.revision import GitRevision
    from reconciler.plan.comparison import ProjectedState


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two desired states. `name`: as the user gave it; `root`: the folder that its files are relative to."""

    name: str
    desired: DesiredState
    root: str

    def find_relative_files(self) -> dict[str, str]:
        """Return its files by their paths from its root."""
        return {os.path.relpath(file, self.root): file for file in self.desired.files}


def diff_command(settings: Settings, old: str, new: str, *, detailed_exitcode: bool) -> int:
    """Compare two desired states and report what differs. Return the exit code."""
    from reconciler.plan.comparison import compare_states

    logs.configure(settings)
    old_side, projected, new_side = _load_sides(settings, old, new)
    console.print_problems(settings, new_side.desired.warnings)
    locate = _FileLocator(old_side, new_side)
    comparison = compare_states(projected, new_side.desired, names=(old, new), locate=locate)
    _write_comparison(comparison, settings, comparison.compute_exit_code(detailed=detailed_exitcode))
    return comparison.compute_exit_code(detailed=detailed_exitcode)


class _FileLocator:
    """Finds what a file of the older state is called in the newer one: it has the same path from the root of each."""

    def __init__(self, old: _Side, new: _Side) -> None:
        self._old = {file: relative for relative, file in old.find_relative_files().items()}
        self._new = new.find_relative_files()
        old_files, new_files = list(self._old), list(self._new.values())
        if len(old_files) == len(new_files) == 1:  # one file each, whatever it is called
            self._new[self._old[old_files[0]]] = new_files[0]

    def __call__(self, file: str) -> str | None:
        return self._new.get(self._old.get(file, file))


def _load_sides(settings: Settings, old: str, new: str) -> tuple[_Side, ProjectedState, _Side]:
    """Load both states at the same time, and project the older one.

    Raises `CommandFailure` with the problems of the first that is invalid.
    """
    from reconciler.desired.builders import desired_state  # noqa: F401 - slow to import: once for both processes
    from reconciler.plan.comparison import project_state
    from reconciler.retry import utc_now

    wait_for_new = call_in_child(partial(_load_side, new))  # before the progress has a thread
    with ProgressBars(settings):
        try:
            with track_wait("loading", old):
                old_side = _load_side(old)
                projected = project_state(old_side.desired, utc_now())
        except CommandFailure:
            with suppress(CommandFailure):
                wait_for_new()
            raise
        with track_wait("loading", new):
            return old_side, projected, wait_for_new()


def _load_side(name: str) -> _Side:
    from reconciler.desired.revision import PREFIX

    if name.startswith(PREFIX):
        return _load_revision(name)
    path = Path(name)
    if not path.exists():
        hint = " For a revision of git: git:REV or git:REV:PATH" if ":" in name else ""
        raise CommandFailure(f"there is no file or folder {name}.{hint}", 4)
    return _Side(name, _load_path(path, name), str(path if path.is_dir() else path.parent))


def _load_revision(name: str) -> _Side:
    from reconciler.desired.revision import RevisionError, parse_revision

    try:
        revision = parse_revision(name)
        with tempfile.TemporaryDirectory(prefix="reconcile-diff-") as folder:
            revision.copy_files(revision.select_initial_files(), Path(folder))
            desired = _load_copies(revision, Path(folder))
    except RevisionError as error:
        raise CommandFailure(str(error), 4) from error
    path = revision.path
    is_file = path in revision.entries
    return _Side(name, desired, (os.path.dirname(path) if is_file else path) or ".")  # noqa: PTH120 - a path in git


def _load_copies(revision: GitRevision, folder: Path) -> DesiredState:
    """Load the copies, and once more with the files that the load turns out to need."""
    from reconciler.desired import DesiredStateError

    with chdir(folder):  # so that positions are paths in the repository
        try:
            desired = _load_state(Path(revision.path))
            needed = _find_uncopied(desired.files, revision, folder)
            if not needed:
                return desired
        except DesiredStateError as error:
            needed = _find_uncopied(error.files, revision, folder)
            if not needed:
                raise _failure_of(revision.text, error) from error
    revision.copy_files(needed, folder)
    with chdir(folder):
        return _load_path(Path(revision.path), revision.text)


def _find_uncopied(files: Collection[str], revision: GitRevision, folder: Path) -> set[str]:
    paths = {os.path.normpath(file) for file in files}
    return {path for path in paths if path in revision.entries and not os.path.lexists(folder / path)}


def _load_path(path: Path, name: str) -> DesiredState:
    from reconciler.desired import DesiredStateError

    try:
        return _load_state(path)
    except DesiredStateError as error:
        raise _failure_of(name, error) from error


def _load_state(path: Path) -> DesiredState:
    """Load what people declare, without its secrets, and with a stand-in for every torrent that a URL names."""
    from reconciler.desired import LoadPermissions, TorrentFileCache, load

    return load(
        [path],
        {},
        resolve_secrets=False,
        torrent_files=TorrentFileCache(_stand_in_for_urls),
        permissions=LoadPermissions(reads_secrets=False, reads_intake=False),
    )


def _stand_in_for_urls(urls: Collection[str]) -> Mapping[str, FetchedTorrent]:
    from reconciler.plan.stand_ins import build_url_stand_in

    return {url: FetchedTorrent(build_url_stand_in(url)) for url in urls}


def _failure_of(name: str, error: object) -> CommandFailure:
    problems = getattr(error, "problems", ())
    failure = failure_from_problems(problems)
    message = f"{name} is invalid: {format_count(len(problems))}"
    return CommandFailure(message, failure.exit_code, problems)


def _write_comparison(comparison: Comparison, settings: Settings, exit_code: int) -> None:
    if settings.output is OutputFormat.JSON:
        from reconciler.report.json.comparison import write_comparison

        console.write_report(lambda stream: write_comparison(comparison, exit_code, stream))
    elif settings.output is OutputFormat.MARKDOWN:
        from reconciler.report.markdown_comparison import render_comparison_markdown

        console.write_report_text([render_comparison_markdown(comparison).rstrip("\n")])
    elif settings.output is OutputFormat.GITHUB:
        from reconciler.report.github_comparison import render_comparison_annotations
        from reconciler.report.markdown_comparison import render_comparison_markdown

        annotations = render_comparison_annotations(comparison, console.make_repository_relative)
        console.write_github_report(annotations, render_comparison_markdown(comparison))
    else:
        from reconciler.report.text.comparison import render_comparison

        console.write_report_lines(render_comparison(comparison))
