"""A desired state with an intake in a folder of its own, and the store of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.desired import TorrentFileCache, load
from reconciler.intake import IntakeStore
from reconciler.intake.checking import KnownSources
from reconciler.model.desired import DesiredState
from reconciler.model.torrent_file import FetchedTorrent, TorrentFileError

HEAD = """\
version: 1
policy: upsert
owner: home
instances: {home: {url: "http://127.0.0.1:1"}, box: {url: "http://127.0.0.1:2"}}
"""


@dataclass
class IntakeHome:
    """A folder with `desired.yaml` and the file of an intake, and how often the store has asked for a run."""

    folder: Path
    own: str = ""
    settings: Mapping[str, int] = field(default_factory=dict)
    fetched: KnownSources = field(default_factory=dict)
    change_count: int = 0

    def __post_init__(self) -> None:
        (self.folder / "state").mkdir(exist_ok=True)
        self.reload()

    @property
    def file(self) -> Path:
        """The file of the intake."""
        return self.folder / "state" / "intake.yaml"

    @property
    def text(self) -> str:
        """Its text."""
        return self.file.read_text()

    def reload(self) -> DesiredState:
        """Read everything again, as the loop does."""
        limits = "".join(f", {key}: {value}" for key, value in self.settings.items())
        intake = f"intake: {{file: state/intake.yaml, instance: home{limits}}}\n"
        (self.folder / "desired.yaml").write_text(HEAD + intake + self.own)
        self.desired = load([self.folder / "desired.yaml"], {}, torrent_files=TorrentFileCache(self._fetch))
        return self.desired

    def _fetch(self, urls: Collection[str]) -> Mapping[str, FetchedTorrent]:
        sources = {url: self.fetched.get(url) for url in urls}
        return {
            url: FetchedTorrent(source, None if source else TorrentFileError("it is away"))
            for url, source in sources.items()
        }

    def open_store(self) -> IntakeStore:
        """Open a store, as a process does that begins."""
        store = IntakeStore(lambda: self.desired, lambda: self.fetched, self._count_change)
        store.open()
        return store

    def _count_change(self) -> None:
        self.change_count += 1
