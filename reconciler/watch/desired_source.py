"""The desired state on disk, and the last good state that was read from it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from reconciler.desired import (
    BeginReading,
    DesiredStateError,
    LoadPermissions,
    ParsedFiles,
    TorrentFileCache,
    list_yaml_files,
    load,
)
from reconciler.intake.folder import is_file_of_intake
from reconciler.model.desired import DesiredState
from reconciler.model.magnet import Magnet
from reconciler.model.position import Problem
from reconciler.model.torrent_file import FetchedTorrent, TorrentFile
from reconciler.watch.file_watcher import FileFingerprints, Fingerprints

_READ_ATTEMPTS: Final = 5  # to read files that are being written


class RetryingFetcher(Protocol):
    """Fetches the torrents of URLs, each once, and failed URLs again on request."""

    def __call__(self, urls: Collection[str]) -> Mapping[str, FetchedTorrent]:
        """Return for each URL its torrent, or the reason why it is unknown."""

    def retry_failed(self) -> bool:
        """Try the URLs again whose torrents are unknown. Return True if one of them is known now."""

    def list_known(self) -> Mapping[str, TorrentFile | Magnet]:
        """Return the torrents that are known, by URL."""


class DesiredSource:
    """The last good desired state, kept when a later read fails. The first read raises `DesiredStateError` if it fails.

    `problems` lists what is wrong with the files as they are now; `read_fingerprints` is from when they were read.
    `fetcher` downloads the torrents of URLs. `begin_reading` is called by the first load; see `load`.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        environ: Mapping[str, str],
        fetcher: RetryingFetcher | None = None,
        *,
        permissions: LoadPermissions | None = None,
        begin_reading: BeginReading | None = None,
    ) -> None:
        self._fetcher = fetcher
        self._torrents = TorrentFileCache(fetcher, ParsedFiles(), self._fingerprint_before_read)
        self.problems: tuple[Problem, ...] = ()
        self._paths = tuple(paths)
        self._environ = environ
        self._permissions = permissions or LoadPermissions()
        self._file_fingerprints = FileFingerprints()
        self._dependencies: tuple[str, ...] = ()
        self._fingerprints_before: Fingerprints = {}
        self.read_fingerprints: Fingerprints = {}
        self.desired = self._read_first(begin_reading)

    def retry_fetches(self) -> bool:
        """Try to fetch unknown torrents again. Return True if the next read knows more. Safe in another thread."""
        return self._fetcher is not None and self._fetcher.retry_failed()

    def list_fetched(self) -> Mapping[str, TorrentFile | Magnet]:
        """Return the torrents of the URLs, as far as they are known."""
        return self._fetcher.list_known() if self._fetcher else {}

    def list_files(self) -> list[Path]:
        """Return every file that the desired state depends on, present or not. Safe to call from any thread."""
        yaml_files = list_yaml_files(self._paths)
        names = set(map(str, yaml_files))
        return [*yaml_files, *(Path(name) for name in self._dependencies if name not in names)]

    def fingerprint_files(self, *, thorough: bool = False) -> Fingerprints:
        """Return the fingerprints of the files as they are now; `thorough`: read every file, whatever its times are."""
        return self._file_fingerprints.compute(self.list_files(), thorough=thorough)

    def read(self) -> bool:
        """Read the files again. Return False, and keep everything as it was, if people wrote them meanwhile.

        A fingerprint belongs to the content that was read only if it is the same before and after the read. What the
        sidecar writes is whole at any moment: a write meanwhile only means that there is more to read.
        """
        before, loaded = self._load()
        if not self._has_whole_files(set(loaded.files) - before.keys(), loaded):
            before, loaded = self._load()
        after = self.fingerprint_files()
        changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
        changed.update(set(loaded.files) - before.keys())
        if changed and (isinstance(loaded, DesiredStateError) or not self._has_whole_files(changed, loaded)):
            return False
        if isinstance(loaded, DesiredState):
            self.desired, self._dependencies, self.problems = loaded, loaded.files, ()
        else:  # the files of the last good state still count: one of them may be corrected first
            self._dependencies = tuple(dict.fromkeys((*self.desired.files, *loaded.files)))
            self.problems = loaded.problems
        self.read_fingerprints = {name: before.get(name, now) for name, now in self.fingerprint_files().items()}
        return True

    def _has_whole_files(self, names: Collection[str], loaded: DesiredState | DesiredStateError) -> bool:
        """True if only the sidecar writes all these files: the intake, and uploads, which are named by infohash."""
        desired = loaded if isinstance(loaded, DesiredState) else self.desired
        return not names or (
            desired.intake is not None and all(is_file_of_intake(Path(name), desired.intake.file) for name in names)
        )

    def _read_first(self, begin_reading: BeginReading | None) -> DesiredState:
        for _ in range(_READ_ATTEMPTS):
            before, loaded = self._load(begin_reading)
            begin_reading = None
            self._dependencies = loaded.files
            self.read_fingerprints = self.fingerprint_files()
            if self.read_fingerprints == before:
                break
        if isinstance(loaded, DesiredStateError):
            raise loaded
        return loaded

    def _load(self, begin_reading: BeginReading | None = None) -> tuple[Fingerprints, DesiredState | DesiredStateError]:
        """Return the fingerprints of the files from before they were read, and what they say.

        The files that they name for the first time become known while they are read; all count from then on.
        """
        self._fingerprints_before = self.fingerprint_files()
        loaded: DesiredState | DesiredStateError
        try:
            loaded = load(
                self._paths,
                self._environ,
                torrent_files=self._torrents,
                permissions=self._permissions,
                begin_reading=begin_reading,
            )
        except DesiredStateError as error:
            loaded = error
        self._dependencies = tuple(dict.fromkeys((*self._dependencies, *loaded.files)))
        return self._fingerprints_before, loaded

    def _fingerprint_before_read(self, name: str) -> None:
        if name not in self._fingerprints_before:
            self._fingerprints_before |= self._file_fingerprints.compute([Path(name)])
