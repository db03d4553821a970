"""The desired state on disk, and the last good one that was read from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from reconciler.desired import DesiredStateError, Fetch, TorrentFiles, load, yaml_files
from reconciler.model.desired import Desired
from reconciler.model.position import Problem
from reconciler.watch.file_watcher import Look, Looker

_TRIES: Final = 5  # to read files that are being written


class Source:
    """Reads once when made, and raises `DesiredStateError` if that fails. Later failures keep the last good state.

    `problems` says what is wrong with the files as they are now; `read_as` is how they looked when they were read.
    `fetch` gets the torrents of URLs.
    """

    def __init__(self, paths: Sequence[Path], environ: Mapping[str, str], fetch: Fetch | None = None) -> None:
        self._torrents = TorrentFiles(fetch)
        self.problems: tuple[Problem, ...] = ()
        self._paths = tuple(paths)
        self._environ = environ
        self._looker = Looker()
        self._known: tuple[str, ...] = ()
        self.read_as: Look = {}
        self.desired = self._first()

    @property
    def unfetched(self) -> bool:
        """Is the desired state as it is now unknown because another server is in trouble? That may pass by itself."""
        return any(problem.remote for problem in self.problems)

    def files(self) -> list[Path]:
        """Every file that the desired state depends on, there or not. May be called from any thread."""
        own = yaml_files(self._paths)
        known = set(map(str, own))
        return [*own, *(Path(name) for name in self._known if name not in known)]

    def look(self, *, thorough: bool = False) -> Look:
        """How the files are now."""
        return self._looker.look(self.files(), thorough=thorough)

    def read(self) -> bool:
        """Read the files anew. False where they were being written meanwhile: then nothing has changed here.

        Only what was looked at before it was read, and is still the same after it, is known to be what was read.
        """
        before, loaded = self.look(), self._load()
        if not set(loaded.files) <= before.keys():  # they name others now
            self._known = tuple(dict.fromkeys((*self._known, *loaded.files)))
            before, loaded = self.look(), self._load()
        if self.look() != before or not set(loaded.files) <= before.keys():
            return False
        if isinstance(loaded, Desired):
            self.desired, self._known, self.problems = loaded, loaded.files, ()
        else:  # what the last good state depends on goes on to count: its passwords may be mended first
            self._known = tuple(dict.fromkeys((*self.desired.files, *loaded.files)))
            self.problems = loaded.problems
        self.read_as = self.look()
        return True

    def _first(self) -> Desired:
        for _ in range(_TRIES):
            before = self.look()
            loaded = self._load()
            self._known = loaded.files
            self.read_as = self.look()
            if self.read_as == before:
                break
        if isinstance(loaded, DesiredStateError):
            raise loaded
        return loaded

    def _load(self) -> Desired | DesiredStateError:
        try:
            return load(self._paths, self._environ, torrents=self._torrents)
        except DesiredStateError as error:
            return error
